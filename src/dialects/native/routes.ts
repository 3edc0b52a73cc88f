/** All routes of the interface: one table, from which the OpenAPI document is made too. */
import { BACKUP_ROUTES } from "./backup-routes.ts";
import { CATALOG_ROUTES } from "./catalog-routes.ts";
import { CUSTOMER_ROUTES } from "./customer-routes.ts";
import { EMBED_ROUTES } from "./embed-routes.ts";
import { EXTENT_ROUTES } from "./extent-routes.ts";
import { LIMIT_ROUTES } from "./limit-routes.ts";
import { LOG_ROUTES } from "./log-routes.ts";
import { MASTER_KEY_ROUTES } from "./master-key-routes.ts";
import { describeRoutes, type OpenApi } from "./open-api.ts";
import { PERIOD_ROUTES } from "./period-routes.ts";
import { RECORD_ROUTES } from "./record-routes.ts";
import type { Route } from "./route.ts";
import { RECALL_ROUTES } from "./recall-routes.ts";
import { SEARCH_ROUTES } from "./search-routes.ts";
import { SWEEP_ROUTES } from "./sweep-routes.ts";
import { TENANT_STATE_ROUTES } from "./tenant-state-routes.ts";
import { USAGE_ROUTES } from "./usage-routes.ts";

const OPEN_API_ROUTE: Route = {
  method: "GET",
  pattern: "openapi.json",
  operation: "GetOpenApi",
  area: "public",
  status: 200,
  summary: "This document.",
  run: () => Promise.resolve(openApi()),
};

export const NATIVE_ROUTES: readonly Route[] = [
  ...SEARCH_ROUTES,
  ...RECALL_ROUTES,
  ...RECORD_ROUTES,
  ...CATALOG_ROUTES,
  ...TENANT_STATE_ROUTES,
  ...SWEEP_ROUTES,
  ...USAGE_ROUTES,
  ...PERIOD_ROUTES,
  ...LIMIT_ROUTES,
  ...CUSTOMER_ROUTES,
  ...BACKUP_ROUTES,
  ...EXTENT_ROUTES,
  ...LOG_ROUTES,
  ...MASTER_KEY_ROUTES,
  ...EMBED_ROUTES,
  OPEN_API_ROUTE,
];

let document: OpenApi | undefined;

/** Made when first asked for. */
export function openApi(): OpenApi {
  document ??= describeRoutes(NATIVE_ROUTES);
  return document;
}
