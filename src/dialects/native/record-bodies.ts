/** The bodies that calls about records take, and searches. */
import { fromExactMembers } from "../../base/exact-json.ts";
import { InsulaError } from "../../base/errors.ts";
import {
  BATCH_RECORDS_MAX,
  MMR_CANDIDATES_MAX,
  PAGE_ITEMS_MAX,
  QUERIES_MAX,
  QUERY_PLACES_MAX,
  RECALL_MAX,
  RECALL_MIN,
  TOP_K_MAX,
  VECTOR_FIELDS_MAX,
} from "../../base/limits.ts";
import {
  checkMetadata,
  filterFromWhere,
  type Filter,
  type Include,
  type Metadata,
  type Place,
  type ScoreWeights,
  type SparseQuery,
} from "../../model/index.ts";
import { NATIVE_LIMITS } from "./limits.ts";
import { SPARSE, WEIGHTS } from "./sparse-json.ts";
import {
  flag,
  integer,
  list,
  members,
  number,
  numberIn,
  object,
  optional,
  text,
  vector,
  type Schema,
} from "./schema.ts";

const TAGGED =
  'Integers beyond 2^53 as {"$int": "…"}, dates as {"$date": ISO 8601}, bytes as {"$bytes": base64}';

const metadata: Schema<Metadata> = members(
  { description: `Values to filter by and return. ${TAGGED}.` },
  (value) => {
    const read = fromExactMembers(value, "metadata_invalid");
    const byteCount = checkMetadata(read);
    if (byteCount <= NATIVE_LIMITS.metadataBytesMax) return read;
    throw new InsulaError(
      "metadata_too_large",
      `Cannot store the metadata: expected at most ${String(NATIVE_LIMITS.metadataBytesMax)} bytes, received ${String(byteCount)}.`,
    );
  },
);

const filter: Schema<Filter> = members(
  {
    description:
      'Conditions that must all hold: {"year": {"$gte": 2020}, "color": "red"}, with $and, $or, ' +
      `$not, $eq, $ne, $in, $nin, $gt, $gte, $lt, $lte, $exists. ${TAGGED}.`,
  },
  (value) => {
    const read = filterFromWhere(fromExactMembers(value, "filter_invalid"));
    if (countNodes(read) <= NATIVE_LIMITS.filterNodesMax) return read;
    throw new InsulaError(
      "filter_invalid",
      `Cannot use the filter: expected at most ${String(NATIVE_LIMITS.filterNodesMax)} conditions and values, received more.`,
    );
  },
);

function countNodes(node: Filter): number {
  switch (node.kind) {
    case "and":
    case "or":
      return node.filters.reduce((sum, part) => sum + countNodes(part), 1);
    case "not":
      return 1 + countNodes(node.filter);
    case "in":
      return 1 + node.values.length;
    default:
      return 1;
  }
}

const include: Schema<Include | undefined> = optional({
  json: object(
    {
      vectors: optional(flag("default false")),
      metadata: optional(flag("default true")),
    },
    "what of a record to return",
  ).json,
  read: (value, at, lists) => {
    const read = includeMembers.read(value, at, lists);
    return { vectors: read.vectors ?? false, metadata: read.metadata ?? true };
  },
});

const includeMembers = object(
  { vectors: optional(flag("vectors")), metadata: optional(flag("metadata")) },
  "what of a record to return",
);

export const INCLUDE_DEFAULT: Include = { vectors: false, metadata: true };

export interface NewRecord {
  readonly key: string;
  readonly vector: Float32Array | undefined;
  readonly vectors:
    readonly { readonly field: string; readonly values: Float32Array }[] | undefined;
  readonly sparse: readonly SparseQuery[] | undefined;
  readonly metadata: Metadata | undefined;
}

export interface RecordsBody {
  readonly records: readonly NewRecord[];
}

