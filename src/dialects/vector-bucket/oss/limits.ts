/**
 * Limits of OSS Vectors as data: each with its unit and where it comes from.
 *
 * "Reference" is the vendor's API reference, "seed" the oss-vector text the project was asked to
 * implement. The vendor raised several figures over time; docs/dialects/oss-vectors.md lists old
 * and new ones side by side.
 */

/** Always enforced, whatever the quotas. */
export const OSS_LIMITS = {
  /** Vectors of one PutVectors call. Reference and seed. */
  putVectorsMax: 500,
  /** Keys of one DeleteVectors call. Reference and seed. */
  deleteKeysMax: 500,
  /** Keys of one GetVectors call. Seed; the reference says 100, the larger is accepted. */
  getKeysMax: 500,
  /** Components of one vector. Reference and seed. */
  dimensionMax: 4_096,
  /** Components when PutVectorIndex names no dimension. Seed. */
  dimensionDefault: 512,
  /** Unicode characters of a vector key. Reference and seed. */
  keyCharactersMax: 1_024,
  /** UTF-8 bytes of one vector's metadata as compact JSON. Reference and seed: 40 KB. */
  metadataBytesMax: 40_960,
  /** The part of it under filterable names, bytes. Reference and seed: 2 KB. */
  filterableMetadataBytesMax: 2_048,
  /** Names in `nonFilterableMetadataKeys`. Reference and seed. */
  nonFilterableKeysMax: 10,
  /** UTF-8 bytes of one such name. Reference and seed. */
  nonFilterableKeyBytesMax: 63,
  /** Letters and digits of an index name. Reference and seed. */
  indexNameCharactersMax: 63,
  /** Characters of a bucket name. Source: the clients' own check before sending. */
  bucketNameCharactersMin: 3,
  bucketNameCharactersMax: 63,
  /** UTF-8 bytes of a filter as compact JSON. Seed: 64 KB; a later reference: 20 KB. */
  filterBytesMax: 65_536,
  /** Conditions of one filter. Seed. */
  filterItemsMax: 1_024,
  /** Nested filter objects, the outermost counted. Seed. */
  filterDepthMax: 8,
  /**
   * Hits of one query. Source: the engine's own bound, TOP_K_MAX; the vendor: 30, later 100 and
   * 500.
   */
  topKMax: 10_000,
  /** Hits when a query names no topK. Seed. */
  topKDefault: 10,
  /** Indexes of one ListVectorIndexes page. Reference and seed. */
  listIndexesMax: 500,
  listIndexesDefault: 100,
  /** Vectors of one ListVectors page. Reference. */
  listVectorsMax: 1_000,
  listVectorsDefault: 500,
  /** A ListVectors page ends with the vector that passes this many bytes. Reference: about 1 MB. */
  listVectorsBytesMax: 1_048_576,
  /** Parts of a parallel ListVectors. Reference. */
  segmentCountMax: 16,
  /**
   * Characters of a page token sent to us; ours are shorter: 4,096 key bytes in base64 and a MAC.
   */
  pageTokenCharactersMax: 8_192,
  /** Buckets of one ListVectorBuckets page. Reference and seed. */
  listBucketsMax: 1_000,
  listBucketsDefault: 100,
  /**
   * UTF-8 bytes of a logging configuration. Source: ours, so that it and a policy fit the
   * attributes.
   */
  loggingBytesMax: 8_192,
  /** Characters of `x-oss-resource-group-id`. Source: ours. */
  resourceGroupIdCharactersMax: 64,
  /**
   * Characters of `x-oss-bucket-tagging`. Source: ours; 20 tags of 128 and 256 characters, encoded.
   */
  bucketTaggingCharactersMax: 8_192,
  /**
   * Body bytes of PutVectors. Source: 500 vectors of 4,096 components printed as doubles, about 22
   * bytes each, with 40 KB of metadata and a key, is 66 MB; the rest is room for blanks.
   */
  putVectorsBodyBytesMax: 83_886_080,
  /**
   * Body bytes of GetVectors, DeleteVectors. Source: 500 keys of 1,024 characters, each escaped in
   * 12 bytes.
   */
  keysBodyBytesMax: 8_388_608,
  /**
   * Body bytes of QueryVectors and ListVectors. Source: 4,096 components, 64 KB of filter, blanks.
   */
  queryBodyBytesMax: 1_048_576,
  /** Body bytes of the calls about indexes. Source: ours. */
  indexBodyBytesMax: 65_536,
} as const;

/** Of one account; enforced only with the setting `ossQuotas: "seed"`. Source: seed. */
export const OSS_SEED_QUOTAS = {
  /** Buckets of one account and region. */
  bucketsMax: 10,
  /** Indexes of one bucket. */
  indexesPerBucketMax: 100,
  /** Vectors of one index. */
  vectorsPerIndexMax: 50_000_000,
  /** PutVectorIndex calls per second of one account. */
  indexCreationsPerSecondMax: 5,
  /** ListVectorIndexes calls of one account at the same time. */
  concurrentIndexListsMax: 16,
  /** Hits of one query. */
  topKMax: 30,
} as const;
