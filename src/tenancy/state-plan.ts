/**
 * The states of a tenant and every way between them: one table, from the state a tenant is in and
 * the one that is asked for to the steps that lead there.
 *
 * A step of kind `commit` writes the state into the tenant's row by one frame of the log. What lies
 * between two commits may be done again from its beginning, so that a crash anywhere leaves a state
 * of this table, and asking once more for the same goes on from it.
 */
import type { RequestedState, TenantState } from "../model/index.ts";

export type StateStep =
  /**
   * The frame that makes the state true. `isQuiet`: nobody uses the shard while it is written, and
   * the shard sleeps afterwards. `goal`: what an ONLOADING tenant becomes.
   */
  | {
      readonly kind: "commit";
      readonly state: TenantState;
      readonly isQuiet: boolean;
      readonly goal?: RequestedState;
    }
  /** All of the shard goes to the object store and is verified there; nothing is removed. */
  | { readonly kind: "upload" }
  /** All of the shard comes from the object store and is verified here; nothing is removed. */
  | { readonly kind: "download" }
  /** The bytes on this disk go; those in the store are the tenant now. */
  | { readonly kind: "drop-local" }
  /** The bytes in the store go, later; those on this disk are the tenant now. */
  | { readonly kind: "drop-remote" };

/** Empty: the tenant is what it was asked to be. */
export type StatePlan = readonly StateStep[];

type Goals = Readonly<Record<RequestedState, StatePlan>>;

const NOTHING: StatePlan = [];

const toActive: StateStep = { kind: "commit", state: "ACTIVE", isQuiet: false };
const toInactive: StateStep = { kind: "commit", state: "INACTIVE", isQuiet: true };

const OFFLOAD: StatePlan = [
  // Writers are kept away from here on: what is uploaded is what is dropped.
  { kind: "commit", state: "OFFLOADING", isQuiet: true },
  { kind: "upload" },
  { kind: "commit", state: "OFFLOADED", isQuiet: true },
  { kind: "drop-local" },
];

function onload(goal: "ACTIVE" | "INACTIVE"): StatePlan {
  return [
    { kind: "commit", state: "ONLOADING", isQuiet: true, goal },
    { kind: "download" },
    goal === "ACTIVE" ? toActive : toInactive,
    { kind: "drop-remote" },
  ];
}

const PLANS: Readonly<Record<TenantState, Goals>> = {
  ACTIVE: { ACTIVE: NOTHING, INACTIVE: [toInactive], OFFLOADED: OFFLOAD },
  INACTIVE: { ACTIVE: [toActive], INACTIVE: NOTHING, OFFLOADED: OFFLOAD },
  OFFLOADED: { ACTIVE: onload("ACTIVE"), INACTIVE: onload("INACTIVE"), OFFLOADED: NOTHING },
  // The bytes on this disk are the tenant until OFFLOADED is committed: going back costs nothing.
  OFFLOADING: { ACTIVE: [toActive], INACTIVE: [toInactive], OFFLOADED: OFFLOAD.slice(1) },
  // The bytes in the store are the tenant until the goal is committed.
  ONLOADING: {
    ACTIVE: onload("ACTIVE"),
    INACTIVE: onload("INACTIVE"),
    OFFLOADED: [{ kind: "commit", state: "OFFLOADED", isQuiet: true }, { kind: "drop-local" }],
  },
};

export function planStates(current: TenantState, requested: RequestedState): StatePlan {
  return PLANS[current][requested];
}

/** True when a step moves bytes between this disk and an object store. */
export function needsStore(plan: StatePlan): boolean {
  return plan.some(({ kind }) => kind !== "commit");
}
