/** The data plane over HTTP: paths of an index to operations, JSON to requests and back. */
import { parseJsonBytes, type HttpRequest, type JsonObject } from "../../../wire/index.ts";
import type { AnswerText } from "../../answer-text.ts";
import type { BodyHold } from "../../body-room.ts";
import type { BodyTurns, DialectContext, ParsedVectorBody } from "../../dialect.ts";
import { refusal } from "../errors.ts";
import { PINECONE_LIMITS } from "../limits.ts";
import type { Answered } from "../operations/call.ts";
import type { UpsertRequest } from "../operations/messages.ts";
import type { AnswerOf, DataOperationName, RequestOf } from "../operations/table.ts";
import {
  asObject,
  decodeSegment,
  present,
  QueryValues,
  readFlag,
  readInteger,
  readList,
  readNumbers,
  readObject,
  readSparse,
  readText,
  readTexts,
  requireText,
} from "./members.ts";
import {
  printFetch,
  printFetchByMetadata,
  printHits,
  printList,
  printNamespace,
  printNamespaces,
  printQuery,
  printStats,
} from "./print.ts";
import { readRecordLines, readSearch, SEARCH_NUMBERS } from "./record-routes.ts";

/** What a request is read with. */
export interface BodyTools {
  readonly context: DialectContext;
  /** Whose body it is. */
  readonly turns: BodyTurns | undefined;
  readonly hold: BodyHold;
}

/** @returns what comes behind what was added to the text. */
type PrintAnswer<Name extends DataOperationName> = (
  message: AnswerOf<Name>["message"],
  text: AnswerText,
) => string | Promise<string>;

/** One path of an index. */
export interface DataRoute<Name extends DataOperationName = DataOperationName> {
  readonly operation: Name;
  readonly read: (tools: BodyTools, request: HttpRequest) => Promise<RequestOf<Name>>;
  readonly print: PrintAnswer<Name>;
  /** Absent: 200. */
  readonly status?: number;
}

/** Erases which operation it is; `read` and `print` are of the same one. */
function route<Name extends DataOperationName>(
  operation: Name,
  read: (tools: BodyTools, request: HttpRequest) => Promise<RequestOf<Name>>,
  print: PrintAnswer<Name>,
): DataRoute {
  return { operation, read, print };
}

const STATS = route(
  "DescribeIndexStats",
  async (_, request) => {
    const filter = readObject(await readJson(request), "filter");
    return filter === undefined ? {} : { filter };
  },
  printStats,
);

/** By method and path, without a slash at the end. */
const ROUTES: Readonly<Record<string, DataRoute | undefined>> = Object.assign(
  Object.create(null) as object,
  {
    "POST /vectors/upsert": route("Upsert", readUpsert, (message) => JSON.stringify(message)),
    "POST /query": route("Query", readQuery, printQuery),
    "GET /vectors/fetch": route(
      "Fetch",
      (_, { query }) => {
        const values = new QueryValues(query);
        return Promise.resolve({ ids: values.all("ids"), namespace: namespaceIn(values) });
      },
      printFetch,
    ),
    "GET /vectors/list": route(
      "List",
      (_, { query }) => Promise.resolve(readListing(query)),
      printList,
    ),
    "POST /vectors/delete": route("Delete", readDelete, () => "{}"),
    "DELETE /vectors/delete": route(
      "Delete",
      (_, { query }) => {
        const values = new QueryValues(query);
        const deleteAll = values.text("deleteAll") === "true";
        return Promise.resolve({
          ...{ ids: values.all("ids"), deleteAll, namespace: namespaceIn(values) },
        });
      },
      () => "{}",
    ),
    "POST /vectors/update": route("Update", readUpdate, (message) => JSON.stringify(message)),
    "POST /vectors/fetch_by_metadata": route(
      "FetchByMetadata",
      readFetchByMetadata,
      printFetchByMetadata,
    ),
    "GET /namespaces": route(
      "ListNamespaces",
      (_, { query }) => Promise.resolve(readPaging(new QueryValues(query))),
      printNamespaces,
    ),
    "POST /namespaces": route("CreateNamespace", readNewNamespace, printNamespace),
    "POST /describe_index_stats": STATS,
    "GET /describe_index_stats": STATS,
  } satisfies Record<string, DataRoute>,
);

