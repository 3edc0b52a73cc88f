/**
 * What policies say of shards that are awake: whom room is never made of, and who goes because the
 * tenants of its collection hold more than their share.
 *
 * Pins are bounded, or they would starve everybody else: those used last are spared, as many as
 * have room in half of what there is, and in the share of their collection.
 */
import { PINNED_SHARE_MAX } from "../base/limits.ts";
import { keptWarmBy, openSchedules, pinOf, type PolicyRules } from "../model/index.ts";

/** The tenant behind a shard, and the policy of its collection. */
export interface Standing {
  /** Of the collection: the same for all that share its part of the memory. */
  readonly group: number;
  readonly tenant: string;
  readonly rules: PolicyRules;
}

/** A shard that is awake, or on its way. */
export interface Held {
  readonly shard: { readonly loadedBytes: number; readonly lastUsedMs: number } | undefined;
  /** Undefined in a collection without tenants, and until a call says it. */
  readonly standing: Standing | undefined;
}

export interface AwakeBounds {
  readonly budgetBytes: number;
  /** Shards that may be awake. */
  readonly awakeMax: number;
}

/** Once over its share a collection gives back down to so much of it: not at every look. */
const LOW_SHARE = 0.94;

/** Pinned shards that no room is made of. Cost: a look at each, and a sort of the pinned. */
export function sparedOf<Each extends Held>(
  all: Iterable<Each>,
  { budgetBytes, awakeMax }: AwakeBounds,
): ReadonlySet<Each> {
  const pinned: { readonly each: Each; readonly bytes: number; readonly usedMs: number }[] = [];
  for (const each of all) {
    const { shard, standing } = each;
    if (shard === undefined || standing?.rules.pins === undefined) continue;
    if (pinOf(standing.rules.pins, standing.tenant) === undefined) continue;
    pinned.push({ each, bytes: shard.loadedBytes, usedMs: shard.lastUsedMs });
  }
  const spared = new Set<Each>();
  const left = new Map<number | undefined, number>([[undefined, budgetBytes * PINNED_SHARE_MAX]]);
  for (const { each, bytes } of pinned.sort((a, b) => b.usedMs - a.usedMs)) {
    if (spared.size >= awakeMax * PINNED_SHARE_MAX) break;
    const group = each.standing?.group;
    const ofGroup = left.get(group) ?? budgetBytes * (each.standing?.rules.memoryShare ?? 1);
    const ofAll = left.get(undefined) ?? 0;
    if (bytes > Math.min(ofGroup, ofAll)) continue;
    left.set(group, ofGroup - bytes).set(undefined, ofAll - bytes);
    spared.add(each);
  }
  return spared;
}

/** A warm schedule is open that means it: it does not sleep for being idle, and may for room. */
export function isKeptWarm(standing: Standing | undefined, nowMs: number): boolean {
  if (standing?.rules.warm === undefined) return false;
  return keptWarmBy(openSchedules(standing.rules.warm, nowMs), standing.tenant) !== undefined;
}

/**
 * Shards that are to go because their collections hold more than their share.
 *
 * @param idle whom room may be made of, who goes first in front.
 */
export function chooseOverShare<Each extends Held>(
  all: Iterable<Each>,
  idle: () => readonly Each[],
  budgetBytes: number,
): readonly Each[] {
  const excess = new Map<number, number>();
  for (const [group, { bytes, share }] of sharesOf(all)) {
    if (bytes > share * budgetBytes) excess.set(group, bytes - share * budgetBytes * LOW_SHARE);
  }
  if (excess.size === 0) return [];
  return idle().filter(({ standing, shard }) => {
    const left = standing && excess.get(standing.group);
    if (standing === undefined || left === undefined || left <= 0) return false;
    excess.set(standing.group, left - (shard?.loadedBytes ?? 0));
    return true;
  });
}

/** Of the collections that have a share. */
function sharesOf(all: Iterable<Held>): Map<number, { bytes: number; share: number }> {
  const shares = new Map<number, { bytes: number; share: number }>();
  for (const { shard, standing } of all) {
    const share = standing?.rules.memoryShare;
    if (shard === undefined || standing === undefined || share === undefined) continue;
    const sum = shares.get(standing.group);
    if (sum === undefined) shares.set(standing.group, { bytes: shard.loadedBytes, share });
    else sum.bytes += shard.loadedBytes;
  }
  return shares;
}
