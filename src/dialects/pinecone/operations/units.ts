/** Read units as the vendor counts them; nothing is charged. */
import type { DataCall } from "./call.ts";

const GIGABYTE = 1_000_000_000;
/** What each query had besides by the older formula, which the documents of the seed show. */
const QUERY_UNITS_OF_OLD = 5;
/** Records that one unit fetches. */
const FETCHED_PER_UNIT = 10;

/** One for each gigabyte of the namespace, at least one. */
export function queryUnits({ server }: DataCall, namespaceBytes: number): number {
  const bySize = Math.max(1, Math.ceil(namespaceBytes / GIGABYTE));
  return server.settings.readUnits === "seed" ? QUERY_UNITS_OF_OLD + bySize : bySize;
}

export function fetchUnits(recordCount: number): number {
  return Math.max(1, Math.ceil(recordCount / FETCHED_PER_UNIT));
}
