/**
 * The face of Insula in programs, and its remote body over `fetch`.
 *
 * For: `import { connect } from "insula-db/client"`, in Node, browsers and what lies between. Not
 * for: the embedded body (library), which stands on the same handles. Nothing here imports a module
 * of Node or a package.
 *
 * Life of a call: a handle turns what the program has (records, lists of numbers, typed filters)
 * into one of the plain calls of calls.ts; a body carries it out; the handle gives the answer the
 * caller's types. Large batches leave as a stream of JSON numbers.
 *
 * Invariants: both bodies answer alike, errors with the same kind and code (insula.contract.ts).
 * An aborted signal ends the wait at once, but for a write that the engine in this process has
 * taken.
 */
export { connect } from "./connect.ts";
// For the command line, which shows and counts what the face hides.
export { HttpChannel, type Sent, type ServerAddress } from "./http-channel.ts";
export { walkTenants, warmTenants } from "./change-tenants.ts";
export type {
  TenantsChange,
  TenantsChanged,
  TenantsProgress,
  TenantsWalk,
  TenantsWarmed,
  TenantsWarming,
} from "./change-tenants.ts";
export { RemoteCalls } from "./remote-calls.ts";
export { openKeys } from "./keys.ts";
export type { AccessKeys, CreatedKey, KeyGrant, KeyPatch, KeyView, NewKey } from "./keys.ts";
export { InsulaError, type ErrorCode, type ErrorKind } from "../base/errors.ts";
export { isNotServed } from "./customer-handle.ts";
export { InsulaHandle } from "./insula-handle.ts";
export type {
  CallOptions,
  Calls,
  CustomerRecord,
  CustomerRequests,
  Deletion,
  PlainListing,
  PlainMeasurement,
  PlainQuery,
  RecordCalls,
} from "./calls.ts";
export type {
  Batch,
  Collection,
  Columns,
  Customer,
  CustomerRecords,
  CustomerUsageOptions,
  FoundRecord,
  Includes,
  Insula,
  ListOptions,
  ManyResult,
  Measurement,
  NewCollection,
  NewRecord,
  PageOptions,
  PlacedRecord,
  ReadOptions,
  Records,
  ScanOptions,
  Search,
  SearchResult,
  StoredRecord,
  TenantPageOptions,
  QueryPagesOptions,
  TenantSweepOptions,
  UsageOptions,
  VectorLike,
} from "./insula.ts";
