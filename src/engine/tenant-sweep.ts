/**
 * One slice of what a policy does: tenants that nobody used for long enough become INACTIVE or
 * OFFLOADED. Rows of the catalogue say who is due; nobody is woken to be looked at.
 */
import { InsulaError, isInsulaError } from "../base/errors.ts";
import { FAILURES_TOLD_MAX } from "../base/limits.ts";
import type { Clock } from "../io/index.ts";
import { keptWarmBy, openSchedules, patchPolicy, pinOf, type PolicyRules } from "../model/index.ts";
import { stateAfterIdle, unusedSince, type ShardKeeper } from "../tenancy/index.ts";
import type { DueTenant, TenantSweepRequest, TenantSweepSlice } from "./api.ts";
import type { Catalog } from "./catalog.ts";
import { tenantPrefix } from "./catalog-keys.ts";
import { decodeTenant, type TenantRow } from "./catalog-rows.ts";
import type { CollectionEntry } from "./directory-entries.ts";
import { checkPageLimit, listNames } from "./name-listing.ts";
import { SweepTally } from "./sweep-tally.ts";
import type { TenantStates } from "./tenant-states.ts";
import type { TenantUses } from "./tenant-uses.ts";

/** Changes that wait for one sync together; an offload takes longer, and two are enough for it. */
const SWEPT_AT_ONCE = 16;

export interface SweepDoors {
  readonly catalog: Pick<Catalog, "scan">;
  readonly states: Pick<TenantStates, "change" | "canOffload">;
  readonly uses: Pick<TenantUses, "waitingOf">;
  readonly keeper: Pick<ShardKeeper, "memoryOf">;
  readonly clock: Clock;
}

interface FoundDue extends DueTenant {
  readonly usedAtMs: number;
}

/**
 * @param tally  told of each tenant that is due.
 * @throws InsulaError `argument_invalid`, `engine_closed`.
 */
export async function sweepTenants(
  doors: SweepDoors,
  collection: CollectionEntry,
  { after, limit, isDryRun = false, policy }: TenantSweepRequest,
  tally: SweepTally = new SweepTally(),
): Promise<TenantSweepSlice> {
  checkPageLimit(limit);
  if (policy !== undefined && !isDryRun) {
    throw new InsulaError(
      "argument_invalid",
      "Cannot sweep: another policy than that of the collection is for dry runs only.",
    );
  }
  const { row } = collection;
  const given =
    policy === undefined ? row.policy : patchPolicy(row.policy, policy, doors.clock.wallMs());
  const { offloadAfterMs: _, ...local } = given;
  // Without a store to offload to a tenant goes as far as it can.
  const rules = doors.states.canOffload ? given : local;
  const page = { limit, ...(after === undefined ? {} : { after }) };
  const { items, hasMore } = await listNames(doors.catalog, tenantPrefix(row.number), page);
  const look = new Look({ ...doors, tally }, collection, rules);
  const due = items.flatMap(({ name, value }) => look.dueOf(name, decodeTenant(value)) ?? []);
  const next = hasMore ? items.at(-1)?.name : undefined;
  const memory = memoryOf(doors, row.number, rules);
  const rest = {
    ...{ looked: items.length, pinned: look.pinned },
    ...(rules.warm === undefined ? {} : { keptWarm: look.keptWarm }),
    ...(memory === undefined ? {} : { memory }),
    ...(next === undefined ? {} : { next }),
  };
  if (isDryRun) return { ...rest, due: due.map(told), failures: [], failed: 0 };
  return { ...rest, ...(await look.changeAll(due)) };
}

/** What its tenants hold beside what they may; undefined where they may hold all. */
function memoryOf(
  { keeper }: SweepDoors,
  group: number,
  { memoryShare }: PolicyRules,
): TenantSweepSlice["memory"] {
  if (memoryShare === undefined) return undefined;
  const { loadedBytes, budgetBytes } = keeper.memoryOf(group);
  return { loadedBytes, loadedBytesMax: Math.floor(budgetBytes * memoryShare) };
}

interface LookDoors extends SweepDoors {
  readonly tally: SweepTally;
}

/** Who is due, by one set of rules. */
class Look {
  /** Of those asked about: would be due, and are pinned. */
  pinned = 0;
  /** The same, and kept by a warm schedule. */
  keptWarm = 0;
  readonly #doors: LookDoors;
  readonly #collection: CollectionEntry;
  readonly #rules: PolicyRules;
  /** Of the moment the slice began: what is open costs a calendar, once and not for each tenant. */
  readonly #open: ReturnType<typeof openSchedules>;

  constructor(doors: LookDoors, collection: CollectionEntry, rules: PolicyRules) {
    this.#doors = doors;
    this.#collection = collection;
    this.#rules = rules;
    this.#open = openSchedules(rules.warm, doors.clock.wallMs());
  }

  dueOf(tenant: string, row: TenantRow): FoundDue | undefined {
    const { uses, clock, tally } = this.#doors;
    const { lastChange, lastUsedAtMs = 0, createdAtMs, state } = row;
    // Who asked for a state has a use for the tenant, too.
    const isAsked = lastChange?.reason === "asked" || lastChange?.reason === "used";
    const askedAtMs = isAsked ? lastChange.atMs : 0;
    const usedAtMs = Math.max(
      unusedSince(Math.max(createdAtMs, lastUsedAtMs), this.#rules),
      uses.waitingOf(this.#collection, tenant) ?? 0,
      askedAtMs,
    );
    const idleMs = clock.wallMs() - usedAtMs;
    const to = stateAfterIdle(state, idleMs, this.#rules);
    if (to === undefined) return undefined;
    if (pinOf(this.#rules.pins, tenant) !== undefined) {
      this.pinned++;
      tally.count(to, "pinned");
      return undefined;
    }
    if (keptWarmBy(this.#open, tenant) !== undefined) {
      this.keptWarm++;
      tally.count(to, "keptWarm");
      return undefined;
    }
    return { tenant, from: state, to, idleMs, usedAtMs };
  }

  async changeAll(
    all: readonly FoundDue[],
  ): Promise<Pick<TenantSweepSlice, "due" | "failures" | "failed">> {
    const done: DueTenant[] = [];
    const failures: { tenant: string; error: Error }[] = [];
    let failed = 0;
    const waiting = all.values();
    const { tally } = this.#doors;
    const worker = async (): Promise<void> => {
      for (const due of waiting) {
        try {
          if (!(await this.#change(due))) continue;
          done.push(told(due));
          tally.count(due.to, "changed");
        } catch (error) {
          if (!isInsulaError(error) || error.code === "engine_closed") throw error;
          // It was removed meanwhile.
          if (error.code === "tenant_not_found") continue;
          failed++;
          tally.count(due.to, "failed");
          if (failures.length < FAILURES_TOLD_MAX) failures.push({ tenant: due.tenant, error });
        }
      }
    };
    await Promise.all(Array.from({ length: SWEPT_AT_ONCE }, worker));
    return { due: done, failures, failed };
  }

  async #change({ tenant, to, usedAtMs }: FoundDue): Promise<boolean> {
    const { before, row } = await this.#doors.states.change(this.#collection, tenant, to, {
      reason: "policy",
      usedAtMs,
      // It may have been used, or changed, since it was looked at.
      isMeant: (now) => this.dueOf(tenant, now)?.to === to,
    });
    return before !== row.state;
  }
}

function told({ usedAtMs: _, ...due }: FoundDue): DueTenant {
  return due;
}
