/**
 * Carries out the steps of a change of a tenant's state, with what each means for its bytes.
 *
 * INVARIANT: at each moment one whole copy counts. The bytes here are the tenant until the frame
 * that says OFFLOADED, those in the store until the frame that says what it has become; only those
 * frames make garbage of the others. A row remembers each tenant on its way, so that a start goes
 * on with it; a failure makes it what it was.
 */
import { setMaxListeners } from "node:events";
import { toHex } from "../base/brands.ts";
import { InsulaError } from "../base/errors.ts";
import { WeightedGate } from "../base/weighted-gate.ts";
import { offloadPrefix } from "../backup/index.ts";
import type { RequestedState, TenantState } from "../model/index.ts";
import type { ShardKeeper, StateStep } from "../tenancy/index.ts";
import type { CatalogChange } from "./catalog-commit.ts";
import { movingShardKey } from "./catalog-keys.ts";
import { encodeSchema, encodeTenant } from "./catalog-rows.ts";
import type { CollectionEntry } from "./directory-entries.ts";
import { garbageOffloadChanges } from "./garbage-rows.ts";
import { decodeMoving, encodeMoving, type MovingRow } from "./moving-rows.ts";
import type { NodeContext } from "./node-context.ts";
import type { AlteredTenant } from "./tenant-directory.ts";
import {
  downloadShard,
  offloadChanges,
  onloadChanges,
  uploadShard,
  type DownloadedShard,
  type TransferDoors,
  type UploadedShard,
} from "./tenant-upload.ts";

/**
 * Bytes of all shards on their way at once; one of several pieces counts with those that are held
 * for it. Source: ours; a quarter of the smallest machine worth mentioning.
 */
const MOVING_BYTES_MAX = 268_435_456;
/** Four pieces of 8 MiB are sent at once, and as many read back. */
const HELD_BYTES_MAX = 67_108_864;
/** What the smallest one counts: so many go at once that the way there and back is hidden. */
const HELD_BYTES_MIN = 4_194_304;

/** A step's frame and its files, on this thread, besides the bytes. */
const MOVE_STEPS = 25_000;

/** Random bytes that tell two offloads of one shard apart. */
const GENERATION_BYTES = 8;

export interface MoveDoors {
  readonly node: NodeContext;
  readonly keeper: Pick<ShardKeeper, "use" | "sleep" | "suspend">;
  readonly onFault: (error: unknown) => void;
}

/** Since the start. */
export interface MoveFigures {
  bytesSent: number;
  bytesFetched: number;
}

export class TenantMoves {
  readonly figures: MoveFigures = { bytesSent: 0, bytesFetched: 0 };
  readonly #doors: MoveDoors;
  readonly #ending = new AbortController();
  readonly #running = new Set<Promise<unknown>>();
  readonly #gate = new WeightedGate(MOVING_BYTES_MAX);

