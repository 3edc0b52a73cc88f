/**
 * Our own HTTP interface, small and regular: what the remote client, the command line and whoever
 * speaks JSON use, with tenants and searches over many places, which no vendor's protocol has.
 *
 * Every route is one row of routes.ts. A row says the right it asks for, the schema of its body and
 * what it does; the OpenAPI document and the page /docs are made of the same rows. Names are path
 * segments, percent-encoded; pages are asked with `?limit=&after=&prefix=` and answered as
 * `{items, hasMore}`; errors are RFC 9457 problems with our error code.
 *
 * Life of a request: route → who asks → may he → body, whose numbers are parsed apart from the rest
 * → schema → engine → text. Rights are asked before anything the request names is looked at, for
 * each place of a search over many, so that what is missing and what is forbidden look alike.
 */
export { createNativeDialect } from "./native-dialect.ts";
export { NATIVE_LIMITS } from "./limits.ts";
export { NATIVE_PATH_PREFIX } from "./route-finder.ts";
export { NATIVE_ROUTES } from "./routes.ts";
export type { Call, Route } from "./route.ts";
