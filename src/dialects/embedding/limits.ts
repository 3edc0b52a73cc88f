/** Bounds of the embedding endpoint. */

/** Texts of one call. Source: the vendor's largest, text-embedding-v1 and -v2. */
export const CALL_TEXTS_MAX = 25;
/**
 * Bytes of one request body. Source: ours; 25 texts of the largest size the vendor takes, with
 * room.
 */
export const CALL_BODY_BYTES_MAX = 4_194_304;
/** UTF-16 units of one text. Source: ours; about twice the 8,192 tokens of text-embedding-v4. */
export const CALL_TEXT_LENGTH_MAX = 65_536;
