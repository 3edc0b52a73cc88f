/** What the fuzzer needs to know of one protocol. */
import type { IncomingHttpHeaders } from "node:http";
import type { Chance } from "../support/chance.ts";

/** A request as it goes over the wire. */
export interface Sent {
  method: string;
  path: string;
  headers: Record<string, string>;
  readonly body: string | Buffer;
}

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export type Exchange = (sent: Sent) => Promise<Reply>;

/** A request and the name of the operation it is meant for. */
export interface Aimed {
  readonly operation: string;
  readonly sent: Sent;
  /** True for the administrator's own calls, which may name the neighbour. */
  readonly mayNameAll?: boolean;
}

/** What an answer is worth: a code of the protocol, or the reason why it is none. */
export type Verdict =
  { readonly kind: "answer"; readonly code: string } | { readonly kind: "fault"; reason: string };

export interface Subject {
  readonly name: string;
  readonly operations: readonly string[];
  /** Codes of answers that may be given before the operation is asked. */
  readonly earlyCodes: ReadonlySet<string>;
  /** Makes what the requests speak of, and a neighbour whose data nobody may see. */
  prepare(exchange: Exchange): Promise<void>;
  /** A random request, good or bent. */
  next(chance: Chance): Aimed;
  /** Looks at the form of an answer; what has no form of the protocol is a fault. */
  judge(operation: string, reply: Reply): Verdict;
}

/** Stands in the neighbour's names, keys and metadata, and in no request. */
export const CANARY = "canary7f3a9b";

export function answerOf(code: string): Verdict {
  return { kind: "answer", code };
}

export function faultOf(reason: string): Verdict {
  return { kind: "fault", reason };
}

/** @throws Error unless the answer has the status */
export async function expectStatus(reply: Promise<Reply>, status: number): Promise<Reply> {
  const { status: received, text, headers } = await reply;
  if (received === status) return { status, text, headers };
  throw new Error(`expected ${status}, received ${received}: ${text.slice(0, 500)}`);
}
