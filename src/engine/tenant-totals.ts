/**
 * How many tenants are in which state: one row of totals a state, changed by the same frame that
 * creates, removes or moves a tenant. Reading them costs the same however many sleep.
 */
import { TENANT_STATES, type TenantState } from "../model/index.ts";
import type { Catalog } from "./catalog.ts";
import type { CatalogChange } from "./catalog-commit.ts";
import { tenantStateKey, totalsKey } from "./catalog-keys.ts";
import type { TotalsRow } from "./catalog-rows.ts";

/** Goes into the frame that changes the tenants. */
export function tenantStateChange(state: TenantState, children: number): CatalogChange {
  const key = tenantStateKey(TENANT_STATES.indexOf(state));
  return { kind: "totals", key, rows: 0, bytes: 0, children };
}

/** Of a collection that stays: its own count, too. */
export function tenantCountChanges(
  collectionNumber: number,
  state: TenantState,
  children: number,
): readonly CatalogChange[] {
  const key = totalsKey(collectionNumber);
  const ofCollection: CatalogChange = { kind: "totals", key, rows: 0, bytes: 0, children };
  return [ofCollection, tenantStateChange(state, children)];
}

/** One tenant from a state to another. */
export function tenantMoveChanges(from: TenantState, to: TenantState): readonly CatalogChange[] {
  return from === to ? [] : [tenantStateChange(from, -1), tenantStateChange(to, 1)];
}

export class TenantTotals {
  readonly #rows: readonly (readonly [TenantState, TotalsRow])[];

  private constructor(rows: readonly (readonly [TenantState, TotalsRow])[]) {
    this.#rows = rows;
  }

  static async open(catalog: Pick<Catalog, "holdTotals">): Promise<TenantTotals> {
    const rows = TENANT_STATES.map(
      async (state, number) => [state, await catalog.holdTotals(tenantStateKey(number))] as const,
    );
    return new TenantTotals(await Promise.all(rows));
  }

  counts(): Record<TenantState, number> {
    const counts = { ACTIVE: 0, INACTIVE: 0, OFFLOADED: 0, OFFLOADING: 0, ONLOADING: 0 };
    for (const [state, { childCount }] of this.#rows) counts[state] = childCount;
    return counts;
  }
}
