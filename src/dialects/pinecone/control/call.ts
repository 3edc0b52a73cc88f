/** One call of the control plane. */
import { parseJsonBytes, type HttpRequest, type JsonObject } from "../../../wire/index.ts";
import { PINECONE_LIMITS } from "../limits.ts";
import type { Caller } from "../caller.ts";
import type { Right } from "../operations/call.ts";
import type { PineconeServer } from "../pinecone-server.ts";
import { asObject } from "../rest/members.ts";

export interface ControlCall {
  readonly server: PineconeServer;
  readonly caller: Caller;
  readonly request: HttpRequest;
  /** Of the path; "" where there is none. */
  readonly name: string;
}

export interface ControlAnswer {
  readonly status: number;
  /** One of the two; neither: the answer has no body. */
  readonly json?: object;
  /** JSON that is printed already. */
  readonly text?: string;
}

/** @throws InsulaError `permission_denied` */
export function authorize({ server, caller }: ControlCall, right: Right, collection: string): void {
  const target = { database: caller.project, collection };
  caller.trail.aim(target);
  server.context.access.authorize(caller.principal, right, target);
}

/** Whether the key has any right to the index or to something in it. */
export function isVisible(
  { server, caller }: Pick<ControlCall, "server" | "caller">,
  collection: string,
): boolean {
  const { access } = server.context;
  const target = { database: caller.project, collection };
  return VISIBLE_BY.some((right) => access.isAllowedWithin(caller.principal, right, target));
}

const VISIBLE_BY: readonly Right[] = [
  "admin:GetCollection",
  "records:Search",
  "records:Get",
  "records:Upsert",
  "records:Delete",
  "admin:UpdateCollection",
];

/** The body as an object; none is an empty one. */
export async function readBody(
  { request }: ControlCall,
  bytesMax: number = PINECONE_LIMITS.controlBodyBytesMax,
): Promise<JsonObject> {
  const bytes = await request.readBody(bytesMax);
  return bytes.length === 0 ? {} : asObject(parseJsonBytes(bytes));
}
