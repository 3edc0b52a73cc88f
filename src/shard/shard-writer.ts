/**
 * The one writer of a shard: takes what is waiting as a group, gives it one frame in the log,
 * applies it when it is durable. Also the turnstile for everything else that changes the shard's
 * structure (freeze, commit of a flush or compaction), so that a group never sees the structure
 * move between resolving its keys and applying.
 *
 * Order: resolve keys (may read) → sequence → append and sync → apply → visible. A group is one
 * frame: after a crash all of it is there or nothing. All but the last step is done in slices,
 * between which other shards have their turn.
 */
import { assert, InsulaError } from "../base/errors.ts";
import { Pace } from "../base/pace.ts";
import type { WriteResult } from "./write-result.ts";
import type { LogExtent } from "../storage/index.ts";
import { encodeOperations } from "./frame-codec.ts";
import { GroupPlan, type ShardWrite } from "./group-plan.ts";
import type { ShardStructure } from "./shard-structure.ts";

/** Writes of one group; beyond, the rest waits for the next sync. */
const GROUP_WRITES_MAX = 512;
/** Payload of one group; a single larger write is a group of its own. */
const GROUP_BYTES_MAX = 8 * 1024 * 1024;
/**
 * Keys of one frame of a deletion by filter; more of them are several frames, one after another.
 */
const DELETE_STEP_KEYS = 10_000;
/** ON DISK: kinds of frames of data in the node log. */
export const FRAME_DATA = 2;
export const FRAME_RESET = 3;

/**
 * A write of what is found in the writer's turn, so that no write comes between the choice, or the
 * reading, and the writing: a record that was replaced meanwhile is another record.
 */
export interface FoundWrite {
  readonly kind: "found";
  readonly find: () => Promise<readonly string[]>;
  /** Keys of one frame; more of them are several frames, one after another. */
  readonly stepKeys: number;
  /** The write of some of the keys; undefined: there is none. */
  readonly writeOf: (keys: readonly string[]) => Promise<ShardWrite | undefined>;
}

/** Deletes what `find` names. */
export function foundDeletion(find: FoundWrite["find"]): FoundWrite {
  return {
    kind: "found",
    find,
    stepKeys: DELETE_STEP_KEYS,
    writeOf: (keys) => Promise.resolve({ kind: "delete", keys }),
  };
}

type Waiting =
  | {
      readonly kind: "write";
      readonly write: ShardWrite | FoundWrite;
      /** Called when it is taken out of the queue; from then on nobody's signal ends it. */
      readonly take: () => void;
      readonly resolve: (result: WriteResult) => void;
      readonly reject: (error: unknown) => void;
    }
  | { readonly kind: "task"; readonly run: () => Promise<void> };

export class ShardWriter {
  readonly #structure: ShardStructure;
  readonly #pace: Pace;
  readonly #waiting: Waiting[] = [];
  #isRunning = false;

  constructor(structure: ShardStructure) {
    this.#structure = structure;
    this.#pace = new Pace(() => structure.context.turn("write"));
  }

  /** True when nothing is queued or under way. */
  get isIdle(): boolean {
    return !this.#isRunning && this.#waiting.length === 0;
  }

