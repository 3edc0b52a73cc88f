/** Routes about the disk: where the bytes of a tenant, or of a collection without tenants, lie. */
import { EXTENTS_ANSWER } from "./answers.ts";
import { COLLECTION_PATTERN } from "./catalog-routes.ts";
import { placeOf, type Route } from "./route.ts";

const ROUTE = {
  method: "GET",
  area: "admin",
  status: 200,
  answers: EXTENTS_ANSWER,
  run: (call) => call.context.engine.locate(placeOf(call)),
} as const satisfies Partial<Route>;

export const EXTENT_ROUTES: readonly Route[] = [
  {
    ...ROUTE,
    pattern: `${COLLECTION_PATTERN}/extents`,
    operation: "GetCollectionExtents",
    summary: "Files, offsets and keys of the bytes of a collection without tenants.",
  },
  {
    ...ROUTE,
    pattern: `${COLLECTION_PATTERN}/tenants/:tenant/extents`,
    operation: "GetTenantExtents",
    summary: "Files, offsets and keys of a tenant's bytes; wakes nobody.",
  },
];
