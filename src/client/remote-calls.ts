/** The plain calls, sent to a server's own HTTP interface (docs/http-interface.md). */
import { InsulaError } from "../base/errors.ts";
import { toExactMembers } from "../base/exact-json.ts";
import { BATCH_RECORDS_MAX } from "../base/limits.ts";
import type { Page, WriteResult } from "../engine/api.ts";
import type {
  Include,
  KeptResult,
  MultiQueryResult,
  NextHits,
  Place,
  QueryResult,
  RecallReport,
  RecordView,
  SparseQuery,
  WriteBatch,
} from "../model/index.ts";
import type {
  CallOptions,
  Calls,
  Deletion,
  PlainListing,
  PlainMeasurement,
  PlainQuery,
} from "./calls.ts";
import type { HttpChannel } from "./http-channel.ts";
import { printVector, toRecordsBody } from "./json-body.ts";
import {
  readManyResult,
  readPage,
  readRecord,
  readRecords,
  readResult,
  readResults,
  type RecordJson,
} from "./read-answer.ts";
import { RemoteCatalog } from "./remote-catalog.ts";
import { recordsPath } from "./remote-paths.ts";

/** Keys of one request for records. Source: the server's bound. */
const GET_KEYS_MAX = 1_000;
/** With vectors: an answer of 4,096 numbers each stays near ten megabytes. */
const GET_KEYS_WITH_VECTORS_MAX = 256;

export class RemoteCalls extends RemoteCatalog implements Calls {
  readonly #channel: HttpChannel;

  constructor(channel: HttpChannel) {
    super(channel);
    this.#channel = channel;
  }

