/** The vendor's service: its methods, and how their messages are read and written. */
import { PINECONE_LIMITS } from "../limits.ts";
import type { AnswerOf, DataOperationName, RequestOf } from "../operations/table.ts";
import {
  readCreateNamespace,
  readListNamespaces,
  readNamespaceName,
  writeNamespace,
  writeNamespaces,
  writeUpdate,
} from "./namespace-messages.ts";
import {
  readDelete,
  readFetch,
  readFetchByMetadata,
  readList,
  readQuery,
  readStats,
  readUpdate,
  readUpsert,
} from "./read-messages.ts";
import {
  writeFetch,
  writeFetchByMetadata,
  writeList,
  writeNothing,
  writeQuery,
  writeStats,
  writeUpsert,
  type InTurns,
} from "./write-messages.ts";

/** The service has no package. */
const SERVICE = "/VectorService/";

export interface GrpcMethod<Name extends DataOperationName = DataOperationName> {
  readonly operation: Name;
  readonly messageBytesMax: number;
  /** What the engine has taken it answers, whatever the deadline. */
  readonly isWrite: boolean;
  /** @throws InsulaError `body_malformed` */
  readonly read: (message: Buffer) => RequestOf<Name>;
  /** A generator for what may be long: `inTurns`. */
  readonly write: (message: AnswerOf<Name>["message"]) => Uint8Array | InTurns;
}

/** Erases which operation it is; `read` and `write` are of the same one. */
function method<Name extends DataOperationName>(
  operation: Name,
  read: GrpcMethod<Name>["read"],
  write: GrpcMethod<Name>["write"],
): GrpcMethod {
  const { upsertBodyBytesMax, callBodyBytesMax } = PINECONE_LIMITS;
  const messageBytesMax = operation === "Upsert" ? upsertBodyBytesMax : callBodyBytesMax;
  const isWrite = ["Upsert", "Update", "Delete"].includes(operation);
  return { operation, messageBytesMax, isWrite, read, write };
}

/** What clients send over HTTP alone. */
type TextOperation = "UpsertRecords" | "SearchRecords";

const METHODS: Readonly<Record<string, GrpcMethod | undefined>> = Object.assign(
  Object.create(null) as object,
  {
    Upsert: method("Upsert", readUpsert, writeUpsert),
    Query: method("Query", readQuery, writeQuery),
    Fetch: method("Fetch", readFetch, writeFetch),
    Delete: method("Delete", readDelete, writeNothing),
    List: method("List", readList, writeList),
    Update: method("Update", readUpdate, writeUpdate),
    DescribeIndexStats: method("DescribeIndexStats", readStats, writeStats),
    FetchByMetadata: method("FetchByMetadata", readFetchByMetadata, writeFetchByMetadata),
    ListNamespaces: method("ListNamespaces", readListNamespaces, writeNamespaces),
    DescribeNamespace: method("DescribeNamespace", readNamespaceName, writeNamespace),
    CreateNamespace: method("CreateNamespace", readCreateNamespace, writeNamespace),
    DeleteNamespace: method("DeleteNamespace", readNamespaceName, writeNothing),
  } satisfies Record<Exclude<DataOperationName, TextOperation>, GrpcMethod>,
);

/** undefined when no method of the service is meant. */
export function findMethod(path: string): GrpcMethod | undefined {
  return path.startsWith(SERVICE) ? METHODS[path.slice(SERVICE.length)] : undefined;
}