  constructor(doors: MoveDoors) {
    this.#doors = doors;
    // One of each call that is under way.
    setMaxListeners(0, this.#ending.signal);
  }

  get isConfigured(): boolean {
    return this.#doors.node.remote.isConfigured;
  }

  /** One change of one tenant, while nobody else alters it. */
  begin(collection: CollectionEntry, name: string, tenant: AlteredTenant): TenantMove {
    return new TenantMove(
      { ...this.#doors, signal: this.#ending.signal, figures: this.figures, gate: this.#gate },
      { collection, name, tenant },
    );
  }

  /**
   * To be awaited before each step of a move that nobody waits for alone: many that go on at once
   * come back from a sync together, and each would do its next part before anybody else is heard.
   */
  async rest(): Promise<void> {
    const { transfers } = this.#doors.node;
    if (!transfers.fits(MOVE_STEPS)) await transfers.take(MOVE_STEPS);
  }

  /** Runs work that {@link TenantMoves.close} waits for. */
  async during<Value>(work: () => Promise<Value>): Promise<Value> {
    this.#ending.signal.throwIfAborted();
    const running = work();
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  /** Gives up what is under way; the next start goes on with it. */
  async close(): Promise<void> {
    this.#ending.abort(
      new InsulaError("engine_closed", "Cannot move the tenant: the engine is closed."),
    );
    await Promise.allSettled(this.#running);
  }
}

interface MovedTenant {
  readonly collection: CollectionEntry;
  readonly name: string;
  readonly tenant: AlteredTenant;
}

interface MovingDoors extends MoveDoors {
  readonly signal: AbortSignal;
  readonly figures: MoveFigures;
  readonly gate: WeightedGate;
}

export class TenantMove {
  readonly #doors: MovingDoors;
  readonly #moved: MovedTenant;
  #uploaded: UploadedShard | undefined;
  #downloaded: DownloadedShard | undefined;
  /** Whether a frame that names what was downloaded may be durable. */
  #isNamed = false;

  constructor(doors: MovingDoors, moved: MovedTenant) {
    this.#doors = doors;
    this.#moved = moved;
  }

  async take(step: StateStep): Promise<void> {
    switch (step.kind) {
      case "commit":
        await this.#commit(step.state, step);
        return;
      case "upload":
        await this.#alone(() => this.#upload());
        return;
      case "download":
        await this.#alone(async () => {
          this.#downloaded = await downloadShard(this.#transfer("bytesFetched"), this.#shard);
        });
        return;
      case "drop-local":
        this.#doors.node.sweeper.sweep();
        return;
      case "drop-remote":
        // The frame has made garbage of it, which is removed after its time of grace.
        return;
    }
  }

  /**
   * After a failure, the tenant is what it was before it began to move. Not when the engine ends:
   * the next start goes on.
   */
  async undo(): Promise<void> {
    if (!this.#isNamed) await this.#downloaded?.imported.abandon();
    const { signal, onFault } = this.#doors;
    if (signal.aborted) return;
    const { state } = this.#moved.tenant.row;
    if (state !== "OFFLOADING" && state !== "ONLOADING") return;
    try {
      const { before } = await this.#moving();
      await this.#commit(state === "ONLOADING" ? "OFFLOADED" : before, { isQuiet: true });
    } catch (error) {
      // It stays on its way: whoever asks next, or the next start, goes on from there.
      onFault(error);
    }
  }

  get #shard(): AlteredTenant["row"]["shard"] {
    return this.#moved.tenant.row.shard;
  }

  async #commit(
    state: TenantState,
    { isQuiet, goal }: { readonly isQuiet: boolean; readonly goal?: RequestedState },
  ): Promise<void> {
    const { tenant } = this.#moved;
    const commit = async (): Promise<void> => {
      const changes = await this.#changes(state, goal);
      this.#isNamed = this.#downloaded !== undefined && state !== "OFFLOADED";
      await tenant.commit({ ...tenant.row, state }, changes);
    };
    const isMoving = [tenant.row.state, state].some((each) => !isResting(each));
    await (isQuiet || isMoving ? this.#doors.keeper.suspend(this.#shard, commit) : commit());
    if (this.#isNamed) await this.#downloaded?.imported.settle();
  }

  /** What changes with the state, in its frame. Nobody uses the shard. */
  async #changes(
    to: TenantState,
    goal: RequestedState | undefined,
  ): Promise<readonly CatalogChange[]> {
    const { node } = this.#doors;
    const from = this.#moved.tenant.row.state;
    if (to === "OFFLOADING" || to === "ONLOADING") return [this.#begun(from, to, goal)];
    if (from !== "OFFLOADING" && from !== "ONLOADING") return [];
    const ended: CatalogChange = { kind: "delete", key: movingShardKey(this.#shard) };
    if (from === "OFFLOADING") {
      if (to !== "OFFLOADED") {
        return [ended, ...garbageOffloadChanges((await this.#moving()).prefix)];
      }
      if (this.#uploaded === undefined) throw outOfOrder(to);
      return [ended, ...(await offloadChanges(node, this.#uploaded))];
    }
    if (to === "OFFLOADED") return [ended];
    if (this.#downloaded === undefined) throw outOfOrder(to);
    return [ended, ...(await onloadChanges(node, this.#downloaded))];
  }

  #begun(
    from: TenantState,
    to: "OFFLOADING" | "ONLOADING",
    goal: RequestedState | undefined,
  ): CatalogChange {
    const { collection, name } = this.#moved;
    const { random } = this.#doors.node.shards;
    const row: MovingRow = {
      database: collection.database.name,
      collection: collection.name,
      tenant: name,
      before: isResting(from) ? from : "OFFLOADED",
      goal: goal ?? "OFFLOADED",
      prefix: to === "ONLOADING" ? "" : offloadPrefix(this.#shard, random.bytes(GENERATION_BYTES)),
    };
    return { kind: "put", key: movingShardKey(this.#shard), value: encodeMoving(row) };
  }

  async #upload(): Promise<void> {
    const { collection, name, tenant } = this.#moved;
    const { prefix } = await this.#moving();
    const names = {
      path: [collection.database.name, collection.name, name],
      schema: encodeSchema(collection.schema, collection.isMultiTenant),
      row: encodeTenant(tenant.row),
    };
    const doors = this.#transfer("bytesSent");
    this.#uploaded = await uploadShard(doors, this.#shard, { prefix, names });
  }

  /** Together with others only as far as there is memory for their pieces. */
  async #alone(work: () => Promise<void>): Promise<void> {
    const state = await this.#doors.node.catalog.readShard(this.#shard);
    const bytes = state?.segments.reduce((sum, { location }) => sum + location.bytes, 0) ?? 0;
    const weight = Math.max(HELD_BYTES_MIN, Math.min(HELD_BYTES_MAX, bytes));
    await this.#doors.gate.run(weight, work);
  }

  async #moving(): Promise<MovingRow> {
    const bytes = await this.#doors.node.catalog.get(movingShardKey(this.#shard));
    if (bytes !== undefined) return decodeMoving(bytes);
    throw new InsulaError(
      "data_damaged",
      `Cannot move shard ${toHex(this.#shard)}: the row that remembers its way is missing.`,
    );
  }

  #transfer(figure: keyof MoveFigures): TransferDoors {
    const { figures } = this.#doors;
    const onBytes = (bytes: number): void => {
      figures[figure] += bytes;
    };
    return { ...this.#doors, onBytes };
  }
}

/** ACTIVE, INACTIVE or OFFLOADED: what a tenant can be asked to be. */
function isResting(state: TenantState): state is RequestedState {
  return state !== "OFFLOADING" && state !== "ONLOADING";
}

function outOfOrder(state: TenantState): InsulaError {
  return new InsulaError("invariant_broken", `A tenant becomes ${state} behind its transfer.`);
}
