/** Tenants that a collection keeps as they are: pinned by name or by a pattern of names. */
import { InsulaError } from "../base/errors.ts";
import { NAME_BYTES_MAX, PIN_BYTES_MAX, PINS_MAX } from "../base/limits.ts";
import { toNamePattern } from "../base/name-pattern.ts";
import { isWellFormed } from "./well-formed.ts";

/** Names, or patterns: `*` any text, `?` one character, `\` before a sign that is meant itself. */
export type TenantPins = readonly string[];

export interface TenantPinsPatch {
  /** All that are pinned; null and an empty list pin nobody. */
  readonly pin?: TenantPins | null | undefined;
  /** Besides those that are. */
  readonly alsoPin?: TenantPins | undefined;
  /** As they were pinned; those that are not pinned are passed over. */
  readonly unpin?: TenantPins | undefined;
}

/** @throws InsulaError `argument_invalid`; the pins stay what they were. */
export function patchPins(before: TenantPins, patch: TenantPinsPatch): TenantPins {
  const { pin = before, alsoPin, unpin } = patch;
  const gone = new Set(checked("unpin", unpin ?? []));
  const all = [...checked("pin", pin ?? []), ...checked("alsoPin", alsoPin ?? [])];
  const pins = [...new Set(all)].filter((each) => !gone.has(each)).sort();
  if (pins.length > PINS_MAX) {
    throw refusal(`expected at most ${String(PINS_MAX)}, received ${String(pins.length)}`);
  }
  const bytes = pins.reduce((sum, each) => sum + Buffer.byteLength(each), 0);
  if (bytes > PIN_BYTES_MAX) {
    throw refusal(
      `expected at most ${String(PIN_BYTES_MAX)} bytes together, received ${String(bytes)}`,
    );
  }
  return pins;
}

/** By which of the pins; undefined when the tenant is not pinned. Cost: patterns are read once. */
export function pinOf(pins: TenantPins | undefined, tenant: string): string | undefined {
  if (pins === undefined) return undefined;
  let patterns = known.get(pins);
  if (patterns === undefined) {
    patterns = pins.map((text) => ({ text, matches: toNamePattern(text).matches }));
    known.set(pins, patterns);
  }
  return patterns.find(({ matches }) => matches(tenant))?.text;
}

interface ReadPin {
  readonly text: string;
  readonly matches: (name: string) => boolean;
}

/** As long as the policy they are of is known. */
const known = new WeakMap<TenantPins, readonly ReadPin[]>();

function checked(field: string, pins: TenantPins): TenantPins {
  // A program in JavaScript can give anything.
  const given: unknown = pins;
  if (Array.isArray(given) && given.every(isTenantPattern)) return pins;
  throw refusal(
    `${field}: expected a list of names or patterns of 1 to ${String(NAME_BYTES_MAX)} bytes`,
  );
}

/** A name of a tenant or a pattern of such names, as far as a list of them can tell. */
export function isTenantPattern(text: unknown): text is string {
  if (typeof text !== "string" || text === "" || text.includes("\0")) return false;
  return isWellFormed(text) && Buffer.byteLength(text) <= NAME_BYTES_MAX;
}

function refusal(reason: string): InsulaError {
  return new InsulaError("argument_invalid", `Cannot pin tenants: ${reason}.`);
}