  async write(
    kind: "upsert" | "insert",
    place: Place,
    batch: WriteBatch,
    { signal }: CallOptions,
  ): Promise<WriteResult> {
    const body = toRecordsBody(batch);
    const path = `${recordsPath(place)}/${kind}`;
    return (await this.#channel.send(path, {
      method: "POST",
      body,
      ...withSignal(signal),
    })) as WriteResult;
  }

  async delete(place: Place, what: Deletion, options: CallOptions): Promise<WriteResult> {
    const body = deletionBody(what);
    return (await this.#post(`${recordsPath(place)}/delete`, body, options)) as WriteResult;
  }

  /** In several requests when there are many keys: each sees its own moment. */
  async get(
    place: Place,
    keys: readonly string[],
    include: Include,
    options: CallOptions,
  ): Promise<readonly (RecordView | undefined)[]> {
    if (keys.length > BATCH_RECORDS_MAX) {
      throw new InsulaError(
        "batch_too_large",
        `Cannot take the keys: expected at most ${String(BATCH_RECORDS_MAX)}, received ${String(keys.length)}.`,
      );
    }
    const step = include.vectors ? GET_KEYS_WITH_VECTORS_MAX : GET_KEYS_MAX;
    const found: (RecordView | undefined)[] = [];
    for (let start = 0; start === 0 || start < keys.length; start += step) {
      const body = { keys: keys.slice(start, start + step), include };
      const answer = await this.#post(`${recordsPath(place)}/get`, body, options);
      const { records } = answer as { readonly records: readonly (RecordJson | null)[] };
      for (const record of records) found.push(record === null ? undefined : readRecord(record));
    }
    return found;
  }

  async count(place: Place, where: object | undefined, options: CallOptions): Promise<number> {
    const answer = await this.#post(`${recordsPath(place)}/count`, whereMember(where), options);
    return (answer as { readonly count: number }).count;
  }

  async list(place: Place, listing: PlainListing, options: CallOptions): Promise<Page<RecordView>> {
    const { where, ...rest } = listing;
    const body = { ...rest, ...whereMember(where) };
    const answer = await this.#post(`${recordsPath(place)}/list`, body, options);
    const { items, hasMore } = answer as Page<RecordJson>;
    return { items: readRecords(items), hasMore };
  }

  async query(place: Place, query: PlainQuery, options: CallOptions): Promise<QueryResult> {
    const path = `${recordsPath(place)}/search`;
    return readResult(await this.#send(path, printSearch(query), options));
  }

  async keepQuery(
    place: Place,
    query: PlainQuery,
    pageSize: number,
    options: CallOptions,
  ): Promise<KeptResult> {
    const path = `${recordsPath(place)}/search`;
    const body = printSearch(query, `"pageSize":${String(pageSize)},`);
    return readResult(await this.#send(path, body, options));
  }

  async nextHits(place: Place, cursor: string, options: CallOptions): Promise<NextHits> {
    return readPage(await this.#post(`${recordsPath(place)}/search/next`, { cursor }, options));
  }

  async forgetQuery(place: Place, cursor: string, options: CallOptions): Promise<void> {
    await this.#post(`${recordsPath(place)}/search/forget`, { cursor }, options);
  }

  async queryAll(
    place: Place,
    queries: readonly PlainQuery[],
    options: CallOptions,
  ): Promise<readonly QueryResult[]> {
    const body = `{"queries":[${queries.map((query) => printSearch(query)).join()}]}`;
    return readResults(await this.#send(`${recordsPath(place)}/searches`, body, options));
  }

  async measureRecall(
    place: Place,
    { vectors, where, ...rest }: PlainMeasurement,
    options: CallOptions,
  ): Promise<RecallReport> {
    const body = JSON.stringify({ ...rest, ...whereMember(where) });
    const lists = vectors?.map((vector) => printVector(vector));
    const numbers = lists === undefined ? "" : `"vectors":[${lists.join()}],`;
    const path = `${recordsPath(place)}/recall`;
    const answer = await this.#send(path, `{${numbers}${body.slice(1)}`, options);
    return answer as RecallReport;
  }

  async queryMany(
    places: readonly Place[],
    query: PlainQuery,
    options: CallOptions,
  ): Promise<MultiQueryResult> {
    const before = `"places":${JSON.stringify(places.map(plainPlace))},`;
    return readManyResult(await this.#send("search", printSearch(query, before), options));
  }

  close(): Promise<void> {
    this.#channel.close();
    return Promise.resolve();
  }

  #post(path: string, body: unknown, options: CallOptions): Promise<unknown> {
    return this.#send(path, JSON.stringify(body), options);
  }

  #send(path: string, body: string, { signal }: CallOptions): Promise<unknown> {
    return this.#channel.send(path, { method: "POST", body, ...withSignal(signal) });
  }
}

function printSearch(
  { vector, sparse, like, isExact, isExplained, where, ...named }: PlainQuery,
  before = "",
): string {
  const rest = JSON.stringify({
    ...named,
    exact: isExact,
    explain: isExplained,
    ...(like === undefined ? {} : { like: { key: like.key, leaveOut: like.isLeftOut } }),
    ...whereMember(where),
  });
  const dense = vector === undefined ? "" : `"vector":${printVector(vector)},`;
  const terms = sparse === undefined ? "" : `"sparse":${printSparse(sparse)},`;
  return `{${before}${dense}${terms}${rest.slice(1)}`;
}

function printSparse({ field, vector: { indices, values } }: SparseQuery): string {
  const numbers = printVector(values);
  return `{"field":${JSON.stringify(field)},"indices":[${indices.join()}],"values":${numbers}}`;
}

function deletionBody(what: Deletion): object {
  switch (what.kind) {
    case "keys":
      return { keys: what.keys };
    case "where":
      return whereMember(what.where);
    case "all":
      return { all: true };
  }
}

/** Members that are undefined are no conditions, as in {@link filterFromWhere} of the model. */
function whereMember(where: object | undefined): { readonly filter?: unknown } {
  if (where === undefined) return {};
  return { filter: toExactMembers(withoutUndefined(where), "filter_invalid") };
}

function withoutUndefined(where: object): Record<string, unknown> {
  const members = Object.entries(where).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    members.map(([name, value]: [string, unknown]) => [
      name,
      isPlain(value) ? withoutUndefined(value) : withoutUndefinedItems(value),
    ]),
  );
}

function withoutUndefinedItems(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  return value.map((item: unknown) => (isPlain(item) ? withoutUndefined(item) : item));
}

function isPlain(value: unknown): value is object {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Date) &&
    !(value instanceof Uint8Array)
  );
}

function plainPlace({ database, collection, tenant }: Place): Place {
  return { database, collection, ...(tenant === undefined ? {} : { tenant }) };
}

function withSignal(signal: AbortSignal | undefined): CallOptions {
  return signal === undefined ? {} : { signal };
}
