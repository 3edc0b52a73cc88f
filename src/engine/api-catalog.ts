/** Databases and collections, as they are made, changed and shown. */
import type { Schema, TenantPolicy, TenantPolicyPatch } from "../model/index.ts";

export interface DatabaseOptions {
  readonly attributes?: Readonly<Record<string, string>>;
}

/** Small settings a dialect keeps with a database or collection (policy, logging, tags). */
export interface AttributePatch {
  readonly attributes?: Readonly<Record<string, string | null>>;
}

export interface DatabaseInfo {
  readonly name: string;
  readonly createdAtMs: number;
  readonly attributes: Readonly<Record<string, string>>;
  /** Exact, from the catalogue. */
  readonly collectionCount: number;
}

export interface CollectionOptions {
  readonly schema: Schema;
  /** `single`: one shard, no tenants. Default `single`. */
  readonly tenancy?: "single" | "multi";
  readonly attributes?: Readonly<Record<string, string>>;
  /** The model whose vectors fill the collection; text queries by another are refused. */
  readonly embeddingModel?: string;
  /** A write to a tenant that does not exist creates it. Default true; with tenants only. */
  readonly createsTenants?: boolean;
  /** A call about the records of an INACTIVE tenant makes it ACTIVE. Default false. */
  readonly activatesTenants?: boolean;
  /** What happens to tenants that nobody uses. With tenants only; default: nothing. */
  readonly policy?: TenantPolicyPatch;
}

export interface VectorFieldPatch {
  readonly name: string;
  /** Null: the usual one again. */
  readonly recall?: number | null;
}

export interface CollectionPatch extends AttributePatch {
  /** Fields that change; others stay as they are. */
  readonly vectors?: readonly VectorFieldPatch[];
  readonly status?: "enabled" | "disabled";
  readonly embeddingModel?: string | null;
  /** Of a collection with tenants; as in {@link CollectionOptions}. */
  readonly createsTenants?: boolean;
  readonly activatesTenants?: boolean;
  /** Of a collection with tenants: fields that change. */
  readonly policy?: TenantPolicyPatch;
}

export interface CollectionInfo {
  readonly database: string;
  readonly name: string;
  readonly schema: Schema;
  readonly tenancy: "single" | "multi";
  /** A disabled collection refuses reads and writes of records with `collection_disabled`. */
  readonly status: "enabled" | "disabled";
  readonly createdAtMs: number;
  readonly attributes: Readonly<Record<string, string>>;
  readonly embeddingModel?: string;
  /** Present where there are tenants; as in {@link CollectionOptions}. */
  readonly createsTenants?: boolean;
  readonly activatesTenants?: boolean;
  /** Absent while nothing is set. */
  readonly policy?: TenantPolicy;
  /** Exact sums over all tenants, from the catalogue. */
  readonly rowCount: number;
  readonly byteCount: number;
  readonly tenantCount: number;
}
