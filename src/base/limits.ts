/** Upper bounds of the engine. Each has a name, a unit and a source; docs/limits.md lists them. */

/**
 * Components of one vector. Source: 4,096 is the largest of the vendors; room for longer models.
 */
export const DIMENSION_MAX = 16_384;

/**
 * Lowest and highest share of the true nearest that a vector field can be made to find. Source: a
 * graph's own check tells no finer differences from 1; `exact` finds all.
 */
export const RECALL_MIN = 0.5;
export const RECALL_MAX = 0.999;
/** Vector fields of one collection. */
export const VECTOR_FIELDS_MAX = 16;
/**
 * Values of one sparse vector. Source: 2,048 in Pinecone; room for whole vocabularies of a text.
 */
export const SPARSE_VALUES_MAX = 16_384;
/** UTF-8 bytes of a record key. Source: 1,024 characters of four bytes in OSS and S3 Vectors. */
export const KEY_BYTES_MAX = 4_096;
/** UTF-8 bytes of the name of a database, collection or tenant. */
export const NAME_BYTES_MAX = 512;
/** Encoded metadata of one record, bytes. */
export const METADATA_BYTES_MAX = 1_048_576;
/** Nesting of metadata values. */
export const METADATA_DEPTH_MAX = 32;
/** Leaves and inner nodes of one filter. */
export const FILTER_NODES_MAX = 16_384;
/** Nesting of one filter. */
export const FILTER_DEPTH_MAX = 32;
/** Records of one batch. */
export const BATCH_RECORDS_MAX = 10_000;
/** Records of one update, and of one frame of an update by filter. */
export const UPDATE_RECORDS_MAX = 1_000;
/** Encoded bytes of one batch; one log frame holds it. */
export const BATCH_BYTES_MAX = 67_108_864;
/** Hits of one query. Source: 10,000 in S3 Vectors and Pinecone. */
export const TOP_K_MAX = 10_000;
/** Tenants created by one call. */
export const TENANTS_CREATED_MAX = 10_000;
/** Items of one listing page. */
export const PAGE_ITEMS_MAX = 10_000;
/** Shards of one search over many. */
export const QUERY_PLACES_MAX = 10_000;
/** Searches of one call at one place; their hits together are at most TOP_K_MAX. */
export const QUERIES_MAX = 100;
/** Searches that are kept for further pages, on a node and of one shard: the eldest goes. */
export const SEARCHES_KEPT_MAX = 256;
export const SEARCHES_KEPT_OF_SHARD_MAX = 16;
/** A kept search that nobody goes on with is forgotten after this long. */
export const SEARCH_KEPT_MS = 60_000;
/** Collections whose recall is told by name; the others are one. */
export const COLLECTIONS_PROBED_MAX = 100;
/** Records that maximal marginal relevance chooses from. */
export const MMR_CANDIDATES_MAX = 1_000;
/** Attributes of a database or collection: count, and bytes of all together. */
export const ATTRIBUTES_MAX = 64;
export const ATTRIBUTE_BYTES_MAX = 65_536;
/** Properties of a schema that are never indexed. Source: 10 in S3 Vectors; room for SQL tables. */
export const UNFILTERABLE_PROPERTIES_MAX = 1_024;
/** Properties with an inverted index in one segment; filters on others are evaluated row by row. */
export const INVERTED_PROPERTIES_MAX = 1_024;
/** UTF-8 bytes of a string in an inverted index; rows with longer ones are looked at themselves. */
export const INVERTED_TERM_BYTES_MAX = 512;
/** Tenants named in one call that changes many. */
export const TENANTS_NAMED_MAX = 10_000;
/** Failures that such a call tells one by one; the others are counted. */
export const FAILURES_TOLD_MAX = 100;
/** Tenants that one page of a listing looks at; a page of few that match ends there. */
export const TENANTS_LOOKED_MAX = 10_000;
/**
 * Shortest and longest time of a policy, milliseconds: a minute and ten years. Source: last uses
 * are kept by the sixteenth of it, and each costs a row of the log.
 */
export const POLICY_DURATION_MS_MIN = 60_000;
export const POLICY_DURATION_MS_MAX = 315_360_000_000;
/** Pins of a collection, names or patterns; and their bytes together, as its row is one frame. */
export const PINS_MAX = 256;
export const PIN_BYTES_MAX = 16_384;
/**
 * Warm schedules of a collection, names or patterns of one, and the UTF-8 bytes of those of all
 * together: they are in the row of the collection, which is one frame of the log.
 */
export const WARM_SCHEDULES_MAX = 16;
export const WARM_SCHEDULE_TENANTS_MAX = 256;
export const WARM_SCHEDULE_BYTES_MAX = 16_384;
/** Windows of a warm schedule that a dry run tells. */
export const WINDOWS_TOLD_MAX = 3;
/** Smallest share of the memory that a policy may leave to a collection. */
export const MEMORY_SHARE_MIN = 0.001;
/**
 * Share of the memory that pinned tenants of all collections are spared in; also their share of
 * the places for shards that are awake.
 */
export const PINNED_SHARE_MAX = 0.5;
/**
 * Calls that wait for memory to load into; milliseconds that one waits while nothing begins, and
 * while others do. Source: ours; each costs about a kilobyte, and clients give up after half a
 * minute to a minute.
 */
export const LOADS_WAITING_MAX = 16_384;
export const LOAD_STALL_MS = 10_000;
export const LOAD_WAIT_MS = 60_000;
/** Uses of tenants that wait to be kept; of others the next use is. */
export const USES_WAITING_MAX = 10_000;

/**
 * Calls of one place that wait for their turn, and of all places together. Source: ours; about 1
 * KiB each besides what the call brings.
 */
export const FLOW_WAITING_MAX = 16_384;
export const TURNS_WAITING_MAX = 65_536;
/**
 * Share of a place in the turns, against those of others. Source: ours; a place of the least weight
 * still has a hundredth of the turns of one that has 1.
 */
export const TURN_WEIGHT_MAX = 100;
export const TURN_WEIGHT_MIN = 0.01;
