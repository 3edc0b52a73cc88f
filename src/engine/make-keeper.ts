/** The keeper of a node's shards, with the bounds of the node. */
import { ShardKeeper, type ShardKeeperOptions } from "../tenancy/index.ts";
import type { EngineOptions, NodeContext } from "./node-context.ts";

/** Awake shards at most; each costs a few kilobytes besides its data. */
const AWAKE_SHARDS_MAX = 10_000;
const IDLE_MS = 600_000;

/** @param hooks what the keeper asks of the engine. */
export function makeKeeper(
  options: EngineOptions,
  node: NodeContext,
  hooks: Pick<ShardKeeperOptions, "open" | "closed" | "onDamage" | "onExhausted">,
): ShardKeeper {
  const { arenas } = node.shards.memory;
  return new ShardKeeper({
    clock: options.clock,
    awakeMax: options.awakeShardsMax ?? AWAKE_SHARDS_MAX,
    idleMs: options.idleMs ?? IDLE_MS,
    memoryUse: () => ({ usedBytes: arenas.usedBytes, budgetBytes: node.memoryBytesMax }),
    onFault: options.onFault ?? ((): void => undefined),
    observer: node.shards.observer,
    ...hooks,
    onExhausted: () => {
      node.shards.memory.releaseIdle();
      hooks.onExhausted?.();
    },
  });
}
