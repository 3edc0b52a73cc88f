/**
 * What callers do with tenants: made, listed, moved between states, removed, erased; no record is
 * touched here.
 */
import { InsulaError } from "../base/errors.ts";
import { TENANTS_CREATED_MAX } from "../base/limits.ts";
import {
  keptWarmBy,
  openSchedules,
  pinOf,
  type Place,
  type RequestedState,
  type TenantState,
} from "../model/index.ts";
import type { ShardKeeper } from "../tenancy/index.ts";
import type {
  ErasureReceipt,
  TenantCountRequest,
  TenantInfo,
  TenantPage,
  TenantPageRequest,
  TenantPlace,
  TenantsCreated,
  TenantStatesRequest,
  TenantStatesSlice,
  TenantSweepRequest,
  TenantSweepSlice,
  TenantWarmRequest,
  TenantWarmSlice,
} from "./api.ts";
import type { CatalogChange } from "./catalog-commit.ts";
import type { Directory } from "./directory.ts";
import type { CollectionEntry } from "./directory-entries.ts";
import { toErased, writeReceipt, type ErasedShard, type ErasureDoors } from "./erasure.ts";
import type { Infos } from "./infos.ts";
import { checkName } from "./names.ts";
import type { NodeContext } from "./node-context.ts";
import type { TenantControl } from "./tenant-control.ts";
import type { TenantRow } from "./catalog-rows.ts";
import { changeTenants } from "./tenant-changes.ts";
import { warmTenants } from "./tenant-warming.ts";
import { countTenants, listTenants } from "./tenant-listing.ts";
import { sweepTenants } from "./tenant-sweep.ts";

/** Applied in one turn, which stays about a millisecond. */
const TENANTS_PER_FRAME = 500;

export interface TenantDoors {
  readonly node: Pick<NodeContext, "catalog" | "shards" | "sweeper" | "offloadGarbage">;
  readonly directory: Directory;
  readonly infos: Infos;
  readonly keeper: ShardKeeper;
  readonly control: TenantControl;
}

const REQUESTED_STATES: readonly RequestedState[] = ["ACTIVE", "INACTIVE", "OFFLOADED"];

export class Tenants {
  readonly #doors: TenantDoors;

  constructor(doors: TenantDoors) {
    this.#doors = doors;
  }

  async create(place: TenantPlace): Promise<TenantInfo> {
    const collection = await this.#collectionOf(place);
    const { name, row } = await this.#doors.directory.tenants.create(collection, place.tenant);
    return { name, state: row.state, createdAtMs: row.createdAtMs, rowCount: 0, byteCount: 0 };
  }

  async createMany(
    database: string,
    collection: string,
    names: readonly string[],
  ): Promise<TenantsCreated> {
    if (names.length > TENANTS_CREATED_MAX) {
      throw new InsulaError(
        "argument_invalid",
        `Cannot create tenants: expected at most ${String(TENANTS_CREATED_MAX)} names, ` +
          `received ${String(names.length)}.`,
      );
    }
    const entry = await this.#collectionOf({ database, collection });
    const different = [...new Set(names)];
    // All of them before the first is made: a bad name changes nothing.
    for (const name of different) checkName(name);
    let created = 0;
    for (let first = 0; first < different.length; first += TENANTS_PER_FRAME) {
      const part = different.slice(first, first + TENANTS_PER_FRAME);
      created += await this.#doors.directory.tenants.createMissing(entry, part);
    }
    return { created, existing: different.length - created };
  }

  async get(place: TenantPlace): Promise<TenantInfo | undefined> {
    const collection = await this.#collectionOf(place);
    const entry = await this.#doors.directory.tenants.find(collection, place.tenant);
    if (entry === undefined) return undefined;
    const { pins, warm } = collection.row.policy;
    const pinnedBy = pinOf(pins, entry.name);
    const { clock } = this.#doors.node.shards;
    const kept = keptWarmBy(openSchedules(warm, clock.wallMs()), entry.name);
    const info = await this.#doors.infos.tenant(entry.name, entry.row);
    return {
      ...info,
      ...(pinnedBy === undefined ? {} : { pinnedBy }),
      ...(kept !== undefined && {
        keptWarm: { schedule: kept.schedule.name, untilMs: kept.window.toMs },
      }),
    };
  }

  async list(database: string, collection: string, page: TenantPageRequest): Promise<TenantPage> {
    const { infos, node } = this.#doors;
    const entry = await this.#collectionOf({ database, collection });
    const pause = (): Promise<void> => node.shards.clock.yield();
    return listTenants({ catalog: node.catalog, infos, pause }, entry, page);
  }

