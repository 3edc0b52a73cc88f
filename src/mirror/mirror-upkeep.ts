/** Keeps a mirror short: sums points up in bases, and removes what no point in reach uses. */
import type { Clock, ObjectStore } from "../io/index.ts";
import { baseKey, pieceName, piecePrefix, pointKey, writerOfPiece } from "./mirror-keys.ts";
import { encodePoint, type PointHead } from "./mirror-point.ts";
import { listAll, listBases, listPoints } from "./mirror-reader.ts";
import { SEAL_PURPOSES } from "./mirror-seal.ts";
import type { MirrorSession } from "./mirror-session.ts";
import { Turns } from "./turns.ts";

/** Points that are read at most, besides a base, to know a state. */
export const POINTS_PER_BASE = 500;
/** Bytes of points that are worth a base, unless the base is larger. */
const BASE_BYTES_MIN = 4_194_304;
/** Objects removed at once. */
const DELETES_AT_ONCE = 4;

export interface UpkeepOptions {
  readonly store: ObjectStore;
  readonly clock: Pick<Clock, "yield">;
  readonly session: MirrorSession;
  /** Points younger than this stay readable. */
  readonly retentionMs: number;
  /** {@link POINTS_PER_BASE} when absent. */
  readonly pointsPerBase?: number | undefined;
}

export class MirrorUpkeep {
  readonly #options: UpkeepOptions;
  /** Number of the newest; 0 before the first. */
  #baseNumber: number;
  #baseBytes: number;
  /** Of points when the last base was written, to tell what came since. */
  #pointBytesBefore: number;
  /** False until what former lives began and did not finish is gone. */
  #isTidy = false;

  constructor(options: UpkeepOptions) {
    this.#options = options;
    const { bases, baseBytes, bytesSinceBase } = options.session;
    this.#baseNumber = bases.at(-1)?.number ?? 0;
    this.#baseBytes = baseBytes;
    this.#pointBytesBefore = -bytesSinceBase;
  }

  /**
   * To be called after each point.
   *
   * @param pointBytes of all points of this life.
   */
  async run(newest: PointHead, pointBytes: number): Promise<void> {
    if (!this.#isTidy) await this.#removeUnfinished(newest);
    const { pointsPerBase = POINTS_PER_BASE } = this.#options;
    const isManyPoints = newest.number - this.#baseNumber >= pointsPerBase;
    const bytes = pointBytes - this.#pointBytesBefore;
    if (!isManyPoints && bytes <= Math.max(BASE_BYTES_MIN, this.#baseBytes)) return;
    await this.#putBase(newest, pointBytes);
    await this.#removeOld(newest.atMs - this.#options.retentionMs);
  }

  /**
   * Pieces of points that a former life did not make, or made without them. Not before this life
   * has made one: until then a machine that was taken for dead may still make that point, and needs
   * them. From the last base on: there is none before this has been done, in whatever life.
   */
  async #removeUnfinished(newest: PointHead): Promise<void> {
    const { store, session } = this.#options;
    const { mirror, writer, state } = session;
    if (newest.number === session.newest?.number) return;
    const prefix = piecePrefix(mirror);
    const keys = await listAll(store, prefix, prefix + pieceName(this.#baseNumber, "", 0));
    const freed = new Set(state.freed.map(({ name }) => name));
    const isLeft = (name: string): boolean =>
      writerOfPiece(name) !== writer && !state.isUsed(name) && !freed.has(name);
    await this.#delete(keys.filter((key) => isLeft(key.slice(prefix.length))));
    this.#isTidy = true;
  }

  async #putBase(newest: PointHead, pointBytes: number): Promise<void> {
    const { store, session } = this.#options;
    const { mirror, state, seal } = session;
    const turns = new Turns(this.#options.clock);
    const body = { ...(await state.whole(turns)), freed: state.freed };
    const purpose = SEAL_PURPOSES.base(newest.number);
    const object = await encodePoint(newest, body, { seal, purpose, turns });
    await store.put(baseKey(mirror, newest.number, newest.atMs), object);
    this.#baseNumber = newest.number;
    this.#baseBytes = object.length;
    this.#pointBytesBefore = pointBytes;
  }

  /** Pieces go last but one and the base last, so that what is left over is found again. */
  async #removeOld(untilMs: number): Promise<void> {
    const { store, session } = this.#options;
    const { mirror, state } = session;
    const bases = await listBases(store, mirror);
    const kept = bases.filter(({ atMs }) => atMs <= untilMs).at(-1);
    if (kept === undefined) return;
    const points = await listPoints(store, mirror, 0);
    await this.#delete(
      points.filter((number) => number < kept.number).map((number) => pointKey(mirror, number)),
    );
    const freed = state.freedBy(kept.number);
    await this.#delete(freed.map(({ name }) => piecePrefix(mirror) + name));
    state.forgetFreed(kept.number);
    const old = bases.filter(({ number }) => number < kept.number);
    await this.#delete(old.map(({ number, atMs }) => baseKey(mirror, number, atMs)));
  }

  async #delete(keys: readonly string[]): Promise<void> {
    const { store } = this.#options;
    for (let first = 0; first < keys.length; first += DELETES_AT_ONCE) {
      const step = keys.slice(first, first + DELETES_AT_ONCE);
      await Promise.all(step.map((key) => store.delete(key)));
    }
  }
}
