/** The page a listing is asked for: `?limit=&after=&prefix=`. */
import { PAGE_ITEMS_MAX } from "../../base/limits.ts";
import type { PageRequest } from "../../engine/api.ts";
import { NATIVE_LIMITS } from "./limits.ts";
import { refusal } from "./schema.ts";

const NAMES: readonly string[] = ["limit", "after", "prefix"];

/** @throws InsulaError `argument_invalid` for another parameter, or a limit outside its range. */
export function decodePage(query: string): PageRequest {
  const parameters = new URLSearchParams(query);
  for (const name of parameters.keys()) {
    if (!NAMES.includes(name)) {
      throw refusal(JSON.stringify(name.slice(0, 64)), `expected only ${NAMES.join(", ")}`);
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