  async count(place: Place, request: TenantCountRequest): Promise<number> {
    const { infos, node } = this.#doors;
    const entry = await this.#collectionOf(place);
    const pause = (): Promise<void> => node.shards.clock.yield();
    return countTenants({ catalog: node.catalog, infos, pause }, entry, request);
  }

  /** A tenant on its way to or from the object store arrives first. */
  async rename(place: TenantPlace, name: string): Promise<TenantInfo> {
    const { directory, infos, control } = this.#doors;
    checkName(name);
    const collection = await this.#collectionOf(place);
    const { tenant } = place;
    if (tenant === name) {
      throw new InsulaError("tenant_exists", `Cannot rename tenant "${tenant}": it has the name.`);
    }
    for (;;) {
      const isReady = ({ state }: TenantRow): boolean => isResting(state);
      const row = await directory.tenants.rename(collection, [tenant, name], isReady);
      if (row !== undefined) return infos.tenant(name, row);
      await control.states.settle(collection, tenant);
    }
  }

  async setState(place: TenantPlace, state: RequestedState): Promise<TenantInfo> {
    const { infos, control } = this.#doors;
    checkState(state);
    const collection = await this.#collectionOf(place);
    const { row } = await control.states.change(collection, place.tenant, state);
    return infos.tenant(place.tenant, row);
  }

  async setStates(place: Place, request: TenantStatesRequest): Promise<TenantStatesSlice> {
    const { node, control } = this.#doors;
    checkState(request.state);
    const collection = await this.#collectionOf(place);
    return changeTenants({ catalog: node.catalog, states: control.states }, collection, request);
  }

  async warm(place: Place, request: TenantWarmRequest): Promise<TenantWarmSlice> {
    const collection = await this.#collectionOf(place);
    return warmTenants(this.#doors.control.warmDoors, collection, request);
  }

  async sweep(place: Place, request: TenantSweepRequest): Promise<TenantSweepSlice> {
    const collection = await this.#collectionOf(place);
    return sweepTenants(this.#doors.control.sweepDoors, collection, request);
  }

  async delete(place: TenantPlace): Promise<void> {
    const { sweeper } = this.#doors.node;
    const removed = await this.#remove(await this.#collectionOf(place), place.tenant, () => []);
    if (removed === undefined) sweeper.sweep();
    else void sweeper.remove(removed);
  }

  async erase(place: TenantPlace): Promise<ErasureReceipt> {
    const erased = await this.remove(await this.#collectionOf(place), place.tenant);
    await this.#doors.node.sweeper.remove(erased);
    return writeReceipt(this.erasureDoors, place, erased);
  }

  get erasureDoors(): ErasureDoors {
    const { catalog, shards, offloadGarbage } = this.#doors.node;
    const removeCopies: ErasureDoors["removeCopies"] = (shard) => offloadGarbage.removeShard(shard);
    return { catalog, fileSystem: shards.fileSystem, removeCopies };
  }

  /**
   * Removes the tenant when nobody uses its shard any more; the sweeper has to be woken.
   *
   * @param toChanges of what it had: go into the frame that removes it.
   * @throws InsulaError `tenant_not_found`.
   */
  async remove(
    collection: CollectionEntry,
    tenant: string,
    toChanges: (erased: ErasedShard) => readonly CatalogChange[] = () => [],
  ): Promise<ErasedShard> {
    const erased = await this.#remove(collection, tenant, toChanges);
    if (erased !== undefined) return erased;
    throw new InsulaError("data_damaged", "Cannot say what was erased: its row was missing.");
  }

  /** Undefined when the row of its shard was missing. */
  async #remove(
    collection: CollectionEntry,
    tenant: string,
    toChanges: (erased: ErasedShard) => readonly CatalogChange[],
  ): Promise<ErasedShard | undefined> {
    const { directory, keeper, node } = this.#doors;
    let erased: ErasedShard | undefined;
    await directory.tenants.delete(collection, tenant, (shard, commit) =>
      keeper.drop([shard], async () => {
        const state = await node.catalog.readShard(shard);
        erased = state && toErased(state, node.shards.clock.wallMs());
        await commit(erased && toChanges(erased));
      }),
    );
    return erased;
  }

  async #collectionOf({ database, collection }: Place): Promise<CollectionEntry> {
    const entry = await this.#doors.directory.collectionNamed(database, collection);
    if (entry.isMultiTenant) return entry;
    throw new InsulaError(
      "argument_invalid",
      `Cannot use tenants of collection "${collection}": it was created without tenants.`,
    );
  }
}

function isResting(state: TenantState): boolean {
  return state !== "OFFLOADING" && state !== "ONLOADING";
}

function checkState(state: RequestedState): void {
  if (REQUESTED_STATES.includes(state)) return;
  throw new InsulaError(
    "argument_invalid",
    `Cannot change the tenant: state: expected one of ${REQUESTED_STATES.join(", ")}.`,
  );
}
