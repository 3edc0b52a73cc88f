/**
 * Which shards are awake, which states a tenant can be asked to be in, and when it comes to rest
 * because nobody uses it. The keeper is the part of the tenant controller that every use goes
 * through.
 *
 * Life of its data: a shard is opened by its first use, tended (flush by idleness, merges) in
 * rounds of half a second as long as it is used or anything may come due, and put to sleep when it
 * is idle, when too many are awake, or when memory is tight.
 *
 * Invariants: a leased shard is never put to sleep; a shard is opened once at a time; a sleeping
 * shard costs nothing here.
 */
export { keepsUsesEveryMs, stateAfterIdle, unusedSince } from "./idle-policy.ts";
export { ShardKeeper, type ShardKeeperOptions } from "./shard-keeper.ts";
export type { Manner, Waking } from "./shard-use.ts";
export { needsStore, planStates, type StateStep } from "./state-plan.ts";
