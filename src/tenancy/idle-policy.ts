/** When nobody has used a tenant for long enough, and what becomes of it then. */
import type { PolicyRules, TenantState } from "../model/index.ts";

/** A last use is kept once in so long, at most: each costs a row of the log. */
const KEPT_EVERY_MS_MAX = 3_600_000;
/** A policy is that exact: a tenant is kept by so much of it longer than it says. */
const PARTS_OF_POLICY = 16;

/** How far behind the kept last use of a tenant may be. */
export function keepsUsesEveryMs({ inactiveAfterMs, offloadAfterMs }: PolicyRules): number {
  const shortest = Math.min(inactiveAfterMs ?? Infinity, offloadAfterMs ?? Infinity);
  return Math.min(KEPT_EVERY_MS_MAX, shortest / PARTS_OF_POLICY);
}

/**
 * Since when nobody has used a tenant for sure: its kept last use may be behind by as much as uses
 * are kept apart; what is from before the policy was set, by as much as ever.
 */
export function unusedSince(keptAtMs: number, rules: PolicyRules): number {
  const coarse = Math.min(keptAtMs + KEPT_EVERY_MS_MAX, rules.setAtMs);
  return Math.max(coarse, keptAtMs + keepsUsesEveryMs(rules));
}

/** Undefined: it stays as it is. What moves, or is offloaded, stays in any case. */
export function stateAfterIdle(
  state: TenantState,
  idleMs: number,
  { inactiveAfterMs = Infinity, offloadAfterMs = Infinity }: PolicyRules,
): "INACTIVE" | "OFFLOADED" | undefined {
  if (state !== "ACTIVE" && state !== "INACTIVE") return undefined;
  if (idleMs >= offloadAfterMs) return "OFFLOADED";
  return state === "ACTIVE" && idleMs >= inactiveAfterMs ? "INACTIVE" : undefined;
}
