/** Bounds of keys, grants and policies. */

/** Keys whose secret is held open in memory; about 500 bytes each. */
export const KNOWN_KEYS_MAX = 10_000;
/** Grants of one key, and patterns of one list in a grant. */
export const GRANTS_MAX = 64;
export const PATTERNS_MAX = 64;
/** Characters of one pattern. */
export const PATTERN_CHARS_MAX = 512;
/** Characters of a given admin id. Source: what fits every vendor's credential scope. */
export const KEY_ID_CHARS_MAX = 128;
/** Characters of a given admin secret: short ones can be guessed from one signed request. */
export const SECRET_CHARS_MIN = 8;
export const SECRET_CHARS_MAX = 256;
/** Decimal digits of an account. */
export const ACCOUNT_DIGITS_MAX = 32;
/** UTF-8 bytes of a policy document. Source: 16 KB in OSS. */
export const POLICY_BYTES_MAX = 16_384;
/** Statements of a policy, and items of one list in a statement. */
export const STATEMENTS_MAX = 100;
export const STATEMENT_ITEMS_MAX = 100;
/** Requests a second of one key. Source: ours; above it nobody is held back by a bucket. */
export const KEY_RATE_MAX = 100_000;
/** One request in about a minute and a half. */
export const KEY_RATE_MIN = 0.01;
/** Time a replaced secret may go on holding, ms: 30 days. */
export const ROTATION_GRACE_MS_MAX = 2_592_000_000;
/** Bytes of one file of the audit log; then it becomes `.1`. */
export const AUDIT_FILE_BYTES_MAX = 67_108_864;
/** Older files of the audit log that are kept. */
export const AUDIT_OLD_FILES_MAX = 8;
/** Lines waiting to be written; further ones are lost and counted. About 300 bytes each. */
export const AUDIT_LINES_WAITING_MAX = 16_384;
/** Characters of one name in a line; names of refused requests can be anything. */
export const AUDIT_NAME_CHARS_MAX = 512;
