/** The calls about databases, collections and tenants, sent to a server. */
import { InsulaError, type ErrorCode } from "../base/errors.ts";
import type {
  CollectionInfo,
  CollectionOptions,
  CollectionPatch,
  DatabaseInfo,
  LocatedPlace,
  ErasureReceipt,
  Page,
  PageRequest,
  TenantInfo,
  TenantPage,
  TenantPageRequest,
  TenantPlace,
  TenantStatesRequest,
  TenantStatesSlice,
  TenantSweepRequest,
  TenantSweepSlice,
  TenantWarmRequest,
  TenantWarmSlice,
  TenantsCreated,
  UsagePage,
} from "../engine/api.ts";
import type {
  LimitsInfo,
  LimitsPatch,
  Place,
  RequestedState,
  UsageRequest,
} from "../model/index.ts";
import type { CallOptions, CatalogCalls } from "./calls.ts";
import { RemoteCustomers } from "./remote-customers.ts";
import type { HttpChannel, Sent } from "./http-channel.ts";
import { readSweep, readTenantStates, readWarming } from "./read-answer.ts";
import {
  collectionPath,
  databasePath,
  limitsPath,
  pageQuery,
  tenantPageQuery,
  tenantPath,
  usagePath,
} from "./remote-paths.ts";

export class RemoteCatalog implements CatalogCalls {
  readonly customers: RemoteCustomers;
  readonly #channel: HttpChannel;

  constructor(channel: HttpChannel) {
    this.#channel = channel;
    this.customers = new RemoteCustomers(channel);
  }

  createDatabase(name: string, options: CallOptions): Promise<DatabaseInfo> {
    return this.#ask("databases", post({ name }), options);
  }

  getDatabase(name: string, options: CallOptions): Promise<DatabaseInfo | undefined> {
    return this.#find("database_not_found", databasePath(name), options);
  }

  listDatabases(page: PageRequest, options: CallOptions): Promise<Page<DatabaseInfo>> {
    return this.#ask(`databases${pageQuery(page)}`, {}, options);
  }

  deleteDatabase(name: string, options: CallOptions): Promise<void> {
    return this.#ask(databasePath(name), { method: "DELETE" }, options);
  }

  createCollection(
    { database, collection }: Place,
    {
      schema,
      tenancy,
      embeddingModel,
      createsTenants,
      activatesTenants,
      policy,
    }: CollectionOptions,
    options: CallOptions,
  ): Promise<CollectionInfo> {
    const { sparseVectors, unfilterable } = schema;
    // The interface takes one kind or both, never an empty list of the dense ones.
    const vectors = schema.vectors.length === 0 ? undefined : schema.vectors;
    const fields = { vectors, sparseVectors };
    const rules = { createsTenants, activatesTenants, policy };
    const made = { name: collection, ...fields, unfilterable, tenancy, embeddingModel, ...rules };
    return this.#ask(`${databasePath(database)}/collections`, post(made), options);
  }

  getCollection(place: Place, options: CallOptions): Promise<CollectionInfo | undefined> {
    return this.#find("collection_not_found", collectionPath(place), options);
  }

  listCollections(
    database: string,
    page: PageRequest,
    options: CallOptions,
  ): Promise<Page<CollectionInfo>> {
    return this.#ask(`${databasePath(database)}/collections${pageQuery(page)}`, {}, options);
  }

  updateCollection(
    place: Place,
    patch: CollectionPatch,
    options: CallOptions,
  ): Promise<CollectionInfo> {
    const { attributes: _, ...changed } = patch;
    const body = JSON.stringify(changed);
    return this.#ask(collectionPath(place), { method: "PATCH", body }, options);
  }

  deleteCollection(place: Place, options: CallOptions): Promise<void> {
    return this.#ask(collectionPath(place), { method: "DELETE" }, options);
  }

  createTenant(place: TenantPlace, options: CallOptions): Promise<TenantInfo> {
    return this.#ask(`${collectionPath(place)}/tenants`, post({ name: place.tenant }), options);
  }

