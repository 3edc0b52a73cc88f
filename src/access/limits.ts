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
