/** The page a listing is asked for: `?limit=&after=&prefix=`, of tenants also what they are. */
import { PAGE_ITEMS_MAX } from "../../base/limits.ts";
import type { PageRequest, TenantPageRequest } from "../../engine/api.ts";
import { TENANT_STATES } from "../../model/index.ts";
import { NATIVE_LIMITS } from "./limits.ts";
import { refusal } from "./schema.ts";

const NAMES: readonly string[] = ["limit", "after", "prefix"];
const ORDERS = ["name", "size", "use"] as const;

/** @throws InsulaError `argument_invalid` for another parameter, or a limit outside its range. */
export function decodePage(query: string): PageRequest {
  return readPage(new URLSearchParams(query), NAMES);
}

/** As {@link decodePage}, and `pattern`, `state`, `order`. */
export function decodeTenantPage(query: string): TenantPageRequest {
  const parameters = new URLSearchParams(query);
  const page = readPage(parameters, [...NAMES, "pattern", "state", "order"]);
  const pattern = parameters.get("pattern");
  const state = readChoice(parameters, "state", TENANT_STATES);
  const order = readChoice(parameters, "order", ORDERS);
  return {
    ...page,
    ...(pattern !== null && { pattern }),
    ...(state !== undefined && { state }),
    ...(order !== undefined && { order }),
  };
}

function readChoice<Word extends string>(
  parameters: URLSearchParams,
  name: string,
  words: readonly Word[],
): Word | undefined {
  const text = parameters.get(name);
  const found = words.find((word) => word === text);
  if (text === null || found !== undefined) return found;
  throw refusal(name, `expected one of ${words.join(", ")}`);
}

function readPage(parameters: URLSearchParams, known: readonly string[]): PageRequest {
  for (const name of parameters.keys()) {
    if (!known.includes(name)) {
      throw refusal(JSON.stringify(name.slice(0, 64)), `expected only ${known.join(", ")}`);
    }
  }
  const limitText = parameters.get("limit");
  const limit = limitText === null ? NATIVE_LIMITS.pageItemsDefault : Number(limitText);
  if (!Number.isInteger(limit) || limit < 1 || limit > PAGE_ITEMS_MAX) {
    throw refusal("limit", `expected a whole number from 1 to ${String(PAGE_ITEMS_MAX)}`);
  }
  const prefix = parameters.get("prefix");
  const after = parameters.get("after");
  return { limit, ...(prefix !== null && { prefix }), ...(after !== null && { after }) };
}