/** undefined when no operation is meant. @throws InsulaError for a path that is not UTF-8. */
export function findDataRoute(method: string, path: string): DataRoute | undefined {
  return (
    ROUTES[`${method} ${path}`] ?? findNamespaceRoute(method, path) ?? findRecordRoute(method, path)
  );
}

function findRecordRoute(method: string, path: string): DataRoute | undefined {
  const [, segment, verb] = /^\/records\/namespaces\/([^/]+)\/(upsert|search)$/.exec(path) ?? [];
  if (segment === undefined || method !== "POST") return undefined;
  const namespace = decodeSegment(segment);
  if (verb === "search") return route("SearchRecords", readSearchIn(namespace), printHits);
  const upsert = route(
    "UpsertRecords",
    async (_, request) => ({ namespace, records: await readRecordLines(request) }),
    () => "",
  );
  // Clients hold on to this very number, and to an answer without a body.
  return { ...upsert, status: 201 };
}

function readSearchIn(
  namespace: string,
): (tools: BodyTools, request: HttpRequest) => Promise<RequestOf<"SearchRecords">> {
  return async (tools, request) => {
    const { body, json } = await readNumbersBody(tools, request, {
      bytesMax: PINECONE_LIMITS.callBodyBytesMax,
      numbers: SEARCH_NUMBERS,
    });
    return readSearch(namespace, body, json);
  };
}

/** A namespace's name is one segment, percent-encoded. */
function findNamespaceRoute(method: string, path: string): DataRoute | undefined {
  const segment = /^\/namespaces\/([^/]+)$/.exec(path)?.[1];
  if (segment === undefined) return undefined;
  const namespace = decodeSegment(segment);
  const read = (): Promise<{ readonly namespace: string }> => Promise.resolve({ namespace });
  if (method === "GET") return route("DescribeNamespace", read, printNamespace);
  return method === "DELETE" ? route("DeleteNamespace", read, () => "{}") : undefined;
}

/** The body as an object; none is an empty one. */
async function readJson(request: HttpRequest): Promise<JsonObject> {
  const bytes = await request.readBody(PINECONE_LIMITS.callBodyBytesMax);
  return bytes.length === 0 ? {} : asObject(parseJsonBytes(bytes));
}

/** A body whose lists of numbers are parsed apart. */
async function readNumbersBody(
  tools: BodyTools,
  request: HttpRequest,
  { bytesMax, numbers }: { readonly bytesMax: number; readonly numbers: readonly string[][] },
): Promise<{ readonly body: ParsedVectorBody; readonly json: JsonObject }> {
  const { context, turns, hold } = tools;
  await hold.enter(request, bytesMax);
  const startMs = context.clock.monotonicMs();
  const bytes = await request.readBody(bytesMax);
  const readAtMs = context.endPhase("read", startMs);
  const body = await context.parseVectorBody(bytes, numbers, undefined, turns);
  const json = asObject(body.json);
  context.endPhase("parse", readAtMs);
  return { body, json };
}

async function readUpsert(tools: BodyTools, request: HttpRequest): Promise<UpsertRequest> {
  const { body, json } = await readNumbersBody(tools, request, {
    bytesMax: PINECONE_LIMITS.upsertBodyBytesMax,
    numbers: [
      ["vectors", "*", "values"],
      ["vectors", "*", "sparseValues", "values"],
    ],
  });
  const vectors = readList(json, "vectors").map((item) => {
    const vector = asObject(item, "A vector");
    return {
      id: requireText(vector, "id"),
      ...present({
        values: readNumbers(body, vector, "values"),
        sparseValues: readSparse(body, vector, "sparseValues"),
        metadata: readObject(vector, "metadata"),
      }),
    };
  });
  return { vectors, namespace: readText(json, "namespace") ?? "" };
}

