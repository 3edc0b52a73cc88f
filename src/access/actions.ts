/**
 * What the operations of all dialects are to a grant: `read`, `write` or `admin`. One table, so
 * that a key means the same through every protocol.
 *
 * `read`: records, and what describes their place. `write`: records. `admin`: databases,
 * collections, tenants, policies, keys, the node. None holds another.
 */
import { matchesPattern } from "./pattern.ts";

export type ActionClass = "read" | "write" | "admin";

export const ACTION_CLASSES: readonly ActionClass[] = ["read", "write", "admin"];

/** Operations of one area, as `<area>:<Operation>`. The twins' names of a bucket's operations. */
const OPERATIONS: readonly (readonly [area: string, ActionClass, operations: string])[] = [
  ["records", "read", "Search SearchNext ForgetSearch SearchAll MeasureRecall Get Count List"],
  ["records", "write", "Upsert Insert Delete"],
  ["admin", "read", "ListDatabases GetDatabase ListCollections GetCollection ListTenants"],
  ["admin", "read", "GetTenant GetUsage GetDatabaseUsage GetCollectionUsage"],
  ["admin", "read", "GetUsagePeriods GetDatabaseUsagePeriods GetCollectionUsagePeriods"],
  ["admin", "read", "GetTenantUsagePeriods GetCollectionLimits GetTenantLimits"],
  ["admin", "admin", "CreateDatabase DeleteDatabase CreateCollection UpdateCollection"],
  ["admin", "admin", "DeleteCollection CreateTenant DeleteTenant EraseTenant"],
  ["admin", "admin", "RenameTenant CreateTenants"],
  ["admin", "admin", "SetTenantState SetTenantStates WarmTenants SweepTenants"],
  ["admin", "read", "ListCustomers GetCustomer GetCustomerUsage ExportCustomer"],
  ["admin", "admin", "SuspendCustomer ResumeCustomer EraseCustomer CopyCustomer"],
  ["admin", "admin", "SetCollectionLimits SetTenantLimits"],
  ["admin", "admin", "GetCollectionExtents GetTenantExtents"],
  [
    "admin",
    "admin",
    "GetStatus GetLogLevel SetLogLevel ListKeys CreateKey LimitKey RotateKey RevokeKey",
  ],
  ["admin", "admin", "RotateMasterKey ListBackups CreateBackup DeleteBackup Restore CopyTenant"],
  ["admin", "admin", "AdoptTenant"],
  ["vectors", "read", "GetVectorBucket ListVectorBuckets GetVectorIndex ListVectorIndexes"],
  ["vectors", "read", "GetIndex ListIndexes GetVectors ListVectors QueryVectors"],
  ["vectors", "read", "ListTagsForResource"],
  ["vectors", "write", "PutVectors DeleteVectors"],
  ["vectors", "admin", "PutVectorBucket CreateVectorBucket DeleteVectorBucket"],
  ["vectors", "admin", "PutVectorIndex CreateIndex DeleteVectorIndex DeleteIndex"],
  ["vectors", "admin", "PutBucketPolicy GetBucketPolicy DeleteBucketPolicy"],
  ["vectors", "admin", "PutVectorBucketPolicy GetVectorBucketPolicy DeleteVectorBucketPolicy"],
  ["vectors", "admin", "PutBucketLogging GetBucketLogging DeleteBucketLogging"],
  ["vectors", "admin", "TagResource UntagResource"],
  ["vectors", "admin", "PutVectorBucketDefaultIndexMode"],
  ["vectors", "admin", "UpdateIndexMode UpdateMetadataConfiguration"],
];

const CLASS_OF: ReadonlyMap<string, ActionClass> = new Map(
  OPERATIONS.flatMap(([area, kind, operations]) =>
    operations.split(" ").map((operation) => [`${area}:${operation}`, kind] as const),
  ),
);

/** undefined for an operation the table does not know: only a pattern grants it. */
export function classOf(action: string): ActionClass | undefined {
  return CLASS_OF.get(action);
}

/** Whether a list of a grant has the action, by its class or by a pattern. */
export function grantsAction(actions: readonly string[], action: string): boolean {
  const kind = classOf(action);
  return actions.some((granted) => granted === kind || matchesPattern(granted, action));
}

/** A class, `*`, or a pattern of `<area>:<Operation>`. */
export function isGrantedAction(text: string): boolean {
  return ACTION_CLASSES.some((kind) => kind === text) || /^(\*|[a-z]+:[A-Za-z*]+)$/.test(text);
}
