/**
 * Tenants woken before they are needed: each is opened, and searched once by each of its dense
 * fields, so that what a search reads is in memory. Who names them activates none of them; a warm
 * schedule activates those that the policy put to rest.
 */
import { InsulaError, isInsulaError } from "../base/errors.ts";
import { WINDOWS_TOLD_MAX } from "../base/limits.ts";
import type { Clock } from "../io/index.ts";
import { patchPolicy, windowsOf, type NamedWarmSchedule, type Query } from "../model/index.ts";
import type { ShardKeeper } from "../tenancy/index.ts";
import type { TenantWarmRequest, TenantWarmSlice } from "./api.ts";
import type { Catalog } from "./catalog.ts";
import type { TenantRow } from "./catalog-rows.ts";
import type { Directory } from "./directory.ts";
import type { CollectionEntry } from "./directory-entries.ts";
import { findScheduled } from "./schedule-slices.ts";
import { notActive, stateOf, type TenantGate } from "./tenant-gate.ts";
import { findSlice, workThrough, type Slice, type TenantOutcome } from "./tenant-slices.ts";
import type { TenantStates } from "./tenant-states.ts";

/** Tenants woken at once: calls that come meanwhile find half of the disk's time. */
const WARMED_AT_ONCE = 8;

export interface WarmingDoors {
  readonly catalog: Pick<Catalog, "scan">;
  readonly directory: Directory;
  readonly gate: Pick<TenantGate, "use" | "wake">;
  readonly states: Pick<TenantStates, "change">;
  readonly keeper: Pick<ShardKeeper, "peek" | "hasRoom">;
  readonly clock: Clock;
}

/** @throws InsulaError `argument_invalid`; what fails for one tenant is in the answer. */
export async function warmTenants(
  doors: WarmingDoors,
  collection: CollectionEntry,
  request: TenantWarmRequest,
): Promise<TenantWarmSlice> {
  const schedule = scheduleOf(doors, collection, request);
  const slice = await sliceOf(doors, collection, { request, schedule });
  const windows = schedule && windowsOf(schedule, doors.clock.wallMs(), WINDOWS_TOLD_MAX);
  const told = windows === undefined ? {} : { windows };
  const warming = new Warming(doors, collection, schedule);
  if (request.isDryRun !== true) {
    const done = await workThrough(slice, WARMED_AT_ONCE, (tenant) => warming.warm(tenant));
    return { ...done, ...told };
  }
  const due = new Set<string>();
  const found = await workThrough(slice, WARMED_AT_ONCE, async (tenant) => {
    const outcome = await warming.look(tenant);
    if (outcome.outcome === "changed") due.add(tenant);
    return outcome;
  });
  return { ...found, ...told, names: slice.names.filter((name) => due.has(name)) };
}

/** Undefined: tenants are named, or a pattern of them. */
function scheduleOf(
  { clock }: WarmingDoors,
  { row }: CollectionEntry,
  { schedule: name, names, pattern, isDryRun, policy }: TenantWarmRequest,
): NamedWarmSchedule | undefined {
  if (policy !== undefined && isDryRun !== true) {
    throw refusal("another policy than that of the collection is for dry runs only");
  }
  if (name === undefined) return undefined;
  if (names !== undefined || pattern !== undefined) {
    throw refusal("expected one of names, a pattern and a schedule");
  }
  const rules = policy === undefined ? row.policy : patchPolicy(row.policy, policy, clock.wallMs());
  const found = rules.warm?.find((each) => each.name === name);
  if (found !== undefined) return found;
  throw refusal(`the collection has no warm schedule "${name}"`);
}

function sliceOf(
  { catalog }: WarmingDoors,
  collection: CollectionEntry,
  asked: {
    readonly request: TenantWarmRequest;
    readonly schedule: NamedWarmSchedule | undefined;
  },
): Promise<Slice> {
  const { request, schedule } = asked;
  if (schedule !== undefined) return findScheduled(catalog, collection, schedule, request);
  return findSlice(catalog, collection, { ...request, isSettled: () => false });
}

