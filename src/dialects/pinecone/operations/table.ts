/**
 * The operations of the data plane by name, whatever carries them. A transport reads the request of
 * an operation from its bytes, calls {@link runOperation}, and writes the answer.
 */
import { InsulaError } from "../../../base/errors.ts";
import { HIT_BYTES } from "../../answer-text.ts";
import { findIndex } from "../index-view.ts";
import { checkNamespace, tenantOf } from "../namespace.ts";
import type { PineconeServer } from "../pinecone-server.ts";
import type { Caller } from "../caller.ts";
import type { Answered, DataCall, Right } from "./call.ts";
import { deleteVectors } from "./delete.ts";
import { fetchVectors } from "./fetch.ts";
import { fetchByMetadata } from "./fetch-by-metadata.ts";
import { list } from "./list.ts";
import type {
  CreateNamespaceRequest,
  DeleteAnswer,
  DeleteRequest,
  FetchAnswer,
  FetchByMetadataAnswer,
  FetchByMetadataRequest,
  FetchRequest,
  InNamespace,
  ListAnswer,
  ListNamespacesAnswer,
  ListNamespacesRequest,
  ListRequest,
  NamespaceDescription,
  QueryAnswer,
  QueryRequest,
  SearchRecordsAnswer,
  SearchRecordsRequest,
  StatsAnswer,
  StatsRequest,
  UpdateAnswer,
  UpdateRequest,
  UpsertAnswer,
  UpsertRecordsRequest,
  UpsertRequest,
} from "./messages.ts";
import {
  createNamespace,
  deleteNamespace,
  describeNamespace,
  listNamespaces,
} from "./namespaces.ts";
import { query } from "./query.ts";
import { searchRecords } from "./search-records.ts";
import { describeIndexStats } from "./stats.ts";
import { rightToCount, update } from "./update.ts";
import { upsert } from "./upsert.ts";
import { upsertRecords } from "./upsert-records.ts";

/** What an operation takes and gives. */
export interface DataOperation<Request, Message> {
  /** Name for access. */
  readonly right: Right;
  /**
   * The namespace a request is about, which the caller must have the right to. Absent: the caller
   * needs it for some namespace of the index, and is told of those.
   */
  readonly namespaceOf?: (request: Request) => string;
  /** What a request needs besides, in the same namespace. */
  readonly rightBesides?: (request: Request) => Right | undefined;
  readonly run: (call: DataCall, request: Request) => Promise<Answered<Message>>;
}

function about<Request extends { readonly namespace: string }, Message>(
  right: Right,
  run: DataOperation<Request, Message>["run"],
): DataOperation<Request, Message> {
  return { right, namespaceOf: ({ namespace }) => namespace, run };
}

function within<Request, Message>(
  right: Right,
  run: DataOperation<Request, Message>["run"],
): DataOperation<Request, Message> {
  return { right, run };
}

/** By the vendor's names: those of the methods of gRPC, which has none for records with texts. */
export const DATA_OPERATIONS: {
  readonly Upsert: DataOperation<UpsertRequest, UpsertAnswer>;
  readonly Query: DataOperation<QueryRequest, QueryAnswer>;
  readonly Fetch: DataOperation<FetchRequest, FetchAnswer>;
  readonly Delete: DataOperation<DeleteRequest, DeleteAnswer>;
  readonly List: DataOperation<ListRequest, ListAnswer>;
  readonly Update: DataOperation<UpdateRequest, UpdateAnswer>;
  readonly FetchByMetadata: DataOperation<FetchByMetadataRequest, FetchByMetadataAnswer>;
  readonly ListNamespaces: DataOperation<ListNamespacesRequest, ListNamespacesAnswer>;
  readonly DescribeNamespace: DataOperation<InNamespace, NamespaceDescription>;
  readonly CreateNamespace: DataOperation<CreateNamespaceRequest, NamespaceDescription>;
  readonly DeleteNamespace: DataOperation<InNamespace, DeleteAnswer>;
  readonly DescribeIndexStats: DataOperation<StatsRequest, StatsAnswer>;
  readonly UpsertRecords: DataOperation<UpsertRecordsRequest, DeleteAnswer>;
  readonly SearchRecords: DataOperation<SearchRecordsRequest, SearchRecordsAnswer>;
} = {
  Upsert: about("records:Upsert", upsert),
  Query: about("records:Search", query),
  Fetch: about("records:Get", fetchVectors),
  Delete: about("records:Delete", deleteVectors),
  List: about("records:List", list),
  Update: { ...about("records:Upsert", update), rightBesides: rightToCount },
  FetchByMetadata: about("records:List", fetchByMetadata),
  ListNamespaces: within("admin:GetTenant", listNamespaces),
  DescribeNamespace: about("admin:GetTenant", describeNamespace),
  CreateNamespace: about("admin:CreateTenant", createNamespace),
  DeleteNamespace: about("admin:DeleteTenant", deleteNamespace),
  DescribeIndexStats: within("admin:GetTenant", describeIndexStats),
  UpsertRecords: about("records:Upsert", upsertRecords),
  SearchRecords: about("records:Search", searchRecords),
};

