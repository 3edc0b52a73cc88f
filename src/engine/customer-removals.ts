/** What is known of customers goes with their database. */
import type { Catalog } from "./catalog.ts";
import type { CatalogChange } from "./catalog-commit.ts";
import {
  customerPrefix,
  endOfPrefix,
  erasedShardPrefix,
  erasurePrefix,
  type EncodedKey,
} from "./catalog-keys.ts";

/** Rows read in one step. */
const STEP_ROWS = 256;

/** All rows behind the prefix, in steps. */
export async function readAll(
  catalog: Pick<Catalog, "scan">,
  prefix: EncodedKey,
): Promise<readonly (readonly [EncodedKey, Uint8Array])[]> {
  const found: (readonly [EncodedKey, Uint8Array])[] = [];
  const range = { end: endOfPrefix(prefix), limit: STEP_ROWS };
  for (let start = prefix; ;) {
    const rows = await catalog.scan({ ...range, start, startIsExclusive: start !== prefix });
    found.push(...rows);
    if (rows.length < STEP_ROWS) return found;
    start = rows.at(-1)?.[0] ?? start;
  }
}

/** The changes that remove every row about customers of a database. */
export async function customerRemovals(
  catalog: Pick<Catalog, "scan">,
  databaseNumber: number,
): Promise<readonly CatalogChange[]> {
  const changes: CatalogChange[] = [];
  for (const toPrefix of [customerPrefix, erasurePrefix, erasedShardPrefix]) {
    const rows = await readAll(catalog, toPrefix(databaseNumber));
    changes.push(...rows.map(([key]) => ({ kind: "delete" as const, key })));
  }
  return changes;
}
