/**
 * Our own interface, of which the administration stands so far: what the command line needs of a
 * running server and no vendor's protocol can express.
 *
 * Not for: records and searches; they go through the vendors' protocols until this room has routes
 * of its own. Every route is one row of admin-routes.ts; names of databases, collections and
 * tenants are path segments, percent-encoded; pages are asked with `?limit=&after=&prefix=` and
 * answered as `{items, hasMore}`; errors are RFC 9457 problems with our error code.
 */
export { ADMIN_PATH_PREFIX, createAdminDialect } from "./admin-dialect.ts";
export { ADMIN_ROUTES } from "./admin-routes.ts";
export type { Call, Route } from "./admin-routes.ts";
