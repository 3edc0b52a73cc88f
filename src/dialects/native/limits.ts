/** Bounds of our own HTTP interface, besides those of the engine; docs/limits.md lists them. */

export const NATIVE_LIMITS = {
  /** Body bytes of an upsert or insert. Source: 80 MiB, as OSS; the parser's bound is 128 MiB. */
  recordsBodyBytesMax: 83_886_080,
  /** Body bytes of get, delete, count and list. Source: 10,000 keys of 800 bytes. */
  keysBodyBytesMax: 8_388_608,
  /** Body bytes of a search at one place. Source: 16,384 numbers of 20 digits, and a filter. */
  searchBodyBytesMax: 1_048_576,
  /** Body bytes of a call that names a cursor. */
  cursorBodyBytesMax: 1_024,
  /** Body bytes of a search at many. Source: 10,000 places of 300 bytes, and a search. */
  manyBodyBytesMax: 4_194_304,
  /** Body bytes of several searches at one place. Source: 100 of 4,096 numbers of 20 digits. */
  allBodyBytesMax: 8_388_608,
  /** Body bytes of the calls about databases, collections, tenants and keys. */
  catalogBodyBytesMax: 262_144,
  /** Body bytes of embed. */
  embedBodyBytesMax: 1_048_576,
  /** Texts of one embed call. */
  embedTextsMax: 256,
  /** Body bytes of rerank. Source: 500 documents of 16,384 units, the rest of which is cut. */
  rerankBodyBytesMax: 16_777_216,
  /** Keys of a get, which brings all of them into one answer. */
  getKeysMax: 1_000,
  /** The same with vectors. */
  getKeysVectorsMax: 256,
  /** Hits of a search whose answer has metadata. */
  topKMetadataMax: 1_000,
  /** Hits of a search whose answer has vectors. */
  topKVectorsMax: 256,
  /** Hits when nobody asks for a number. */
  topKDefault: 10,
  /** Components of all vectors of one answer; about 90 MB of text. */
  answerNumbersMax: 8_388_608,
  /** Bytes after which a page of records ends early. */
  pageBytesMax: 8_388_608,
  /** Records of one step of an export. */
  exportPageItems: 1_000,
  /** Bytes after which such a step ends early: as much is held for each export under way. */
  exportPageBytesMax: 1_048_576,
  /** Tenants looked at by one call that changes many, when nobody asks for a number. */
  tenantsChangedDefault: 1_000,
  /** Items of a page when nobody asks for a number. */
  pageItemsDefault: 100,
  /** Encoded metadata bytes of one record written here. Source: 40 KB is the most of the vendors. */
  metadataBytesMax: 65_536,
  /** Conditions and values of a filter. Source: 1,024 in OSS. */
  filterNodesMax: 1_024,
  /** Grants of a key, and items of one list in a grant. Source: access. */
  grantsMax: 64,
} as const;
