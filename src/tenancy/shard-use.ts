/** A use of a shard: what is asked, how the shard was found, and why it could not begin. */
import type { ShardUid } from "../base/brands.ts";
import { isInsulaError } from "../base/errors.ts";
import type { Shard } from "../shard/index.ts";
import { Probation } from "./eviction-order.ts";
import type { Evictable } from "./evictor.ts";
import type { LoadClass, LoadRequest, Reservation } from "./load-queue.ts";
import type { Tended } from "./rounds.ts";
import type { Standing } from "./standing.ts";

/** How a use found its shard. */
export interface Waking {
  /** True when the shard was not awake when the use came. */
  readonly wasAsleep: boolean;
  /** Milliseconds until it was; 0 when it had been. */
  readonly wakeMs: number;
  /** True when this use woke it, not another that it waited for. */
  readonly hasWoken: boolean;
}

/** Rejects when the shard must stay asleep. Does not wait for whoever may suspend it. */
export type Admission = () => Promise<void>;

export interface Use<Value> {
  readonly uid: ShardUid;
  readonly task: (shard: Shard, waking: Waking) => Promise<Value>;
  readonly admit: Admission | undefined;
  readonly manner: Manner;
}

/** How a shard is used. */
export interface Manner {
  /** What its policy says of it from now on; absent: as before. */
  readonly standing?: Standing;
  /** What its vectors take is promised before they are loaded; absent: they are not needed. */
  readonly load?: { readonly kind: LoadClass; readonly fields: readonly string[] };
  /** Ends what the use waits for before it begins: who puts to sleep, who opens, memory. */
  readonly signal?: AbortSignal | undefined;
}

/** A use that has not begun: there is no room for what it would load. */
export class Lack {
  readonly asked: AskedLoad;

  constructor(asked: AskedLoad) {
    this.asked = asked;
  }
}

/** What a use would load. */
export type AskedLoad = Pick<LoadRequest, "bytes" | "isProven" | "isFar">;

/** Memory for a use, of which so much is for what it works in, beside what it loads. */
export interface Promised {
  readonly reservation: Reservation;
  readonly workBytes: number;
}

export const NO_MANNER: Manner = {};

const AWAKE: Waking = { wasAsleep: false, wakeMs: 0, hasWoken: false };

/** @param wakeMs how long the use waited for the waking; undefined: it found the shard awake. */
export function wakingOf(wakeMs: number | undefined, hasWoken: boolean): Waking {
  if (wakeMs !== undefined) return { wasAsleep: true, wakeMs, hasWoken };
  return hasWoken ? { ...AWAKE, hasWoken } : AWAKE;
}

/** What newcomers wait for, until it is settled. */
export function barrier(): { readonly settled: Promise<void>; readonly settle: () => void } {
  let settle: () => void = () => undefined;
  const settled = new Promise<void>((resolve) => {
    settle = resolve;
  });
  return { settled, settle };
}

/** A shard that is awake, on its way, or about to sleep. */
export interface Kept extends Evictable, Tended {
  readonly opening: Promise<Shard | undefined>;
  shard: Shard | undefined;
  standing: Standing | undefined;
  users: number;
  /** Until a use has come to know that it woke the shard. */
  isNew: boolean;
  /** Called when the last user has gone. */
  whenUnused: (() => void) | undefined;
  wokeAtMs: number;
  readonly probation: Probation;
  /** Newcomers wait for it. */
  ending: Promise<void> | undefined;
}

/** Of a shard that nobody uses yet. Written out: one is made for each waking. */
export function placeFor(uid: ShardUid, opening: Kept["opening"]): Kept {
  return {
    uid,
    opening,
    shard: undefined,
    standing: undefined,
    users: 0,
    isNew: false,
    whenUnused: undefined,
    wokeAtMs: 0,
    probation: new Probation(),
    ending: undefined,
    waitsFor: undefined,
  };
}

/** With a further user. */
export function held(kept: Kept): Kept {
  kept.users++;
  return kept;
}

/** What a use had no room for; undefined for another error. */
export function bytesLacking(error: unknown): number | undefined {
  if (!isInsulaError(error) || error.code !== "memory_exhausted") return undefined;
  const bytes = error.details["bytes"];
  return typeof bytes === "number" ? bytes : 0;
}

export function isDamage(error: unknown): boolean {
  return isInsulaError(error) && error.code === "data_damaged";
}
