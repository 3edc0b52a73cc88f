/** What a collection does with its tenants by itself: declared once, carried out by the node. */
import { InsulaError } from "../base/errors.ts";
import {
  MEMORY_SHARE_MIN,
  POLICY_DURATION_MS_MAX,
  POLICY_DURATION_MS_MIN,
} from "../base/limits.ts";
import { patchPins, type TenantPins, type TenantPinsPatch } from "./tenant-pins.ts";
import {
  patchSchedules,
  toSchedules,
  type NamedWarmSchedule,
  type WarmSchedules,
  type WarmSchedulesPatch,
} from "./warm-schedule.ts";

/** Durations are a whole number and a unit: `30m`, `12h`, `7d`. */
export interface TenantPolicy {
  /** Idle for so long an ACTIVE tenant becomes INACTIVE. */
  readonly inactiveAfter?: string;
  /** Idle for so long a tenant is OFFLOADED; at least `inactiveAfter`. */
  readonly offloadAfter?: string;
  /** Share of the node's memory that its tenants may hold together, 0.001 to 1. */
  readonly memoryShare?: number;
  /** Tenants that stay awake and ACTIVE however long nobody uses them. */
  readonly pin?: TenantPins;
  /** When tenants are woken by themselves and kept so, by the names of the schedules. */
  readonly warm?: WarmSchedules;
}

/** Fields that change; null takes one away. */
export type TenantPolicyPatch = TenantPinsPatch & {
  readonly [Field in Exclude<keyof TenantPolicy, "pin" | "warm">]?:
    TenantPolicy[Field] | null | undefined;
} & { readonly warm?: WarmSchedulesPatch | undefined };

/** A policy as it is kept: milliseconds, and only what is set. */
export interface PolicyRules {
  /** When a time was changed last: before, last uses may have been kept more coarsely. */
  readonly setAtMs: number;
  readonly inactiveAfterMs?: number;
  readonly offloadAfterMs?: number;
  readonly memoryShare?: number;
  /** Never empty. */
  readonly pins?: TenantPins;
  /** Never empty; by name. */
  readonly warm?: readonly NamedWarmSchedule[];
}

export const NO_POLICY: PolicyRules = { setAtMs: 0 };

const UNIT_MS: ReadonlyMap<string, number> = new Map([
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
]);

/** @throws InsulaError `argument_invalid`; the rules stay what they were. */
export function patchPolicy(
  rules: PolicyRules,
  patch: TenantPolicyPatch,
  nowMs: number,
): PolicyRules {
  const inactive = patchDuration(rules.inactiveAfterMs, "inactiveAfter", patch.inactiveAfter);
  const offload = patchDuration(rules.offloadAfterMs, "offloadAfter", patch.offloadAfter);
  if (inactive !== undefined && offload !== undefined && offload < inactive) {
    throw refusal("offloadAfter", "expected at least inactiveAfter");
  }
  const isTimeSet = patch.inactiveAfter !== undefined || patch.offloadAfter !== undefined;
  const share = patchShare(rules.memoryShare, patch.memoryShare);
  const pins = patchPins(rules.pins ?? [], patch);
  const warm = patchSchedules(rules.warm ?? [], patch.warm);
  return {
    setAtMs: isTimeSet ? nowMs : rules.setAtMs,
    ...(inactive === undefined ? {} : { inactiveAfterMs: inactive }),
    ...(offload === undefined ? {} : { offloadAfterMs: offload }),
    ...(share === undefined ? {} : { memoryShare: share }),
    ...(pins.length === 0 ? {} : { pins }),
    ...(warm.length === 0 ? {} : { warm }),
  };
}

/** As callers say it; undefined when nothing is set. */
export function toPolicy(rules: PolicyRules): TenantPolicy | undefined {
  const { inactiveAfterMs, offloadAfterMs, memoryShare, pins } = rules;
  const warm = toSchedules(rules.warm);
  const policy: TenantPolicy = {
    ...(inactiveAfterMs === undefined ? {} : { inactiveAfter: printDuration(inactiveAfterMs) }),
    ...(offloadAfterMs === undefined ? {} : { offloadAfter: printDuration(offloadAfterMs) }),
    ...(memoryShare === undefined ? {} : { memoryShare }),
    ...(pins === undefined ? {} : { pin: pins }),
    ...(warm === undefined ? {} : { warm }),
  };
  return Object.keys(policy).length === 0 ? undefined : policy;
}

/** In the largest unit that divides it. */
function printDuration(ms: number): string {
  for (const [unit, unitMs] of UNIT_MS)
    if (ms % unitMs === 0) return `${String(ms / unitMs)}${unit}`;
  return `${String(Math.ceil(ms / 60_000))}m`;
}

function patchDuration(
  before: number | undefined,
  field: string,
  given: string | null | undefined,
): number | undefined {
  if (given === undefined) return before;
  if (given === null) return undefined;
  // A program in JavaScript can give anything.
  const match = typeof given === "string" ? /^(\d{1,9})([dhm])$/.exec(given) : null;
  const ms = Number(match?.[1]) * (UNIT_MS.get(match?.[2] ?? "") ?? NaN);
  if (ms >= POLICY_DURATION_MS_MIN && ms <= POLICY_DURATION_MS_MAX) return ms;
  throw refusal(field, "expected a duration from 1m to 3650d, such as 30m, 12h or 7d");
}

function patchShare(
  before: number | undefined,
  given: number | null | undefined,
): number | undefined {
  if (given === undefined) return before;
  if (given === null) return undefined;
  if (typeof given === "number" && given >= MEMORY_SHARE_MIN && given <= 1) return given;
  throw refusal("memoryShare", `expected a number from ${String(MEMORY_SHARE_MIN)} to 1`);
}

function refusal(field: string, reason: string): InsulaError {
  return new InsulaError("argument_invalid", `Cannot set the policy: ${field}: ${reason}.`);
}