  /**
   * Durable and visible when the promise resolves.
   *
   * @throws the reason of a signal that is aborted before the write is taken, or while it looks for
   *   its records: then nothing is written. After that the write ends as it would.
   */
  write(write: ShardWrite | FoundWrite, signal?: AbortSignal): Promise<WriteResult> {
    if (signal?.aborted === true) return Promise.reject(signal.reason as Error);
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(signal?.reason as Error);
      };
      const take = (): void => signal?.removeEventListener("abort", stop);
      const waiting = { kind: "write" as const, write, take, resolve, reject };
      this.#waiting.push(waiting);
      signal?.addEventListener("abort", stop, { once: true });
      this.#start();
    });
  }

  /** Runs `task` alone: no write is between resolving and applying meanwhile. */
  exclusive<Value>(task: () => Promise<Value>): Promise<Value> {
    return new Promise((resolve, reject) => {
      const run = async (): Promise<void> => {
        try {
          resolve(await task());
        } catch (error) {
          reject(
            error instanceof Error ? error : new InsulaError("invariant_broken", String(error)),
          );
        }
      };
      this.#waiting.push({ kind: "task", run });
      this.#start();
    });
  }

  #start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    void this.#drive();
  }

  async #drive(): Promise<void> {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (next.kind === "task") {
        this.#waiting.shift();
        await next.run();
      } else {
        await this.#commit();
      }
    }
    this.#isRunning = false;
  }

  async #commit(): Promise<void> {
    const plan = new GroupPlan(this.#structure, this.#pace);
    const accepted: { waiting: Waiting & { kind: "write" }; result: WriteResult }[] = [];
    // Told when the group is durable: the record in the way may be one of the group.
    const refused: { waiting: Waiting & { kind: "write" }; error: unknown }[] = [];
    for (let next = this.#waiting[0]; next?.kind === "write"; next = this.#waiting[0]) {
      const isFull = accepted.length >= GROUP_WRITES_MAX || plan.payloadBytes >= GROUP_BYTES_MAX;
      // A reset makes everything before it void, also in its own frame: it stands alone.
      const isReset = next.write.kind === "delete-all";
      const isFound = next.write.kind === "found";
      const isBegun = accepted.length + refused.length > 0;
      if (isBegun && (isFull || isReset || isFound || plan.isReset)) break;
      this.#waiting.shift();
      next.take();
      try {
        if (next.write.kind === "found") {
          next.resolve(await this.#writeFound(next.write));
          return;
        }
        accepted.push({ waiting: next, result: await plan.add(next.write) });
      } catch (error) {
        refused.push({ waiting: next, error });
      }
    }
    try {
      if (!plan.isEmpty) await this.#makeDurable(plan);
    } catch (error) {
      for (const { waiting } of [...accepted, ...refused]) waiting.reject(error);
      return;
    }
    for (const { waiting, error } of refused) waiting.reject(error);
    for (const { waiting, result } of accepted) waiting.resolve(result);
  }

  async #writeFound({ find, stepKeys, writeOf }: FoundWrite): Promise<WriteResult> {
    const keys = await find();
    let rowsAdded = 0;
    let rowsReplaced = 0;
    for (let start = 0; start < keys.length; start += stepKeys) {
      const write = await writeOf(keys.slice(start, start + stepKeys));
      if (write === undefined) continue;
      const plan = new GroupPlan(this.#structure, this.#pace);
      const result = await plan.add(write);
      if (!plan.isEmpty) await this.#makeDurable(plan);
      rowsAdded += result.rowsAdded;
      rowsReplaced += result.rowsReplaced;
    }
    return { rowsAdded, rowsReplaced };
  }

  async #makeDurable(plan: GroupPlan): Promise<void> {
    const { state, context, active, seal } = this.#structure;
    active.reserve(plan.rowsAppended);
    const sequence = state.sequence + 1;
    const payload = await encodeOperations(plan.operations, this.#pace);
    const appending = context.log.append({
      shard: state.uid,
      kind: plan.isReset ? FRAME_RESET : FRAME_DATA,
      sequenceFirst: sequence,
      sequenceLast: sequence,
      netRows: plan.netRows,
      netBytes: plan.netBytes,
      isSealed: seal !== undefined,
      parts: seal === undefined ? payload : await seal.sealFrame(sequence, payload, this.#pace),
    });
    const extent = await this.#staged(plan, appending);
    // Before the group is applied: segments that a reset retires are held for their readers first.
    context.catalog.noteFrame(state, {
      sequence,
      rows: plan.netRows,
      bytes: plan.netBytes,
      extent,
      isReset: plan.isReset,
    });
    plan.apply(sequence);
  }

  /** While the disk is at it the rows are copied to where they will be seen. */
  async #staged(plan: GroupPlan, appending: Promise<LogExtent>): Promise<LogExtent> {
    const [appended, staged] = await Promise.allSettled([appending, plan.stage()]);
    assert(staged.status === "fulfilled", "room for the rows of a group is taken before");
    if (appended.status === "rejected") plan.unstage();
    return appending;
  }
}
