/**
 * Makes points: sends what is new of the data folder and then, with one small object that is
 * created if absent, says that it counts. What is interrupted before counts for nothing.
 *
 * Much to send is sent ahead, without holding any file; only the last 64 MiB are sent while nothing
 * in the folder may be removed.
 */
import { sha256 } from "../backup/index.ts";
import type { ReadableFile } from "../io/index.ts";
import { pointKey, secretKey } from "./mirror-keys.ts";
import { writeMarker } from "./mirror-marker.ts";
import { encodePoint, type PointHead } from "./mirror-point.ts";
import { readHead } from "./mirror-reader.ts";
import { SEAL_PURPOSES } from "./mirror-seal.ts";
import { mirrorTaken, type MirrorSession, type SessionDoors } from "./mirror-session.ts";
import type { FolderImage, MirrorSource } from "./mirror-source.ts";
import type { FileChange, PieceRange, PointChange } from "./mirror-state.ts";
import { PendingFiles } from "./pending-files.ts";
import { PIECE_BYTES_MAX, PieceWriter } from "./piece-writer.ts";
import { FileGone, planPoint, type PointPlan, type Sending } from "./point-plan.ts";
import { isPlainSecret } from "./secret-paths.ts";
import { Turns, eachInTurns } from "./turns.ts";

/** More than this is sent before the image that counts is taken. */
const AHEAD_BYTES = 67_108_864;
/** A file of at least this size has pieces of its own. */
const OWN_PIECES_BYTES = 262_144;
/** Images that may be given up because a file's removal had begun. */
const TRIES_MAX = 8;

export interface MakerDoors extends SessionDoors {
  readonly source: MirrorSource;
}

interface Secret {
  readonly path: string;
  /** Undefined when there is no such file. */
  readonly bytes: Uint8Array | undefined;
}

export class PointMaker {
  readonly #doors: MakerDoors;
  readonly #session: MirrorSession;
  #newest: PointHead | undefined;
  readonly #pending: PendingFiles;
  #segments = new Map<string, boolean>();
  #packs = new Map<string, number>();
  readonly #secrets = new Set<string>();
  /** Those that the store has, in some state. */
  readonly #secretsThere: Set<string>;
  /** Hashes of small files and of secrets as the store has them. */
  readonly #replaced = new Map<string, string>();
  /** Of the newest point that the folder's marker tells of. */
  #marked: number;
  #pieceNext = 0;
  #bytesSent = 0;
  #pointBytes = 0;

  private constructor(doors: MakerDoors, session: MirrorSession, pending: PendingFiles) {
    this.#doors = doors;
    this.#session = session;
    this.#newest = session.newest;
    this.#marked = session.newest?.number ?? 0;
    this.#secretsThere = new Set(session.secrets);
    this.#pending = pending;
  }

  /** Begins to watch the folder and lists what is there, once a life. */
  static async open(doors: MakerDoors, session: MirrorSession): Promise<PointMaker> {
    const turns = new Turns(doors.clock);
    const maker = new PointMaker(doors, session, await PendingFiles.open(session.state, turns));
    const { segments, packs, secrets } = await doors.source.list();
    for (const [path, bytes] of packs) maker.#packs.set(path, bytes);
    for (const path of secrets) maker.#secrets.add(path);
    await eachInTurns(segments.keys(), turns, (path) => {
      if (!session.state.has(path)) maker.#segments.set(path, true);
    });
    // What the store has and the folder has not any more.
    await eachInTurns(session.state.files.keys(), turns, (path) => {
      if (path.startsWith("seg/") && !segments.has(path)) maker.#segments.set(path, false);
      if (path.startsWith("pack/") && !packs.has(path)) maker.#packs.set(path, 0);
    });
    return maker;
  }

  get newest(): PointHead | undefined {
    return this.#newest;
  }

  get bytesSent(): number {
    return this.#bytesSent;
  }

