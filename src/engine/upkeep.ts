/** What runs beside the calls: the log kept short, packs cleaned, everything read again. */
import { closeAll } from "../base/close-all.ts";
import type { ShardKeeper } from "../tenancy/index.ts";
import { LogCleaner } from "./log-cleaner.ts";
import type { EngineOptions, NodeContext } from "./node-context.ts";
import { PackCleaner } from "./pack-cleaner.ts";
import type { Quarantine } from "./quarantine.ts";
import { Scrub, SCRUB_BYTES_PER_SECOND } from "./scrub.ts";

const LOG_BYTES_MAX = 1024 * 1024 * 1024;

export interface UpkeepDoors {
  readonly node: NodeContext;
  readonly keeper: ShardKeeper;
  readonly quarantine: Quarantine;
}

/** Its flow in the turns of the control thread: no shard has this name. */
const CLEANING = "cleaning";

export class Upkeep {
  readonly #cleaner: LogCleaner;
  readonly #packCleaner: PackCleaner;
  readonly #scrub: Scrub;

  constructor(options: EngineOptions, { node, keeper, quarantine }: UpkeepDoors) {
    const onFault = options.onFault ?? ((): void => undefined);
    this.#cleaner = new LogCleaner({
      clock: options.clock,
      log: node.log,
      catalog: node.catalog,
      flushShard: (uid) => keeper.usePassing(uid, (shard) => shard.flush()),
      turn: () => node.turns.next(CLEANING, "background"),
      logBytesMax: options.logBytesMax ?? LOG_BYTES_MAX,
      smallTailBytesMax: node.shards.policy.quietFlushBytesMin,
      isHeld: (file) => node.logHolds.isHeld(file),
      onFault,
    });
    this.#packCleaner = new PackCleaner({
      clock: options.clock,
      fileSystem: options.files,
      files: node.shards.files,
      packs: node.shards.packs,
      catalog: node.catalog,
      rewriteShard: (uid, pack) => keeper.usePassing(uid, (shard) => shard.leavePack(pack)),
      isHeld: (pack) => node.sweeper.isPackHeld(pack),
      onFault,
    });
    this.#scrub = new Scrub({
      ...node.shards,
      catalog: node.catalog,
      quarantine,
      vault: node.vault,
      bytesPerSecond: options.scrubBytesPerSecond ?? SCRUB_BYTES_PER_SECOND,
      onDamage: options.onDamage ?? onFault,
      onFault,
    });
  }

  get scrubFigures(): Scrub["figures"] {
    return this.#scrub.figures;
  }

  /** Finishes the steps under way. */
  stop(): Promise<void> {
    return closeAll([
      () => this.#scrub.stop(),
      () => this.#cleaner.stop(),
      () => this.#packCleaner.stop(),
    ]);
  }
}
