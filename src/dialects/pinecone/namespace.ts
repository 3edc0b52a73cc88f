/** Namespaces and what they are in the engine: tenants. */
import { InsulaError } from "../../base/errors.ts";
import { isWellFormed, type Place } from "../../model/index.ts";
import { refusal } from "./errors.ts";
import type { DataCall } from "./operations/call.ts";
import { PINECONE_LIMITS } from "./limits.ts";

/** The tenant that the default namespace is. ON DISK: never renamed. */
export const DEFAULT_NAMESPACE = "__default__";

/** The tenant of a namespace: both spellings of the default one are the same. */
export function tenantOf(namespace: string): string {
  return namespace === "" ? DEFAULT_NAMESPACE : namespace;
}

/** @throws InsulaError `argument_invalid` */
export function checkNamespace(namespace: string): void {
  const { namespaceCharactersMax } = PINECONE_LIMITS;
  if (namespace.length > namespaceCharactersMax) {
    throw refusal(`Namespace must have at most ${String(namespaceCharactersMax)} characters`);
  }
  if (!isWellFormed(namespace) || namespace.includes("\0")) {
    throw refusal("Namespace must be text that UTF-8 can hold, without NUL");
  }
}

/** Which index is meant, and how long its caller waits. */
type PlaceCall = Pick<DataCall, "index" | "signal">;

/**
 * Where the records of a namespace lie; undefined for a namespace that an index without tenants
 * cannot have: such an index is its default namespace.
 */
export function placeOf({ index, signal }: PlaceCall, namespace: string): Place | undefined {
  const { database, name: collection } = index.info;
  const tenant = tenantOf(namespace);
  if (index.hasNamespaces) return { database, collection, tenant, signal };
  return tenant === DEFAULT_NAMESPACE ? { database, collection, signal } : undefined;
}

/** As {@link placeOf}, for writes. @throws InsulaError `argument_invalid` */
export function placeToWrite(call: PlaceCall, namespace: string): Place {
  const place = placeOf(call, namespace);
  if (place !== undefined) return place;
  throw refusal("The index was made without namespaces: it has the default one only");
}

export function namespaceMissing(): InsulaError {
  return new InsulaError("tenant_not_found", "Cannot find the namespace: it does not exist.");
}
