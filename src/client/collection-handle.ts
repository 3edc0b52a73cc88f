/** One collection and its tenants, over plain calls. */
import type {
  ErasureReceipt,
  PageRequest,
  TenantInfo,
  TenantPage,
  TenantPlace,
  TenantSweepSlice,
  TenantsCreated,
} from "../engine/api.ts";
import { InsulaError } from "../base/errors.ts";
import { TENANTS_CREATED_MAX } from "../base/limits.ts";
import type {
  Place,
  RequestedState,
  TenantPolicyPatch,
  WarmSchedule,
  WarmSchedules,
} from "../model/index.ts";
import { abortable } from "./abort.ts";
import type { CallOptions, Calls } from "./calls.ts";
import {
  changeTenants,
  warmTenants,
  type TenantsChange,
  type TenantsChanged,
  type TenantsWarmed,
  type TenantsWarming,
} from "./change-tenants.ts";
import type {
  Collection,
  ManyResult,
  PageOptions,
  Records,
  Search,
  TenantPageOptions,
  TenantSweepOptions,
} from "./insula.ts";
import { RecordsHandle, toFound, toPlainQuery } from "./records-handle.ts";

const NAMES_DEFAULT = 100;
const SWEPT_DEFAULT = 1_000;

export class CollectionHandle<M extends object> extends RecordsHandle<M> implements Collection<M> {
  readonly #calls: Calls;

  constructor(calls: Calls, database: string, collection: string) {
    super(calls, { database, collection });
    this.#calls = calls;
  }

  tenant(name: string): Records<M> {
    return new RecordsHandle<M>(this.#calls, this.#placeOf(name));
  }

  createTenant(name: string, options: CallOptions = {}): Promise<TenantInfo> {
    return abortable(options.signal, () => this.#calls.createTenant(this.#placeOf(name), options));
  }

  createTenants(names: Iterable<string>, options: CallOptions = {}): Promise<TenantsCreated> {
    return abortable(options.signal, async () => {
      const different = [...new Set(names)];
      let made: TenantsCreated = { created: 0, existing: 0 };
      // Once also without any: what cannot have tenants is refused all the same.
      for (let first = 0; first === 0 || first < different.length; first += TENANTS_CREATED_MAX) {
        options.signal?.throwIfAborted();
        const part = different.slice(first, first + TENANTS_CREATED_MAX);
        const { created, existing } = await this.#calls.createTenants(this.place, part, options);
        made = { created: made.created + created, existing: made.existing + existing };
      }
      return made;
    });
  }

  getTenant(name: string, options: CallOptions = {}): Promise<TenantInfo | undefined> {
    return abortable(options.signal, () => this.#calls.getTenant(this.#placeOf(name), options));
  }

  listTenants(page: TenantPageOptions = {}): Promise<TenantPage> {
    const { limit = NAMES_DEFAULT, ...asked } = page;
    return abortable(page.signal, () =>
      this.#calls.listTenants(this.place, { ...asked, limit }, page),
    );
  }

  setTenantState(
    name: string,
    state: RequestedState,
    options: CallOptions = {},
  ): Promise<TenantInfo> {
    return abortable(options.signal, () =>
      this.#calls.setTenantState(this.#placeOf(name), state, options),
    );
  }

  setTenantStates(change: TenantsChange): Promise<TenantsChanged> {
    const { signal } = change;
    const options = signal === undefined ? {} : { signal };
    return abortable(signal, () =>
      changeTenants((request) => this.#calls.setTenantStates(this.place, request, options), change),
    );
  }

  warmTenants(walk: TenantsWarming): Promise<TenantsWarmed> {
    const { signal } = walk;
    const options = signal === undefined ? {} : { signal };
    return abortable(signal, () =>
      warmTenants((request) => this.#calls.warmTenants(this.place, request, options), walk),
    );
  }

  pinTenants(alsoPin: readonly string[], options: CallOptions = {}): Promise<readonly string[]> {
    return this.#changePins({ alsoPin }, options);
  }

  unpinTenants(unpin: readonly string[], options: CallOptions = {}): Promise<readonly string[]> {
    return this.#changePins({ unpin }, options);
  }

  async setWarmSchedule(
    name: string,
    schedule: WarmSchedule | null,
    options: CallOptions = {},
  ): Promise<WarmSchedules> {
    const policy = { warm: { [name]: schedule } };
    const info = await abortable(options.signal, () =>
      this.#calls.updateCollection(this.place, { policy }, options),
    );
    return info.policy?.warm ?? {};
  }

  sweepTenants(sweep: TenantSweepOptions = {}): Promise<TenantSweepSlice> {
    const { limit = SWEPT_DEFAULT, signal, ...asked } = sweep;
    const options = signal === undefined ? {} : { signal };
    return abortable(signal, () =>
      this.#calls.sweepTenants(this.place, { ...asked, limit }, options),
    );
  }

  renameTenant(name: string, to: string, options: CallOptions = {}): Promise<TenantInfo> {
    return abortable(options.signal, () =>
      this.#calls.renameTenant(this.#placeOf(name), to, options),
    );
  }

  deleteTenant(name: string, options: CallOptions = {}): Promise<void> {
    return abortable(options.signal, () => this.#calls.deleteTenant(this.#placeOf(name), options));
  }

  eraseTenant(name: string, options: CallOptions = {}): Promise<ErasureReceipt> {
    return abortable(options.signal, () => this.#calls.eraseTenant(this.#placeOf(name), options));
  }

  queryTenants(
    names: readonly string[],
    query: Search<M>,
    options: CallOptions = {},
  ): Promise<ManyResult<M>> {
    const places = names.map((name) => this.#placeOf(name));
    return searchMany<M>(this.#calls, places, query, options);
  }

  #placeOf(tenant: string): TenantPlace {
    const { database, collection } = this.place;
    return { database, collection, tenant };
  }

  async #changePins(
    policy: Pick<TenantPolicyPatch, "alsoPin" | "unpin">,
    options: CallOptions,
  ): Promise<readonly string[]> {
    const info = await abortable(options.signal, () =>
      this.#calls.updateCollection(this.place, { policy }, options),
    );
    return info.policy?.pin ?? [];
  }
}

/** One search over many places. */
export async function searchMany<M extends object>(
  calls: Calls,
  places: readonly Place[],
  query: Search<M>,
  options: CallOptions,
): Promise<ManyResult<M>> {
  const plain = toPlainQuery(query);
  if (plain.like !== undefined || plain.mmr !== undefined) {
    throw new InsulaError(
      "argument_invalid",
      "Cannot search many places by record or with mmr: expected a vector, a sparse vector or both.",
    );
  }
  const result = await abortable(options.signal, async () =>
    calls.queryMany(places, plain, options),
  );
  const hits = result.hits.map((hit) => ({ ...toFound<M>(hit), place: hit.place }));
  return { ...result, hits };
}

export function toPageRequest({ limit = NAMES_DEFAULT, prefix, after }: PageOptions): PageRequest {
  return {
    limit,
    ...(prefix === undefined ? {} : { prefix }),
    ...(after === undefined ? {} : { after }),
  };
}
