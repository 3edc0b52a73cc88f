/**
 * Limits of S3 Vectors as data: each with its unit and where it comes from.
 *
 * "Model" is the vendor's service model, "guide" its user guide. docs/dialects/s3-vectors.md names
 * what differs.
 */

/** Always enforced, whatever the quotas. */
export const S3_LIMITS = {
  /** Characters of a bucket name. Model. */
  bucketNameCharactersMin: 3,
  bucketNameCharactersMax: 63,
  /** Characters of the name of a new index. Model. */
  indexNameCharactersMin: 3,
  indexNameCharactersMax: 63,
  /** Unicode characters of a vector key. Model. */
  keyCharactersMax: 1_024,
  /** Components of one vector. Model. */
  dimensionMax: 4_096,
  /** Names in `nonFilterableMetadataKeys`. Model. */
  nonFilterableKeysMax: 10,
  /** Characters of one such name. Model. */
  nonFilterableKeyCharactersMax: 63,
  /** Vectors of one PutVectors call. Model. */
  putVectorsMax: 500,
  /** Keys of one DeleteVectors call. Model. */
  deleteKeysMax: 500,
  /** Keys of one GetVectors call. Model. */
  getKeysMax: 100,
  /** Hits of one query, over all its pages. Guide, since June 2026; before: 100. */
  topKMax: 10_000,
  /** Hits of one page of a query at most. Source: ours; the vendor's figure is not published. */
  queryPageMax: 1_000,
  /** A query page with so many hits is never cut: clients that know no pages ask for this many. */
  queryPageMin: 100,
  /** A query page ends with the hit that passes this many characters, once it is long enough. */
  queryPageCharactersMax: 4_194_304,
  /** Time in which the next page of a query can be asked for, ms. Guide: several minutes. */
  queryTokenLifeMs: 600_000,
  /** Vectors of one ListVectors page. Model. */
  listVectorsMax: 1_000,
  listVectorsDefault: 500,
  /** A ListVectors page ends with the vector that passes this many bytes. Model: about 1 MB. */
  listVectorsBytesMax: 1_048_576,
  /** Parts of a parallel ListVectors. Model. */
  segmentCountMax: 16,
  /** Indexes or buckets of one page. Model. */
  listNamesMax: 500,
  /** The same by default. Source: ours; the vendor's figure is not published. */
  listNamesDefault: 500,
  /** Characters of a prefix of names. Model. */
  prefixCharactersMax: 63,
  /**
   * Characters of a page token sent to us. Model: 2,048; ours are longer for keys beyond 1,520
   * bytes.
   */
  pageTokenCharactersMax: 8_192,
  /** UTF-8 bytes of one vector's metadata as compact JSON. Guide: 40 KB. */
  metadataBytesMax: 40_960,
  /** The part of it under filterable names, bytes. Guide: 2 KB. */
  filterableMetadataBytesMax: 2_048,
  /** Names in one vector's metadata. Guide. */
  metadataKeysMax: 50,
  /** UTF-8 bytes of a filter as compact JSON. Source: ours, as for OSS Vectors. */
  filterBytesMax: 65_536,
  /** Conditions of one filter. Source: ours, as for OSS Vectors. */
  filterItemsMax: 1_024,
  /** Nested filter objects, the outermost counted. Source: ours, as for OSS Vectors. */
  filterDepthMax: 8,
  /** Tags of a bucket or an index. Guide. */
  tagsMax: 50,
  /** Characters of the name of a tag, and of its value. Model. */
  tagKeyCharactersMax: 128,
  tagValueCharactersMax: 256,
  /** Characters of the ARN in a tag call. Model. */
  resourceArnCharactersMax: 1_011,
  /** Characters of `kmsKeyArn`. Model. */
  kmsKeyArnCharactersMax: 2_048,
  /** Body bytes of PutVectors. Guide: 20 MiB. */
  putVectorsBodyBytesMax: 20_971_520,
  /** Body bytes of GetVectors, DeleteVectors. Source: 500 keys of 1,024 characters, escaped. */
  keysBodyBytesMax: 8_388_608,
  /** Body bytes of QueryVectors. Source: 4,096 components, 64 KB of filter, blanks. */
  queryBodyBytesMax: 1_048_576,
  /** Body bytes of all other calls. Source: ours; a policy in JSON inside JSON fits. */
  smallBodyBytesMax: 262_144,
} as const;

/** Of one account; enforced only with the setting `ossQuotas: "seed"`. Source: guide. */
export const S3_QUOTAS = {
  /** Buckets of one account and region. */
  bucketsMax: 10_000,
  /** Indexes of one bucket. */
  indexesPerBucketMax: 10_000,
  /** Vectors of one index. */
  vectorsPerIndexMax: 2_000_000_000,
  /** PutVectors and DeleteVectors calls per second of one index. */
  writeCallsPerSecondMax: 1_000,
  /** Vectors put or deleted per second of one index. */
  writtenVectorsPerSecondMax: 2_500,
} as const;