/** Where the numbers stand in {@link RECORDS_BODY}. */
export const RECORDS_NUMBERS: readonly (readonly string[])[] = [
  ["records", "*", "vector"],
  ["records", "*", "vectors", "*", "values"],
  ["records", "*", "sparse", "*", "values"],
];

const record: Schema<NewRecord> = object(
  {
    key: text("1 to 4,096 bytes of UTF-8"),
    vector: optional(vector("the unnamed vector")),
    vectors: optional(
      list(
        object({ field: text("its name"), values: vector("its numbers") }, "a named vector"),
        VECTOR_FIELDS_MAX,
        "named vectors",
      ),
    ),
    sparse: optional(list(SPARSE, VECTOR_FIELDS_MAX, "sparse vectors, of any sparse fields")),
    metadata: optional(metadata),
  },
  "One record.",
);

export const RECORDS_BODY: Schema<RecordsBody> = object(
  { records: list(record, BATCH_RECORDS_MAX, "written all or none; no key twice") },
  "Records to write.",
);

export interface GetBody {
  readonly keys: readonly string[];
  readonly include: Include | undefined;
}

export const GET_BODY: Schema<GetBody> = object(
  { keys: list(text("a key"), NATIVE_LIMITS.getKeysMax, "keys of records"), include },
  "Records to read.",
);

export interface DeleteBody {
  readonly keys: readonly string[] | undefined;
  readonly filter: Filter | undefined;
  readonly all: boolean | undefined;
}

export const DELETE_BODY: Schema<DeleteBody> = object(
  {
    keys: optional(list(text("a key"), BATCH_RECORDS_MAX, "keys; one not there is no error")),
    filter: optional(filter),
    all: optional(flag("true: everything at this place")),
  },
  "One of keys, filter and all.",
);

export interface CountBody {
  readonly filter: Filter | undefined;
}

export const COUNT_BODY: Schema<CountBody> = object(
  { filter: optional(filter) },
  "Without a filter the count comes from the catalogue and wakes nobody.",
);

export interface ListBody {
  readonly limit: number | undefined;
  readonly prefix: string | undefined;
  readonly after: string | undefined;
  readonly filter: Filter | undefined;
  readonly include: Include | undefined;
}

export const LIST_BODY: Schema<ListBody> = object(
  {
    limit: optional(integer(1, PAGE_ITEMS_MAX, "records of the page")),
    prefix: optional(text("keys start with it")),
    after: optional(text("keys after this one, which need not exist")),
    filter: optional(filter),
    include,
  },
  "One page of records in the order of their keys; it may end early, see hasMore.",
);

export interface SearchBody {
  readonly vector: Float32Array | undefined;
  readonly like: { readonly key: string; readonly leaveOut: boolean | undefined } | undefined;
  readonly sparse: SparseQuery | undefined;
  readonly weights: ScoreWeights | undefined;
  readonly topK: number | undefined;
  readonly field: string | undefined;
  readonly filter: Filter | undefined;
  readonly include: Include | undefined;
  readonly exact: boolean | undefined;
  readonly recall: number | undefined;
  readonly maxDistance: number | undefined;
  readonly mmr: { readonly lambda: number; readonly candidates: number | undefined } | undefined;
  readonly explain: boolean | undefined;
}

const search = {
  sparse: optional(SPARSE),
  weights: optional(WEIGHTS),
  topK: optional(integer(1, TOP_K_MAX, "hits; default 10")),
  field: optional(text("vector field, of like also a sparse one; default the unnamed one")),
  filter: optional(filter),
  include,
  exact: optional(flag("true: float32 scan of all that passes the filter")),
  recall: optional(
    numberIn(RECALL_MIN, RECALL_MAX, "share of the true nearest aimed at; default the field's"),
  ),
  maxDistance: optional(number("hits are at most this far away, as the metric defines it")),
  explain: optional(flag("true: the answer says how it was done and what it cost")),
};

