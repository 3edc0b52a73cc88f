/**
 * What the routes answer, in the words their bodies are described with: the OpenAPI document shows
 * these schemas and the tests read real answers with them, so that neither can lie.
 */
import { POLICY_ANSWER } from "./policy-body.ts";
import { TENANT_STANDING, state } from "./tenant-standing.ts";
import { VECTOR_FIELDS_MAX } from "../../base/limits.ts";
import {
  choice,
  count,
  flag,
  integer,
  list,
  members,
  nullable,
  number,
  object,
  optional,
  text,
  type Schema,
} from "./schema.ts";

const numbers = list(number("a component"), Number.MAX_SAFE_INTEGER, "a vector");
const createdAtMs = count("milliseconds since 1970");
export const rowCount: Schema<number> = count("records, exact");
export const byteCount: Schema<number> = count("bytes of keys, vectors and metadata, exact");
const attributes = members({ description: "what a dialect keeps with it" }, (value) => value);

export function pageOf(
  item: Schema<unknown>,
  sums: Readonly<Record<string, Schema<unknown>>> = {},
): Schema<unknown> {
  return object(
    {
      ...sums,
      items: list(item, Number.MAX_SAFE_INTEGER, "in the order of their UTF-8 bytes"),
      hasMore: flag("true only when the page after the last item is not empty"),
    },
    "one page",
  );
}

export const DATABASE_ANSWER: Schema<unknown> = object(
  {
    name: text("its name"),
    createdAtMs,
    attributes,
    collectionCount: count("collections, exact"),
  },
  "a database",
);

export const COLLECTION_ANSWER: Schema<unknown> = object(
  {
    database: text("its database"),
    name: text("its name"),
    schema: object(
      {
        vectors: list(
          object(
            {
              name: text("of the field; empty for the unnamed one"),
              dimension: count("components"),
              metric: choice(
                ["cosine", "dot", "euclidean", "manhattan", "hamming"],
                "how distances are measured",
              ),
              recall: optional(number("share of the true nearest aimed at, when one was named")),
              memory: optional(choice(["small", "fast"], "what searches keep in memory")),
            },
            "one vector field",
          ),
          VECTOR_FIELDS_MAX,
          "vector fields",
        ),
        identity: choice(["key", "row"], "what a record is found by"),
        sparseVectors: optional(
          list(
            object({ name: text("of the field") }, "a field of sparse vectors"),
            Number.MAX_SAFE_INTEGER,
            "sparse vectors a record may have",
          ),
        ),
        unfilterable: list(text("a property"), Number.MAX_SAFE_INTEGER, "never indexed"),
      },
      "what its records look like",
    ),
    tenancy: choice(["single", "multi"], "multi: one shard a tenant"),
    status: choice(["enabled", "disabled"], "a disabled collection refuses records"),
    createdAtMs,
    attributes,
    embeddingModel: optional(text("the model whose vectors fill the collection")),
    createsTenants: optional(flag("with tenants: a write creates the one it names")),
    activatesTenants: optional(flag("with tenants: a call makes an INACTIVE one ACTIVE")),
    policy: optional(POLICY_ANSWER),
    rowCount,
    byteCount,
    tenantCount: count("tenants, exact"),
  },
  "a collection",
);

export const TENANT_FACTS: Readonly<Record<string, Schema<unknown>>> = {
  state,
  createdAtMs,
  rowCount,
  byteCount,
  ...TENANT_STANDING,
};

export const TENANT_ANSWER: Schema<unknown> = object(
  { name: text("its name"), ...TENANT_FACTS },
  "a tenant",
);

export const TENANTS_CREATED_ANSWER: Schema<unknown> = object(
  { created: count("tenants made"), existing: count("of the different names, those there before") },
  "what came of many names",
);

export const ERASURE_ANSWER: Schema<unknown> = object(
  {
    database: text("its database"),
    collection: text("its collection"),
    tenant: text("its name"),
    shard: text("uid of its shard, hexadecimal"),
    keyId: count("slot of its key; 0: it was not sealed"),
    isKeyDestroyed: flag("nothing holds the key any more"),
    recordCount: count("records it had"),
    filesRemoved: count("files of its own"),
    filesLeft: count("files of its own that a running read still holds"),
    sharedBytes: count("bytes among those of others, until those files are rewritten"),
    isCopyRemoved: optional(
      flag("nothing is left in the store of offloaded tenants; absent when it was never there"),
    ),
    isUnreadable: flag("nobody can read any of its records from the data folder or that store"),
    erasedAtMs: integer(0, Number.MAX_SAFE_INTEGER, "milliseconds since 1970"),
  },
  "what was found after the erasure",
);

