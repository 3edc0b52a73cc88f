/** Routes about sizes: rows of the catalogue, so that asking wakes nobody. */
import { COLLECTION_USAGE_ANSWER, DATABASE_USAGE_ANSWER, USAGE_ANSWER } from "./answers.ts";
import { missing } from "./bodies.ts";
import { COLLECTION_PATTERN } from "./catalog-routes.ts";
import { decodePage } from "./page.ts";
import type { Route } from "./route.ts";

export const USAGE_ROUTES: readonly Route[] = [
  {
    method: "GET",
    pattern: "usage",
    operation: "GetUsage",
    area: "admin",
    status: 200,
    summary: "Databases with the number of their collections.",
    answers: USAGE_ANSWER,
    isPaged: true,
    run: async ({ context, request }) => {
      const { items, hasMore } = await context.engine.listDatabases(decodePage(request.query));
      return {
        items: items.map(({ name, collectionCount }) => ({ name, collectionCount })),
        hasMore,
      };
    },
  },
  {
    method: "GET",
    pattern: "databases/:database/usage",
    operation: "GetDatabaseUsage",
    area: "admin",
    status: 200,
    summary: "Rows and bytes of each collection, and their sums over this page.",
    answers: DATABASE_USAGE_ANSWER,
    isPaged: true,
    run: async ({ context, database, request }) => {
      const page = await context.engine.listCollections(database, decodePage(request.query));
      const items = page.items.map(({ name, rowCount, byteCount, tenantCount }) => ({
        name,
        rowCount,
        byteCount,
        tenantCount,
      }));
      return { ...sumOf(items), items, hasMore: page.hasMore };
    },
  },
  {
    method: "GET",
    pattern: `${COLLECTION_PATTERN}/usage`,
    operation: "GetCollectionUsage",
    area: "admin",
    status: 200,
    summary: "Rows and bytes of the whole collection, and of each tenant of this page.",
    answers: COLLECTION_USAGE_ANSWER,
    isPaged: true,
    run: async ({ context, database, collection, request }) => {
      const page = decodePage(request.query);
      const info = await context.engine.getCollection(database, collection);
      if (info === undefined) throw missing("collection_not_found", "collection", collection);
      const { rowCount, byteCount, tenantCount, tenancy } = info;
      const { items, hasMore } =
        tenancy === "multi"
          ? await context.engine.listTenants(database, collection, {
              ...page,
              signal: request.signal,
            })
          : { items: [], hasMore: false };
      return { rowCount, byteCount, tenantCount, items, hasMore };
    },
  },
];

interface Size {
  readonly rowCount: number;
  readonly byteCount: number;
}

function sumOf(items: readonly Size[]): Size {
  let rowCount = 0;
  let byteCount = 0;
  for (const item of items) {
    rowCount += item.rowCount;
    byteCount += item.byteCount;
  }
  return { rowCount, byteCount };
}