const searchAtOne = {
  vector: optional(vector("what is searched for; or like, or sparse alone")),
  like: optional(
    object(
      {
        key: text("of the record whose stored vector is searched for, that of the field"),
        leaveOut: optional(flag("true: the record itself is no hit")),
      },
      "a record whose vector is searched for; or vector",
    ),
  ),
  ...search,
  mmr: optional(
    object(
      {
        lambda: number("0 to 1: 1 by distance alone, 0 by difference alone, after the nearest"),
        candidates: optional(
          integer(1, MMR_CANDIDATES_MAX, "records chosen from, at least topK; default 4 * topK"),
        ),
      },
      "maximal marginal relevance: hits that differ from one another, in the order of choice",
    ),
  ),
};

/** Where the numbers stand in {@link PAGED_BODY} and {@link MANY_BODY}. */
export const SEARCH_NUMBERS: readonly (readonly string[])[] = [["vector"], ["sparse", "values"]];

const SEARCH_BODY: Schema<SearchBody> = object(searchAtOne, "A search at one place.");

export interface PagedBody extends SearchBody {
  readonly pageSize: number | undefined;
}

export const PAGED_BODY: Schema<PagedBody> = object(
  {
    ...searchAtOne,
    pageSize: optional(
      integer(1, TOP_K_MAX, "hits of a page; the pages after the first are kept, see cursor"),
    ),
  },
  "A search at one place.",
);

export interface CursorBody {
  readonly cursor: string;
}

export const CURSOR_BODY: Schema<CursorBody> = object(
  { cursor: text("of the page before") },
  "A search that was asked for with pageSize.",
);

export interface SearchesBody {
  readonly queries: readonly SearchBody[];
}

/** Where the numbers stand in {@link SEARCHES_BODY}. */
export const SEARCHES_NUMBERS: readonly (readonly string[])[] = [
  ["queries", "*", "vector"],
  ["queries", "*", "sparse", "values"],
];

export const SEARCHES_BODY: Schema<SearchesBody> = object(
  { queries: list(SEARCH_BODY, QUERIES_MAX, "searches; their topK together at most 10,000") },
  "Searches at one place, all of one state of it.",
);

export interface RecallBody {
  readonly vectors: readonly Float32Array[] | undefined;
  readonly sample: number | undefined;
  readonly topK: number | undefined;
  readonly field: string | undefined;
  readonly filter: Filter | undefined;
}

/** Where the numbers stand in {@link RECALL_BODY}. */
export const RECALL_NUMBERS: readonly (readonly string[])[] = [["vectors", "*"]];

export const RECALL_BODY: Schema<RecallBody> = object(
  {
    vectors: optional(list(vector("searched for"), QUERIES_MAX, "searched for; or sample")),
    sample: optional(integer(1, QUERIES_MAX, "stored vectors to draw by chance; default 25")),
    topK: search.topK,
    field: search.field,
    filter: search.filter,
  },
  "Searches done twice, as planned and exactly.",
);

export interface ManyBody extends Omit<SearchBody, "like" | "mmr"> {
  readonly places: readonly Place[];
}

const place: Schema<Place> = {
  json: object(
    {
      database: text("its name"),
      collection: text("its name"),
      tenant: optional(text("for collections with tenants")),
    },
    "a collection without tenants, or one tenant",
  ).json,
  read: (value, at, lists) => {
    const { database, collection, tenant } = placeMembers.read(value, at, lists);
    return { database, collection, ...(tenant === undefined ? {} : { tenant }) };
  },
};

const placeMembers = object(
  { database: text("name"), collection: text("name"), tenant: optional(text("name")) },
  "a place",
);

export const MANY_BODY: Schema<ManyBody> = object(
  {
    places: list(place, QUERY_PLACES_MAX, "each searched once"),
    vector: optional(vector("what is searched for; or sparse alone")),
    ...search,
  },
  "A search at many places, merged exactly.",
);