export const DATABASES_ANSWER: Schema<unknown> = pageOf(DATABASE_ANSWER);
export const COLLECTIONS_ANSWER: Schema<unknown> = pageOf(COLLECTION_ANSWER);
export const TENANTS_ANSWER: Schema<unknown> = pageOf(TENANT_ANSWER, {
  next: optional(text("after of the next page, when there is more")),
});

export const CALLER_ANSWER: Schema<unknown> = object(
  {
    kind: choice(["admin", "key"], "whose secret it is"),
    accountId: text("digits"),
    keyId: text("id of the key"),
  },
  "who asks",
);

export const EXTENTS_ANSWER: Schema<unknown> = object(
  {
    shard: text("hexadecimal uid, as files and log lines name it"),
    quarantine: optional(text("why it is out of service; absent when it is healthy")),
    extents: list(
      object(
        {
          kind: choice(
            ["segment", "pack", "log", "catalogue", "key", "collection key", "object"],
            "catalogue: rows about it, beside rows of others; object: an offloaded segment",
          ),
          file: text("relative to the data folder; of an object what its names begin with"),
          offset: count("bytes"),
          length: count("bytes"),
          keySlot: count("the slot whose key sealed the bytes; 0: not sealed"),
          isLive: flag("false for bytes that wait for their removal"),
        },
        "bytes in one file",
      ),
      Number.MAX_SAFE_INTEGER,
      "by file and offset",
    ),
  },
  "where bytes lie",
);

export const USAGE_ANSWER: Schema<unknown> = pageOf(
  object({ name: text("of a database"), collectionCount: count("collections") }, "a database"),
);
export const DATABASE_USAGE_ANSWER: Schema<unknown> = pageOf(
  object(
    { name: text("of a collection"), rowCount, byteCount, tenantCount: count("tenants") },
    "a collection",
  ),
  { rowCount, byteCount },
);
export const COLLECTION_USAGE_ANSWER: Schema<unknown> = pageOf(TENANT_ANSWER, {
  rowCount,
  byteCount,
  tenantCount: count("tenants"),
});

const record = {
  key: text("the key"),
  vector: optional(numbers),
  vectors: optional(
    list(object({ field: text("its name"), values: numbers }, "a named vector"), 256, "named"),
  ),
  sparse: optional(
    list(
      object(
        {
          field: text("its name"),
          indices: list(count("a dimension"), Number.MAX_SAFE_INTEGER, "ascending"),
          values: numbers,
        },
        "a sparse vector",
      ),
      256,
      "those it has",
    ),
  ),
  metadata: optional(members({ description: "as it was written" }, (value) => value)),
};

export const WRITE_ANSWER: Schema<unknown> = object(
  {
    rowsAdded: number("records now minus records before"),
    rowsReplaced: count("records that existed and were replaced or deleted"),
  },
  "what was written",
);
export const GET_ANSWER: Schema<unknown> = object(
  { records: list(nullable(object(record, "a record")), Number.MAX_SAFE_INTEGER, "as asked") },
  "records",
);
export const COUNT_ANSWER: Schema<unknown> = object({ count: count("records") }, "a count");
/** A line of an export. */
export const EXPORTED_LINE: Schema<unknown> = object(
  { collection: text("where it is"), ...record },
  "a record",
);
export const LIST_ANSWER: Schema<unknown> = pageOf(object(record, "a record"));

