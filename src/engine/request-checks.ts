/** Bounds of a call that no schema has a say in. */
import { InsulaError } from "../base/errors.ts";
import {
  BATCH_RECORDS_MAX,
  KEY_BYTES_MAX,
  PAGE_ITEMS_MAX,
  QUERIES_MAX,
  TOP_K_MAX,
} from "../base/limits.ts";
import { checkKey, checkQuery, type Query, type Schema } from "../model/index.ts";
import type { ListRequest } from "./api.ts";

/** @throws InsulaError `batch_too_large`, `key_invalid`. */
export function checkKeys(keys: readonly string[]): void {
  if (keys.length > BATCH_RECORDS_MAX) {
    throw new InsulaError(
      "batch_too_large",
      `Cannot take the keys: expected at most ${String(BATCH_RECORDS_MAX)}, received ${String(keys.length)}.`,
    );
  }
  for (const key of keys) checkKey(key);
}

/** @throws InsulaError `argument_invalid`. */
export function checkListRequest({ limit, after, prefix, part }: ListRequest): void {
  const isSound =
    Number.isInteger(limit) &&
    limit >= 1 &&
    limit <= PAGE_ITEMS_MAX &&
    Buffer.byteLength(after ?? "") <= KEY_BYTES_MAX &&
    Buffer.byteLength(prefix ?? "") <= KEY_BYTES_MAX &&
    (part === undefined || (part.count >= 1 && part.index >= 0 && part.index < part.count));
  if (isSound) return;
  throw new InsulaError(
    "argument_invalid",
    `Cannot list: expected a limit of 1 to ${String(PAGE_ITEMS_MAX)}, keys within their bound and a part ` +
      "index below the part count.",
  );
}

/**
 * The searches of one call.
 *
 * @throws InsulaError as `checkQuery`, and `argument_invalid` for too many, or too many hits
 *   together.
 */
export function checkQueries(schema: Schema, queries: readonly Query[]): void {
  if (queries.length < 1 || queries.length > QUERIES_MAX) {
    throw new InsulaError(
      "argument_invalid",
      `Cannot search: expected 1 to ${String(QUERIES_MAX)} queries, received ${String(queries.length)}.`,
    );
  }
  for (const query of queries) checkQuery(schema, query);
  const hits = queries.reduce((sum, { topK }) => sum + topK, 0);
  if (hits <= TOP_K_MAX) return;
  throw new InsulaError(
    "argument_invalid",
    `Cannot search: expected at most ${String(TOP_K_MAX)} hits of all queries together, received topK of ${String(hits)}.`,
  );
}
