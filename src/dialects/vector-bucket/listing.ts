/** Pages over names of which a dialect shows only some. */
import { PAGE_ITEMS_MAX } from "../../base/limits.ts";
import type { Page, PageRequest } from "../../engine/api.ts";

/** Names asked for at once at least, so that rows that are not shown cost few calls. */
const FETCH_ITEMS_MIN = 128;

/**
 * One page of what `isShown` accepts, in the order of the engine. It looks one item ahead:
 * `hasMore` is true only when another page would not be empty.
 */
export async function listShown<Item extends { readonly name: string }>(
  fetch: (page: PageRequest) => Promise<Page<Item>>,
  isShown: (item: Item) => boolean,
  page: PageRequest,
): Promise<Page<Item>> {
  const items: Item[] = [];
  let after = page.after;
  for (;;) {
    const wanted = page.limit + 1 - items.length;
    const fetched = await fetch({
      ...page,
      limit: Math.min(Math.max(wanted, FETCH_ITEMS_MIN), PAGE_ITEMS_MAX),
      ...(after === undefined ? {} : { after }),
    });
    for (const item of fetched.items) {
      if (!isShown(item)) continue;
      if (items.length === page.limit) return { items, hasMore: true };
      items.push(item);
    }
    const last = fetched.items.at(-1);
    if (!fetched.hasMore || last === undefined) return { items, hasMore: false };
    after = last.name;
  }
}