export type DataOperationName = keyof typeof DATA_OPERATIONS;
export type RequestOf<Name extends DataOperationName> = Parameters<
  (typeof DATA_OPERATIONS)[Name]["run"]
>[1];
export type AnswerOf<Name extends DataOperationName> = Awaited<
  ReturnType<(typeof DATA_OPERATIONS)[Name]["run"]>
>;

/** What is asked, of which index. */
export interface DataRequest<Name extends DataOperationName> {
  readonly index: string;
  readonly operation: Name;
  readonly request: RequestOf<Name>;
}

/** What a request is about: the namespace it names, else the index. */
export function placeAsked<Name extends DataOperationName>(
  { project: database }: Pick<Caller, "project">,
  { index: collection, operation, request }: DataRequest<Name>,
): { readonly database: string; readonly collection: string; readonly tenant?: string } {
  const { namespaceOf } = DATA_OPERATIONS[operation] as DataOperation<RequestOf<Name>, unknown>;
  const namespace = namespaceOf?.(request);
  if (namespace === undefined) return { database, collection };
  return { database, collection, tenant: tenantOf(namespace) };
}

/** What the answer of a search is taken for before it is there; nothing of other operations. */
export function answerBytes<Name extends DataOperationName>({
  operation,
  request,
}: Pick<DataRequest<Name>, "operation" | "request">): number {
  return operation === "Query" ? HIT_BYTES * (request as QueryRequest).topK : 0;
}

/**
 * Does one operation. Rights are asked before anything the request names is looked at, so that what
 * is missing and what is forbidden look alike.
 *
 * @throws InsulaError, which `failureOf` names as the vendor does.
 */
export async function runOperation<Name extends DataOperationName>(
  server: PineconeServer,
  caller: Caller,
  { index, operation, request }: DataRequest<Name>,
): Promise<AnswerOf<Name>> {
  const { context } = server;
  const { trail, principal, project: database } = caller;
  const { run, right, namespaceOf, rightBesides } = DATA_OPERATIONS[operation] as DataOperation<
    RequestOf<Name>,
    unknown
  >;
  const ofIndex = { database, collection: index };
  const namespace = namespaceOf?.(request);
  const target = namespace === undefined ? ofIndex : { ...ofIndex, tenant: tenantOf(namespace) };
  trail.operation = operation;
  trail.aim(target);
  if (namespace !== undefined) {
    context.access.authorize(principal, right, target);
    const besides = rightBesides?.(request);
    if (besides !== undefined) context.access.authorize(principal, besides, target);
    checkNamespace(namespace);
  } else if (!context.access.isAllowedWithin(principal, right, target)) {
    throw new InsulaError("permission_denied", "Cannot answer: the key has no right to this.");
  }
  const view = await findIndex(context.engine, database, index);
  // Such an index is one place: who has the right to a namespace of that name has none to it.
  if (!view.hasNamespaces) context.access.authorize(principal, right, ofIndex);
  const held = server.heldTo(principal);
  return (await run({ ...caller, server: held, index: view }, request)) as AnswerOf<Name>;
}