async function readQuery(tools: BodyTools, request: HttpRequest): Promise<RequestOf<"Query">> {
  const { body, json } = await readNumbersBody(tools, request, {
    bytesMax: PINECONE_LIMITS.callBodyBytesMax,
    numbers: [["vector"], ["sparseVector", "values"]],
  });
  const id = readText(json, "id");
  return {
    namespace: readText(json, "namespace") ?? "",
    topK: readInteger(json, "topK") ?? 0,
    includeValues: readFlag(json, "includeValues"),
    includeMetadata: readFlag(json, "includeMetadata"),
    ...present({
      id: id === "" ? undefined : id,
      filter: readObject(json, "filter"),
      vector: readNumbers(body, json, "vector"),
      sparseVector: readSparse(body, json, "sparseVector"),
    }),
  };
}

async function readDelete(_: unknown, request: HttpRequest): Promise<RequestOf<"Delete">> {
  const json = await readJson(request);
  const filter = readObject(json, "filter");
  return {
    namespace: readText(json, "namespace") ?? "",
    ids: readTexts(json, "ids"),
    deleteAll: readFlag(json, "deleteAll"),
    ...(filter === undefined ? {} : { filter }),
  };
}

function readListing(query: string): RequestOf<"List"> {
  const values = new QueryValues(query);
  return { namespace: namespaceIn(values), ...readPaging(values) };
}

function readPaging(values: QueryValues): RequestOf<"ListNamespaces"> {
  return present({
    prefix: values.text("prefix"),
    limit: values.integer("limit"),
    paginationToken: values.text("paginationToken"),
  });
}

async function readUpdate(tools: BodyTools, request: HttpRequest): Promise<RequestOf<"Update">> {
  const { body, json } = await readNumbersBody(tools, request, {
    bytesMax: PINECONE_LIMITS.callBodyBytesMax,
    numbers: [["values"], ["sparseValues", "values"]],
  });
  const id = readText(json, "id");
  return {
    namespace: readText(json, "namespace") ?? "",
    dryRun: readFlag(json, "dryRun"),
    ...present({
      id: id === "" ? undefined : id,
      filter: readObject(json, "filter"),
      values: readNumbers(body, json, "values"),
      sparseValues: readSparse(body, json, "sparseValues"),
      setMetadata: readObject(json, "setMetadata"),
    }),
  };
}

async function readFetchByMetadata(
  _: unknown,
  request: HttpRequest,
): Promise<RequestOf<"FetchByMetadata">> {
  const json = await readJson(request);
  return {
    namespace: readText(json, "namespace") ?? "",
    ...present({
      filter: readObject(json, "filter"),
      limit: readInteger(json, "limit"),
      paginationToken: readText(json, "paginationToken"),
    }),
  };
}

/** Every field can be filtered by; a schema that forbids one cannot be kept. */
async function readNewNamespace(
  _: unknown,
  request: HttpRequest,
): Promise<RequestOf<"CreateNamespace">> {
  const json = await readJson(request);
  const fields = readObject(readObject(json, "schema") ?? {}, "fields") ?? {};
  for (const [name, field] of Object.entries(fields)) {
    if (!readFlag(asObject(field, "A field"), "filterable")) {
      throw refusal(`The field ${JSON.stringify(name.slice(0, 64))} must be filterable`);
    }
  }
  return { namespace: requireText(json, "name") };
}

function namespaceIn(values: QueryValues): string {
  return values.text("namespace") ?? "";
}

/** The headers of the vendor's clients, old and new, that tell of writes and of what reads saw. */
export function lsnHeaders({ lsn }: Answered<unknown>): Record<string, string> {
  if (lsn === undefined) return {};
  const value = String(lsn.value);
  return lsn.kind === "committed"
    ? { "x-pinecone-request-lsn": value, "x-pinecone-lsn-committed": value }
    : { "x-pinecone-max-indexed-lsn": value, "x-pinecone-lsn-reconciled": value };
}