  /** True while keys that were erased here may still be in the store. */
  get hasErased(): boolean {
    return [...this.#secrets].some((path) => this.#secretsThere.has(path));
  }

  /** Of the objects that made points, in this life. */
  get pointBytes(): number {
    return this.#pointBytes;
  }

  /**
   * Brings the store to the state of the folder.
   *
   * @returns the monotonic clock when the folder was in the state that the store has now.
   * @throws InsulaError `mirror_taken`, and what the store throws: nothing counts then that did not
   *   before, and what was sent is not sent again.
   */
  async make(): Promise<number> {
    const paths = [...this.#secrets].filter((path) => this.#secretsThere.has(path));
    for (const path of paths) this.#secrets.delete(path);
    try {
      const secrets = await this.#readSecrets(paths);
      const coveredMs = await this.#makeOnce();
      for (const secret of secrets) await this.#putSecret(secret);
      return coveredMs;
    } catch (error) {
      for (const path of paths) this.#secrets.add(path);
      throw error;
    }
  }

  async #makeOnce(): Promise<number> {
    let left = Infinity;
    for (let tries = 0; ;) {
      const image = this.#capture();
      const { clock } = this.#doors;
      const atMs = clock.wallMs();
      const coveredMs = clock.monotonicMs();
      let isHeld = true;
      try {
        const plan = await this.#plan(image);
        // A backlog that does not shrink is sent under the hold: it must end some time.
        if (plan.bytes > AHEAD_BYTES && plan.bytes < left) {
          left = plan.bytes;
          image.release();
          isHeld = false;
          await this.#sendAhead(plan);
          continue;
        }
        await this.#finish(image, plan, atMs);
        return coveredMs;
      } catch (error) {
        if (!(error instanceof FileGone) || ++tries >= TRIES_MAX) throw error;
      } finally {
        if (isHeld) image.release();
      }
    }
  }

  /** What changed since the point before is remembered until a point has it. */
  #capture(): FolderImage {
    const image = this.#doors.source.capture();
    for (const [path, isThere] of image.segments) this.#segments.set(path, isThere);
    for (const [path, bytes] of image.packs) this.#packs.set(path, bytes);
    for (const path of image.secrets) this.#secrets.add(path);
    return image;
  }

  #plan(image: FolderImage): Promise<PointPlan> {
    const changes = { segments: this.#segments, packs: this.#packs };
    const { fileSystem } = this.#doors;
    return planPoint(image, changes, { sent: this.#pending, fileSystem });
  }

  /** Sends in steps, each remembered: a failure loses one. */
  async #sendAhead({ sendings }: PointPlan): Promise<void> {
    let step: Sending[] = [];
    let bytes = 0;
    for (const sending of sendings) {
      step.push(sending);
      bytes += sending.end - sending.start;
      if (bytes < AHEAD_BYTES) continue;
      await this.#send(step, true);
      step = [];
      bytes = 0;
    }
    await this.#send(step, true);
  }

  async #finish(image: FolderImage, plan: PointPlan, atMs: number): Promise<void> {
    await this.#send(plan.sendings, false);
    await this.#putNewSecrets();
    const replaced = await this.#sendReplaced(image);
    const files = await this.#pending.changes(this.#turns());
    for (const change of replaced) files.push(change);
    if (files.length > 0 || plan.removed.length > 0) {
      const strays = this.#pending.strays();
      // Of the next try, if this one fails.
      this.#pending.addStrays(replaced.flatMap(({ ranges }) => namesOf(ranges)));
      await this.#putPoint({ files, removed: plan.removed, strays }, atMs);
      this.#pending.forgetStrays();
    }
    for (const { path, bytes } of image.replaced) this.#replaced.set(path, hashOf(bytes));
    const paths = files.map(({ path }) => path);
    this.#pending.settle(paths, plan.removed);
    this.#segments = new Map();
    this.#packs = new Map();
    await this.#mark();
  }

  /**
   * Tells the folder of the newest point. Last: a point that was made counts, whether or not the
   * disk takes this, and is not made twice.
   */
  async #mark(): Promise<void> {
    const point = this.#newest?.number ?? 0;
    this.#doors.signal.throwIfAborted();
    if (this.#marked === point) return;
    const { mirror, writer } = this.#session;
    await writeMarker(this.#doors.fileSystem, { mirror, point, writer });
    this.#marked = point;
  }

  /** @param isAhead passes over what is gone: the image that counts will not name it. */
  async #send(sendings: readonly Sending[], isAhead: boolean): Promise<void> {
    const writer = this.#openWriter();
    let folder = "";
    try {
      for (const sending of sendings) {
        const isOwn = sending.end - sending.start >= OWN_PIECES_BYTES;
        const next = sending.path.slice(0, sending.path.indexOf("/"));
        // What lives long is not tied to what goes soon: a piece goes when the last of it does.
        if (isOwn || next !== folder) await writer.cut();
        folder = next;
        await this.#read(sending, writer, isAhead);
        if (isOwn) await writer.cut();
      }
    } finally {
      // What was read before a file turned out to be gone is of use all the same.
      await this.#note(writer, sendings);
    }
  }