const EXPLANATION = object(
  {
    reason: text("why the path was taken"),
    parts: list(
      object(
        {
          kind: choice(["memtable", "segment"], "memtable: not yet in a segment"),
          segment: optional(text("hexadecimal uid")),
          rowCount: count("rows in it, dead ones included"),
          matchCount: count("live rows that pass the filter"),
          method: choice(
            ["graph", "codes", "exact", "sparse", "none"],
            "none: nothing passes, or no row has the sparse field",
          ),
          reason: text("why"),
          rowsScanned: count("rows scored"),
          rowsRescored: count("rows scored again in float32"),
          bytesRead: count("bytes read from its file"),
        },
        "a part of the tenant's data",
      ),
      Number.MAX_SAFE_INTEGER,
      "what was looked at",
    ),
    bytesRead: count("bytes read from files while the search ran"),
    workUnits: count("that of the plan"),
    ms: object(
      {
        wake: number("the tenant was woken"),
        load: number("codes and graphs were brought into memory"),
        filter: number("the filter became candidates"),
        scan: number("candidates were scored"),
        rescore: number("the nearest were scored again, and compared for mmr"),
        fetch: number("keys, metadata and vectors were read"),
        total: number("all of it; parts are searched side by side"),
      },
      "milliseconds by phase",
    ),
  },
  "how it was done and what it cost; with explain only",
);

const report = {
  activation: optional(
    object(
      {
        state,
        wasAsleep: flag("true when the search had to wake the tenant"),
        wakeMs: number("milliseconds spent waiting for that"),
      },
      "how the tenant was found; absent when there is none",
    ),
  ),
  plan: object(
    {
      path: choice(
        ["empty", "exact", "codes", "matches", "graph", "sparse"],
        "how candidates were found",
      ),
      rowsScanned: count("rows looked at"),
      rowsRescored: count("rows compared again in float32"),
      segmentCount: count("segments looked into"),
      workUnits: count("what it cost"),
    },
    "what was done",
  ),
  explanation: optional(EXPLANATION),
};

const distance = number("as the metric defines it, smaller is nearer");
const place = object(
  {
    database: text("its name"),
    collection: text("its name"),
    tenant: optional(text("its name")),
  },
  "a place",
);

const hits = list(
  object({ ...record, distance }, "a hit"),
  Number.MAX_SAFE_INTEGER,
  "nearest first",
);

const SEARCH_ANSWER: Schema<unknown> = object(
  {
    hits,
    ...report,
  },
  "what was found",
);

const cursor = optional(text("names the next page; absent when there is none"));

export const PAGED_ANSWER: Schema<unknown> = object(
  {
    hits,
    cursor,
    ...report,
  },
  "what was found",
);

export const NEXT_ANSWER: Schema<unknown> = object(
  {
    hits,
    cursor,
  },
  "a page of what was found",
);

export const SEARCHES_ANSWER: Schema<unknown> = object(
  { results: list(SEARCH_ANSWER, Number.MAX_SAFE_INTEGER, "one a query, in order") },
  "what was found",
);

export const RECALL_ANSWER: Schema<unknown> = object(
  {
    recall: number("found of wanted; 1 when nothing was wanted"),
    recallMin: number("that of the worst query"),
    queryCount: count("searches done twice"),
    wanted: count("hits of the exact searches"),
    found: count("of them, hits that the search as planned had, or one as near"),
    paths: members({ description: "searches by the path of their plan" }, (value) => value),
    ms: object(
      { planned: number("of all searches as planned"), exact: number("of the exact ones") },
      "milliseconds",
    ),
  },
  "how much the planned searches found",
);

export const MANY_ANSWER: Schema<unknown> = object(
  {
    hits: list(
      object({ ...record, distance, place }, "a hit"),
      Number.MAX_SAFE_INTEGER,
      "nearest first",
    ),
    searched: list(object({ place, ...report }, "a place"), Number.MAX_SAFE_INTEGER, "as given"),
    failures: list(
      object({ place, problem: members({}, (value) => value) }, "a place and its problem"),
      Number.MAX_SAFE_INTEGER,
      "places that could not be searched",
    ),
  },
  "what was found",
);

export const EMBED_ANSWER: Schema<unknown> = object(
  {
    model: text("the model"),
    dimension: count("components of each vector"),
    vectors: list(numbers, Number.MAX_SAFE_INTEGER, "one a text, in order"),
  },
  "vectors",
);

export const RERANK_ANSWER: Schema<unknown> = object(
  {
    model: text("the model"),
    results: list(
      object(
        {
          position: count("in the documents given"),
          relevance: number("larger is more relevant; comparable within this answer only"),
        },
        "a document",
      ),
      Number.MAX_SAFE_INTEGER,
      "best first",
    ),
  },
  "documents by relevance",
);
