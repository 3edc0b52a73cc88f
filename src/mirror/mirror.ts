/** Copies a data folder to an object store, all the time: the loop around {@link PointMaker}. */
import { InsulaError, isInsulaError } from "../base/errors.ts";
import type { Timer } from "../io/index.ts";
import { openSession } from "./mirror-session.ts";
import { MirrorUpkeep } from "./mirror-upkeep.ts";
import { PointMaker, type MakerDoors } from "./point-maker.ts";

/** Time of a stop that the last point may take, ms. */
const LAST_POINT_MS = 3_000;

export interface MirrorOptions extends Omit<MakerDoors, "signal"> {
  /**
   * What may be lost with the machine, ms: a point is begun every half of it, so that it ends
   * within, as long as the store keeps up.
   */
  readonly intervalMs: number;
  /** Points younger than this can be restored. */
  readonly retentionMs: number;
  /** For tests: points between two bases. */
  readonly pointsPerBase?: number | undefined;
  /** A point could not be made; the next one is tried. */
  readonly onFault: (error: unknown) => void;
}

export interface MirrorFigures {
  /** Hexadecimal; empty until the store was reached. */
  readonly mirror: string;
  /** Number of the newest point; 0 before the first. */
  readonly point: number;
  /** Age of the state that the store has, ms; undefined before the first point. */
  readonly ageMs: number | undefined;
  /** In this life. */
  readonly bytesSent: number;
  readonly failures: number;
  /** Another machine writes to the mirror: nothing is copied any more. */
  readonly isTaken: boolean;
}

export class Mirror {
  readonly #options: MirrorOptions;
  #maker: PointMaker | undefined;
  #upkeep: MirrorUpkeep | undefined;
  #mirror = "";
  #coveredMs: number | undefined;
  #failures = 0;
  /** Said when another machine was found to write to the mirror, and ever after. */
  #taken: InsulaError | undefined;
  #isClosed = false;
  /** Aborted when the folder is given back: nothing is written any more. */
  readonly #ending = new AbortController();
  #timer: Timer | undefined;
  /** Points are made one after the other, whoever asks for them. */
  #lastTurn: Promise<void> = Promise.resolve();

  /** Begins at once, in the background. */
  constructor(options: MirrorOptions) {
    this.#options = options;
    this.#schedule(0);
  }

  get figures(): MirrorFigures {
    const covered = this.#coveredMs;
    return {
      mirror: this.#mirror,
      point: this.#maker?.newest?.number ?? 0,
      ageMs: covered === undefined ? undefined : this.#options.clock.monotonicMs() - covered,
      bytesSent: this.#maker?.bytesSent ?? 0,
      failures: this.#failures,
      isTaken: this.#taken !== undefined,
    };
  }

  /**
   * Brings the store to the state of now. A point under way is waited for, then one more is made.
   *
   * @throws InsulaError `mirror_taken`, and what the store throws.
   */
  sync(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#makePoint();
      if (this.#maker?.hasErased === true) await this.#makePoint();
    });
  }

  /** Makes a last point, for which a store that does not answer is given three seconds. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#timer?.cancel();
    const { clock } = this.#options;
    let limit: Timer | undefined;
    const isOver = new Promise<void>((resolve) => {
      limit = clock.after(LAST_POINT_MS, resolve);
    });
    const last = this.#taken ? Promise.resolve() : this.sync().catch(this.#options.onFault);
    await Promise.race([last, isOver]);
    limit?.cancel();
    this.#ending.abort(
      new InsulaError("engine_closed", "The last point of the mirror was given up: no answer."),
    );
  }

  #schedule(delayMs: number): void {
    if (this.#isClosed || this.#taken !== undefined) return;
    const { clock, intervalMs, onFault } = this.#options;
    this.#timer = clock.after(delayMs, () => {
      const startMs = clock.monotonicMs();
      this.#inTurn(() => this.#makePoint())
        .catch(onFault)
        .finally(() => {
          const spentMs = clock.monotonicMs() - startMs;
          this.#schedule(Math.max(1, intervalMs / 2 - spentMs));
        });
    });
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#lastTurn.then(work);
    this.#lastTurn = turn.catch(() => undefined);
    return turn;
  }

  async #makePoint(): Promise<void> {
    if (this.#taken !== undefined) throw this.#taken;
    try {
      await this.#makeOne();
    } catch (error) {
      this.#failures++;
      if (isInsulaError(error) && error.code === "mirror_taken") {
        this.#taken = error;
        this.#timer?.cancel();
      }
      throw error;
    }
  }

  async #makeOne(): Promise<void> {
    const { store, clock, retentionMs, pointsPerBase } = this.#options;
    if (this.#maker === undefined) {
      const { signal } = this.#ending;
      const session = await openSession({ ...this.#options, signal });
      this.#mirror = session.mirror;
      this.#upkeep = new MirrorUpkeep({ store, clock, session, retentionMs, pointsPerBase });
      this.#maker = await PointMaker.open({ ...this.#options, signal }, session);
    }
    this.#coveredMs = await this.#maker.make();
    const { newest, pointBytes } = this.#maker;
    if (newest !== undefined) await this.#upkeep?.run(newest, pointBytes);
  }
}
