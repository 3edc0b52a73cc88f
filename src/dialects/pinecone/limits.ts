/** Bounds of the Pinecone dialect, besides those of the engine; docs/limits.md lists them. */

export const PINECONE_LIMITS = {
  /** Records of one upsert. Source: the vendor's documentation. */
  upsertVectorsMax: 1_000,
  /** Body bytes of an upsert. Source: the vendor's 2 MB and room for the digits of doubles. */
  upsertBodyBytesMax: 8_388_608,
  /** Body bytes of every other call about records. Source: 10,000 values of a filter. */
  callBodyBytesMax: 2_097_152,
  /** Body bytes of a call of the control plane. Source: 20 tags and a schema. */
  controlBodyBytesMax: 262_144,
  /** Texts of one embed. Source: the vendor. */
  textsMax: 96,
  /** Body bytes of an embed. Source: ours; 96 chunks of 40 KB. */
  inferenceBodyBytesMax: 4_194_304,
  /** Body bytes of a rerank. Source: ours; 500 documents of 32 KB. */
  rerankBodyBytesMax: 16_777_216,
  /** Characters of an id. Source: the vendor. */
  idCharactersMax: 512,
  /** Characters of a namespace. Source: the vendor; the engine's 512 bytes hold besides. */
  namespaceCharactersMax: 512,
  /** Characters of the name of a new index. Source: the vendor. */
  indexNameCharactersMax: 45,
  /** Numbers of one sparse vector. Source: the vendor. */
  sparseValuesMax: 2_048,
  /** Bytes of a record's metadata as compact JSON. Source: the vendor's 40 KB. */
  metadataBytesMax: 40_960,
  /** Values behind one $in or $nin. Source: the vendor. */
  filterValuesMax: 10_000,
  /** Matches of a query. Source: the vendor. */
  topKMax: 10_000,
  /** Bytes of the matches of one query. Source: the vendor's 4 MB. */
  queryAnswerBytesMax: 4_194_304,
  /** Ids of one fetch and of one delete. Source: the vendor. */
  idsMax: 1_000,
  /** Numbers of all records of one answer: about 90 MB of text. Source: ours. */
  answerNumbersMax: 8_388_608,
  /** Ids of a page, namespaces of a page; more are not given. Source: the vendor. */
  pageItemsMax: 100,
  /** Records of a page of fetch_by_metadata: unless asked for, and at most. Source: the vendor. */
  fetchPageItems: 100,
  fetchPageItemsMax: 10_000,
  /** Bytes after which a page of fetch_by_metadata ends early. Source: the vendor's 4 MB. */
  fetchPageBytesMax: 4_194_304,
  /** Namespaces that the statistics of an index name, if it has no more. Source: 0.2 s of work. */
  statsNamespacesMax: 10_000,
  /** Namespaces that the statistics of an index of more than that name. Source: 50 ms. */
  statsNamespacesOfMany: 100,
  /** Bytes of the names in statistics. Source: ours; 10,000 names of a hundred bytes. */
  statsNameBytesMax: 1_048_576,
  /** Namespaces that a prefix finds and that are counted. Source: the vendor's most of an index. */
  namespacesCountedMax: 100_000,
  /** Backups of a project, and restores that are remembered. Source: ours; lists are walked. */
  backupsMax: 1_000,
  restoreJobsMax: 1_000,
  /** Characters of a backup's name, and of its description. Source: ours. */
  backupTextCharactersMax: 256,
  /** Backups or restores of a page: unless asked for, and at most. Source: the vendor. */
  backupPageItems: 10,
  backupPageItemsMax: 100,
  /** Tags of an index, and characters of their names and values. Source: the vendor. */
  tagsMax: 20,
  tagNameCharactersMax: 80,
  tagValueCharactersMax: 120,
  /** Characters of a page token: a prefix, a namespace and a key, each of 512, and a seal. */
  tokenCharactersMax: 16_384,
} as const;
