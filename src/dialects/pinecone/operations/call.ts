/** One call of the data plane: who asks, about which index, and with which tools. */
import type { Caller } from "../caller.ts";
import type { IndexView } from "../index-view.ts";
import type { OperationServer } from "../pinecone-server.ts";

export interface DataCall extends Caller {
  readonly server: OperationServer;
  readonly index: IndexView;
}

/** An answer with what the vendor tells beside it, in headers. */
export interface Answered<Message> {
  readonly message: Message;
  /** Of the namespace: all writes up to it are in what was read, or durable. */
  readonly lsn?: { readonly kind: "committed" | "reconciled"; readonly value: number };
}

/** Names of the engine's own interface: a key means the same through every protocol. */
export type Right = `${"admin" | "records"}:${string}`;

/** Whether the caller may do this in the whole index. */
export function isAllowed(call: DataCall, right: Right, tenant?: string): boolean {
  const { server, principal, index } = call;
  const { database, name: collection } = index.info;
  const target = { database, collection, ...(tenant === undefined ? {} : { tenant }) };
  return server.context.access.isAllowed(principal, right, target);
}