  createTenants(
    place: Place,
    names: readonly string[],
    options: CallOptions,
  ): Promise<TenantsCreated> {
    return this.#ask(`${collectionPath(place)}/tenant-creations`, post({ names }), options);
  }

  getTenant(place: TenantPlace, options: CallOptions): Promise<TenantInfo | undefined> {
    return this.#find("tenant_not_found", tenantPath(place), options);
  }

  listTenants(place: Place, page: TenantPageRequest, options: CallOptions): Promise<TenantPage> {
    return this.#ask(`${collectionPath(place)}/tenants${tenantPageQuery(page)}`, {}, options);
  }

  setTenantState(
    place: TenantPlace,
    state: RequestedState,
    options: CallOptions,
  ): Promise<TenantInfo> {
    const body = JSON.stringify({ state });
    return this.#ask(`${tenantPath(place)}/state`, { method: "PUT", body }, options);
  }

  async setTenantStates(
    place: Place,
    request: TenantStatesRequest,
    options: CallOptions,
  ): Promise<TenantStatesSlice> {
    const path = `${collectionPath(place)}/tenant-states`;
    return readTenantStates(await this.#ask(path, post(request), options));
  }

  async warmTenants(
    place: Place,
    request: TenantWarmRequest,
    options: CallOptions,
  ): Promise<TenantWarmSlice> {
    const path = `${collectionPath(place)}/tenant-warmings`;
    return readWarming(await this.#ask(path, post(request), options));
  }

  async sweepTenants(
    place: Place,
    request: TenantSweepRequest,
    options: CallOptions,
  ): Promise<TenantSweepSlice> {
    const path = `${collectionPath(place)}/tenant-sweeps`;
    return readSweep(await this.#ask(path, post(request), options));
  }

  renameTenant(place: TenantPlace, name: string, options: CallOptions): Promise<TenantInfo> {
    return this.#ask(`${tenantPath(place)}/rename`, post({ name }), options);
  }

  deleteTenant(place: TenantPlace, options: CallOptions): Promise<void> {
    return this.#ask(tenantPath(place), { method: "DELETE" }, options);
  }

  getLimits(place: Place, options: CallOptions): Promise<LimitsInfo> {
    return this.#ask(limitsPath(place), {}, options);
  }

  setLimits(place: Place, patch: LimitsPatch, options: CallOptions): Promise<LimitsInfo> {
    const body = JSON.stringify(patch);
    return this.#ask(limitsPath(place), { method: "PATCH", body }, options);
  }

  usage(request: UsageRequest, options: CallOptions): Promise<UsagePage> {
    return this.#ask(usagePath(request), {}, options);
  }

  locate(place: Place, options: CallOptions): Promise<LocatedPlace> {
    const owner = place.tenant === undefined ? collectionPath(place) : tenantPath(place);
    return this.#ask(`${owner}/extents`, {}, options);
  }

  eraseTenant(place: TenantPlace, options: CallOptions): Promise<ErasureReceipt> {
    return this.#ask(`${tenantPath(place)}/erase`, { method: "POST" }, options);
  }

  /** HTTP says 404 with this code where the calls say undefined. */
  async #find<Info>(
    code: ErrorCode,
    path: string,
    options: CallOptions,
  ): Promise<Info | undefined> {
    try {
      return await this.#ask<Info>(path, {}, options);
    } catch (error) {
      if (error instanceof InsulaError && error.code === code) return undefined;
      throw error;
    }
  }

  /** The server's answers have the shapes of engine/api.ts. */
  async #ask<Answer>(path: string, sent: Sent, { signal }: CallOptions): Promise<Answer> {
    const answer = await this.#channel.send(
      path,
      signal === undefined ? sent : { ...sent, signal },
    );
    return answer as Answer;
  }
}

function post(body: object): Sent {
  return { method: "POST", body: JSON.stringify(body) };
}
