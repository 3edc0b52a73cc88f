/** Pages of names below one prefix of the catalogue, in byte order. */
import { InsulaError } from "../base/errors.ts";
import { PAGE_ITEMS_MAX } from "../base/limits.ts";
import type { Page, PageRequest } from "./api.ts";
import type { Catalog } from "./catalog.ts";
import { binary, endOfPrefix, nameAfter, type EncodedKey } from "./catalog-keys.ts";

export interface NamedRow {
  readonly name: string;
  readonly value: Uint8Array;
}

/** @throws InsulaError `argument_invalid` for a limit outside 1 to PAGE_ITEMS_MAX. */
export async function listNames(
  catalog: Pick<Catalog, "scan">,
  parent: EncodedKey,
  { prefix = "", after, limit }: PageRequest,
): Promise<Page<NamedRow>> {
  checkPageLimit(limit);
  const range = parent + binary(prefix);
  const behind = after === undefined ? undefined : parent + binary(after);
  const start = behind === undefined || behind < range ? range : behind;
  const rows = await catalog.scan({
    start,
    end: endOfPrefix(range),
    limit: limit + 1,
    startIsExclusive: start === behind,
  });
  const items = rows
    .slice(0, limit)
    .map(([key, value]) => ({ name: nameAfter(key, parent), value }));
  return { items, hasMore: rows.length > limit };
}

/** @throws InsulaError `argument_invalid` outside 1 to PAGE_ITEMS_MAX. */
export function checkPageLimit(limit: number): void {
  if (Number.isInteger(limit) && limit >= 1 && limit <= PAGE_ITEMS_MAX) return;
  throw new InsulaError(
    "argument_invalid",
    `Cannot list: expected a limit of 1 to ${String(PAGE_ITEMS_MAX)}, received ${String(limit)}.`,
  );
}
