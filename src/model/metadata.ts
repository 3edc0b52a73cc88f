/**
 * Values a record carries to be filtered by and returned.
 *
 * A `number` is a float64 or an integer within ±(2^53-1); integers outside that range, up to the
 * limits of int64 and uint64, are `bigint` and are never rounded. Comparisons between the kinds of
 * number are exact. Objects have no prototype semantics: keys are data, also `__proto__`.
 */
export type MetadataScalar = string | boolean | number | bigint;

export type MetadataValue =
  MetadataScalar | null | Date | Uint8Array | readonly MetadataValue[] | MetadataObject;

/** Always made with a null prototype by our decoders. */
export interface MetadataObject {
  readonly [name: string]: MetadataValue;
}

/** Top-level metadata of a record: property name to value, in the order written. */
export type Metadata = MetadataObject;