/** What becomes of each tenant. */
class Warming {
  readonly #doors: WarmingDoors;
  readonly #collection: CollectionEntry;
  readonly #schedule: NamedWarmSchedule | undefined;
  readonly #queries: readonly Query[];

  constructor(
    doors: WarmingDoors,
    collection: CollectionEntry,
    schedule: NamedWarmSchedule | undefined,
  ) {
    this.#doors = doors;
    this.#collection = collection;
    this.#schedule = schedule;
    this.#queries = queriesOf(collection);
  }

  warm(tenant: string): Promise<TenantOutcome> {
    return this.#decide(tenant, async (row) => {
      const schedule = this.#schedule;
      if (schedule === undefined) await this.#wakeAsked(tenant, row);
      else await this.#wakeScheduled(tenant, row, schedule.name);
    });
  }

  /** What {@link Warming.warm} would do. */
  look(tenant: string): Promise<TenantOutcome> {
    return this.#decide(tenant, () => Promise.resolve());
  }

  async #decide(tenant: string, wake: (row: TenantRow) => Promise<void>): Promise<TenantOutcome> {
    const { directory, keeper } = this.#doors;
    try {
      const row = (await directory.tenants.find(this.#collection, tenant))?.row;
      if (row === undefined) return { outcome: "missing" };
      if (row.state !== "ACTIVE" && this.#schedule === undefined) {
        throw notActive(tenant, row.state);
      }
      // Somebody wants it to rest, or its data are far away.
      if (row.state !== "ACTIVE" && !isPutToRest(row)) return { outcome: "unchanged" };
      if (keeper.peek(row.shard) !== undefined) return { outcome: "unchanged" };
      await wake(row);
      return { outcome: "changed" };
    } catch (error) {
      if (!isInsulaError(error) || error.code === "engine_closed") throw error;
      return error.code === "tenant_not_found"
        ? { outcome: "missing" }
        : { outcome: "failed", error };
    }
  }

  async #wakeAsked(tenant: string, row: TenantRow): Promise<void> {
    const place = {
      ...{ collection: this.#collection, tenant, shard: row.shard },
      ...stateOf(row),
    };
    await this.#doors.gate.use(place, (open) => open.query(this.#queries), { load: this.#load });
  }

  /** As far as there is room: who was woken first would else make room for who comes last. */
  async #wakeScheduled(tenant: string, row: TenantRow, schedule: string): Promise<void> {
    const { gate, states, keeper } = this.#doors;
    const collection = this.#collection;
    const { number, policy } = collection.row;
    if (!keeper.hasRoom(number, policy)) throw noRoom(tenant);
    let found = row;
    if (row.state !== "ACTIVE") {
      const cause = { reason: "schedule", schedule, isMeant: isPutToRest } as const;
      found = (await states.change(collection, tenant, "ACTIVE", cause)).row;
    }
    const place = { collection, tenant, shard: found.shard, ...stateOf(found) };
    await gate.wake(place, tenant, (open) => open.query(this.#queries), { load: this.#load });
  }

  get #load(): { readonly kind: "background"; readonly fields: readonly string[] } {
    return { kind: "background", fields: this.#queries.map(({ field }) => field) };
  }
}

function isPutToRest({ state, lastChange }: TenantRow): boolean {
  return state === "INACTIVE" && lastChange?.reason === "policy";
}

/** Any direction will do: what is nearest to it is of no interest. */
function queriesOf({ schema }: CollectionEntry): readonly Query[] {
  return schema.vectors.map(({ name, dimension }) => ({
    field: name,
    vector: new Float32Array(dimension).fill(1),
    topK: 1,
    include: { vectors: false, metadata: false },
  }));
}

function noRoom(tenant: string): InsulaError {
  return new InsulaError(
    "memory_exhausted",
    `Cannot wake tenant "${tenant}" by a schedule: room would have to be made for it.`,
  );
}

function refusal(reason: string): InsulaError {
  return new InsulaError("argument_invalid", `Cannot warm tenants: ${reason}.`);
}