  async #note(writer: PieceWriter, sendings: readonly Sending[]): Promise<void> {
    try {
      await writer.finish();
    } finally {
      this.#bytesSent += writer.bytesSent;
      const { ranges, strays } = writer.result();
      this.#pending.addStrays(strays);
      for (const { path, start, end } of sendings) {
        const added = ranges.get(path);
        if (added !== undefined) this.#pending.add(path, start, added);
        this.#pending.expect(path, end);
      }
    }
  }

  async #read(
    { from, path, start, end }: Sending,
    writer: PieceWriter,
    isAhead: boolean,
  ): Promise<void> {
    const file = await this.#open(from);
    if (file === undefined) {
      if (isAhead) return;
      throw new FileGone(path);
    }
    try {
      for (let at = start; at < end; at += PIECE_BYTES_MAX) {
        const bytes = new Uint8Array(Math.min(PIECE_BYTES_MAX, end - at));
        if ((await file.read(at, bytes)) < bytes.length) throw new FileGone(path);
        await writer.add(path, bytes);
      }
    } finally {
      await file.close();
    }
  }

  async #open(paths: readonly string[]): Promise<ReadableFile | undefined> {
    for (const path of [...paths, ...paths]) {
      const file = await this.#doors.fileSystem.openRead(path);
      if (file !== undefined) return file;
    }
    return undefined;
  }

  async #sendReplaced(image: FolderImage): Promise<readonly FileChange[]> {
    const writer = this.#openWriter();
    for (const { path, bytes } of image.replaced) {
      if (this.#replaced.get(path) !== hashOf(bytes)) await writer.add(path, bytes);
    }
    try {
      await writer.finish();
    } catch (error) {
      const { ranges, strays } = writer.result();
      this.#pending.addStrays([...strays, ...namesOf([...ranges.values()].flat())]);
      throw error;
    } finally {
      this.#bytesSent += writer.bytesSent;
    }
    const { ranges } = writer.result();
    return Array.from(ranges, ([path, added]) => ({ path, isWhole: true, ranges: added }));
  }

  /** Files of keys that the store does not know yet: before the point that needs them. */
  async #putNewSecrets(): Promise<void> {
    for (const path of [...this.#secrets]) {
      if (this.#secretsThere.has(path)) continue;
      const bytes = await this.#doors.fileSystem.readWhole(path);
      await this.#putSecret({ path, bytes });
      this.#secrets.delete(path);
      if (bytes !== undefined) this.#secretsThere.add(path);
    }
  }

  /**
   * Files of keys as they are before an image is taken. They are put behind its point: whoever had
   * a key that is erased in them is in no newest point any more. What is erased meanwhile is told
   * by the image, and goes with the next point.
   */
  async #readSecrets(paths: readonly string[]): Promise<readonly Secret[]> {
    const read: Secret[] = [];
    for (const path of paths) {
      read.push({ path, bytes: await this.#doors.fileSystem.readWhole(path) });
    }
    return read;
  }

  async #putSecret({ path, bytes }: Secret): Promise<void> {
    const { store } = this.#doors;
    const { mirror, seal } = this.#session;
    const hash = bytes === undefined ? "" : hashOf(bytes);
    if (this.#replaced.get(path) === hash) return;
    this.#doors.signal.throwIfAborted();
    const key = secretKey(mirror, path);
    if (bytes === undefined) await store.delete(key);
    else if (isPlainSecret(path)) await store.put(key, bytes);
    else await store.put(key, seal.seal(bytes, SEAL_PURPOSES.secret(path)));
    this.#replaced.set(path, hash);
  }

  async #putPoint(
    { files, removed, strays }: PointChange & { readonly strays: readonly string[] },
    nowMs: number,
  ): Promise<void> {
    const { store } = this.#doors;
    const { mirror, writer, seal, state } = this.#session;
    // A folder is at most one point behind: more would be taken for another machine's.
    await this.#mark();
    const number = (this.#newest?.number ?? 0) + 1;
    // Points are found by time: a clock that was set back must not change their order.
    const atMs = Math.max(nowMs, this.#newest?.atMs ?? 0);
    const isSealed = this.#doors.keyOf !== undefined;
    const head = { number, atMs, writer, isSealed };
    const purpose = SEAL_PURPOSES.point(number);
    const body = { files, removed, freed: strays.map((name) => ({ point: number, name })) };
    const turns = this.#turns();
    const object = await encodePoint(head, body, { seal, purpose, turns });
    if (!(await store.putIfAbsent(pointKey(mirror, number), object))) {
      // Perhaps our own, whose answer was lost; but then it may say less than this one.
      const taken = await readHead(store, mirror, number);
      if (taken?.writer !== writer) throw mirrorTaken(mirror);
      await store.put(pointKey(mirror, number), object);
    }
    await state.applyInTurns(number, body, turns);
    state.addFreed(body.freed);
    this.#newest = head;
    this.#pointBytes += object.length;
  }

  #turns(): Turns {
    return new Turns(this.#doors.clock);
  }

  #openWriter(): PieceWriter {
    const { mirror, writer, seal } = this.#session;
    const doors = { store: this.#doors.store, seal, mirror, writer };
    const point = (this.#newest?.number ?? 0) + 1;
    return new PieceWriter(doors, point, () => this.#pieceNext++);
  }
}

function namesOf(ranges: readonly PieceRange[]): readonly string[] {
  return ranges.map(({ piece }) => piece.name);
}

function hashOf(bytes: Uint8Array): string {
  return sha256(bytes).toString("hex");
}
