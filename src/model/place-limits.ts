/** What a place may do in a second, at once, and hold: docs/fairness.md. */
import { InsulaError } from "../base/errors.ts";
import { TURN_WEIGHT_MAX, TURN_WEIGHT_MIN } from "../base/limits.ts";

/** Each absent one is no limit. */
export interface PlaceLimits {
  /** Searches, each of a call of several. */
  readonly queriesPerSecond?: number;
  /** Calls that write or delete. */
  readonly writesPerSecond?: number;
  /** Bytes of keys, metadata and vectors, in and out. */
  readonly bytesPerSecond?: number;
  readonly workUnitsPerSecond?: number;
  /** Calls under way at once. */
  readonly callsInFlight?: number;
  /** Records that the place may hold; deleting goes on beyond. */
  readonly storedRecords?: number;
  readonly storedBytes?: number;
  /** Share in the turns, TURN_WEIGHT_MIN to TURN_WEIGHT_MAX; absent: 1. Refuses nothing. */
  readonly weight?: number;
}

/** A number sets, null removes, what is not named stays. */
export type LimitsPatch = {
  readonly [Name in keyof PlaceLimits]?: number | null;
};

export interface LimitsInfo {
  /** Set here. */
  readonly own: PlaceLimits;
  /** What holds: those of the collection where there are none here. */
  readonly effective: PlaceLimits;
}

/** ON DISK: position is the encoded number. */
export const LIMIT_NAMES: readonly (keyof PlaceLimits)[] = [
  ...(["queriesPerSecond", "writesPerSecond", "bytesPerSecond", "workUnitsPerSecond"] as const),
  ...(["callsInFlight", "storedRecords", "storedBytes", "weight"] as const),
];

/** What a caller may do, whatever place it is about. */
export type KeyLimits = Pick<PlaceLimits, KeyLimitName>;
export type KeyLimitsPatch = { readonly [Name in KeyLimitName]?: number | null };

type KeyLimitName =
  | "queriesPerSecond"
  | "writesPerSecond"
  | "bytesPerSecond"
  | "workUnitsPerSecond"
  | "callsInFlight";

export const KEY_LIMIT_NAMES: readonly KeyLimitName[] = [
  ...(["queriesPerSecond", "writesPerSecond", "bytesPerSecond", "workUnitsPerSecond"] as const),
  "callsInFlight",
];

/** Limits are at most this. Source: doubles count exactly up to here. */
export const LIMIT_MAX: number = Number.MAX_SAFE_INTEGER;
/** The least of a rate: one in about a minute and a half. Source: that of a key. */
export const LIMIT_RATE_MIN = 0.01;

/** @throws InsulaError `argument_invalid`. */
export function patchLimits(before: PlaceLimits, patch: LimitsPatch): PlaceLimits {
  return patchNamed(before, patch, LIMIT_NAMES);
}

/** @throws InsulaError `argument_invalid`. */
export function patchKeyLimits(before: KeyLimits, patch: KeyLimitsPatch): KeyLimits {
  return patchNamed(before, patch, KEY_LIMIT_NAMES);
}

function patchNamed(
  before: PlaceLimits,
  patch: LimitsPatch,
  names: readonly (keyof PlaceLimits)[],
): PlaceLimits {
  const after = new Map<string, unknown>(Object.entries(before));
  for (const [name, value] of Object.entries(patch) as [string, unknown][]) {
    const known = names.find((each) => each === name);
    if (known === undefined) throw refusal(name, `expected one of ${names.join(", ")}`);
    if (value === null) after.delete(name);
    else if (value !== undefined) after.set(name, checkLimit(known, value));
  }
  return Object.fromEntries(after);
}

function checkLimit(name: keyof PlaceLimits, value: unknown): number {
  if (name === "weight") return checkWeight(value);
  const isRate = name.endsWith("PerSecond");
  const min = isRate ? LIMIT_RATE_MIN : name === "callsInFlight" ? 1 : 0;
  const isNumber = typeof value === "number" && value >= min && value <= LIMIT_MAX;
  if (isNumber && (isRate || Number.isInteger(value))) return value;
  const what = isRate ? "a number" : "a whole number";
  throw refusal(name, `expected ${what} of ${String(min)} or more, or null`);
}

function checkWeight(value: unknown): number {
  const isNumber = typeof value === "number";
  if (isNumber && value >= TURN_WEIGHT_MIN && value <= TURN_WEIGHT_MAX) return value;
  const bounds = `${String(TURN_WEIGHT_MIN)} to ${String(TURN_WEIGHT_MAX)}`;
  throw refusal("weight", `expected a number of ${bounds}, or null`);
}

function refusal(name: string, reason: string): InsulaError {
  return new InsulaError("argument_invalid", `Cannot set the limits: ${name}: ${reason}.`);
}
