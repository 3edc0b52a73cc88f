/**
 * ON DISK: encoded metadata, docs/formats/metadata.md. Values here never change.
 *
 * ```
 * metadata  version u8, body
 * body      count varint, count × (name: length varint, UTF-8; value)
 * value     tag u8, payload
 * ```
 */
export const METADATA_FORMAT_VERSION = 1;

export const TAG = {
  null: 0,
  false: 1,
  true: 2,
  /** Safe integer n ≥ 0: varint n. */
  positive: 3,
  /**
   * Safe integer n < 0: varint -1 - n. The sign is in the tag: a zigzag of 2^53-1 is no safe
   * integer.
   */
  negative: 4,
  /** Outside the safe integers: 8 bytes, two's complement. */
  int64: 5,
  /** Above int64: 8 bytes. */
  uint64: 6,
  /** IEEE 754 bits, 8 bytes; also -0 and integers written as a float beyond 2^53. */
  float64: 7,
  /** Length varint, UTF-8. */
  string: 8,
  /** Length varint, bytes. */
  bytes: 9,
  /** Milliseconds since 1970, int64. */
  date: 10,
  /** Byte length u32 of what follows, count varint, values. */
  list: 11,
  /** Byte length u32 of what follows, body. */
  object: 12,
} as const;
