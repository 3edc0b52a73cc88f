/** What a collection does with tenants that nobody uses: declared once, carried out by the node. */
import { InsulaError } from "../base/errors.ts";
import { POLICY_DURATION_MS_MAX, POLICY_DURATION_MS_MIN } from "../base/limits.ts";

/** Durations are a whole number and a unit: `30m`, `12h`, `7d`. */
export interface TenantPolicy {
  /** Idle for so long an ACTIVE tenant becomes INACTIVE. */
  readonly inactiveAfter?: string;
  /** Idle for so long a tenant is OFFLOADED; at least `inactiveAfter`. */
  readonly offloadAfter?: string;
}

/** Fields that change; null takes one away. */
export type TenantPolicyPatch = {
  readonly [Field in keyof TenantPolicy]?: TenantPolicy[Field] | null | undefined;
};

/** A policy as it is kept: milliseconds, and only what is set. */
export interface PolicyRules {
  /** When it was changed last: before, last uses may have been kept more coarsely. */
  readonly setAtMs: number;
  readonly inactiveAfterMs?: number;
  readonly offloadAfterMs?: number;
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
  return {
    setAtMs: nowMs,
    ...(inactive === undefined ? {} : { inactiveAfterMs: inactive }),
    ...(offload === undefined ? {} : { offloadAfterMs: offload }),
  };
}

/** As callers say it; undefined when nothing is set. */
export function toPolicy({
  inactiveAfterMs,
  offloadAfterMs,
}: PolicyRules): TenantPolicy | undefined {
  const policy: TenantPolicy = {
    ...(inactiveAfterMs === undefined ? {} : { inactiveAfter: printDuration(inactiveAfterMs) }),
    ...(offloadAfterMs === undefined ? {} : { offloadAfter: printDuration(offloadAfterMs) }),
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

function refusal(field: string, reason: string): InsulaError {
  return new InsulaError("argument_invalid", `Cannot set the policy: ${field}: ${reason}.`);
}
