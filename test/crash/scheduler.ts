/**
 * Decides from a seed which of the waiting file calls and clients goes on next: each waits for its
 * turn, and a turn is given only when nothing else can run. Same seed, same order.
 */
import { createHash } from "node:crypto";
import {
  InterceptedFileSystem,
  readEach,
  type FileCallHook,
  type FileSystem,
  type ReadableFile,
  type SyncedFile,
  type WritableFile,
} from "../../src/io/index.ts";
import type { Chance } from "../model/chance.ts";

/** Turns of the event loop without anybody waiting, after which time goes on. */
const IDLE_TURNS = 3;
const IDLE_STEP_MS = 100;
/** Turns of the event loop in a row without work, from which each takes a millisecond … */
const IDLE_TURNS_LONG = 1_000;
/** … and at which somebody waits for ever. An opening reads the kernels from the real disk. */
const IDLE_TURNS_MAX = 21_000;

export class Scheduler {
  readonly #chance: Chance;
  readonly #turnsMax = 1_000_000;
  readonly #trace = createHash("sha256");
  #waiting: { readonly label: string; readonly go: () => void }[] = [];
  /** Turns given. */
  count = 0;

  constructor(chance: Chance) {
    this.#chance = chance;
  }

  turn(label: string): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push({ label, go: resolve });
    });
  }

  note(event: string): void {
    this.#trace.update(`${event}\n`);
  }

  /** Whoever waits now waits for ever: the power is gone. */
  abandon(): void {
    this.#waiting = [];
    this.note("power cut");
  }

  /** Of all that happened so far. */
  digest(): string {
    return this.#trace.copy().digest("hex");
  }

  /**
   * Gives turns until `isDone`, which is asked before each.
   *
   * @param idle what makes time go on when nobody waits; nothing when absent
   */
  async run(isDone: () => boolean, idle?: (ms: number) => void): Promise<void> {
    let idleTurns = 0;
    for (let turns = 0; ; turns++) {
      if (turns > this.#turnsMax) throw new Error("a run that does not end");
      await new Promise(setImmediate);
      if (isDone()) return;
      if (this.#waiting.length > 0) {
        idleTurns = 0;
        const [next] = this.#waiting.splice(this.#chance.below(this.#waiting.length), 1);
        this.count++;
        this.note(next?.label ?? "");
        next?.go();
      } else {
        if (++idleTurns > IDLE_TURNS_MAX) throw new Error("everybody waits for something else");
        if (idleTurns > IDLE_TURNS_LONG) await new Promise((resolve) => setTimeout(resolve, 1));
        if (idleTurns % IDLE_TURNS === 0) idle?.(IDLE_STEP_MS);
      }
    }
  }

  /** Runs until the work is settled. @throws what it throws */
  async finish<Value>(work: Promise<Value>, idle?: (ms: number) => void): Promise<Value> {
    let isSettled = false;
    const settle = (): void => {
      isSettled = true;
    };
    work.then(settle, settle);
    await this.run(() => isSettled, idle);
    return work;
  }
}

/** Each call waits for its turn, then meets the hook, then the inner file system. */
export class ScheduledFileSystem implements FileSystem {
  readonly #inner: FileSystem;
  readonly #scheduler: Scheduler;

  constructor(inner: FileSystem, scheduler: Scheduler, hook: FileCallHook) {
    this.#inner = new InterceptedFileSystem(inner, (call) => {
      const place = `${String(call.position)}+${String(call.length)}`;
      scheduler.note(`${call.kind} ${call.path} ${place}`);
      return hook(call);
    });
    this.#scheduler = scheduler;
  }

  room(): ReturnType<FileSystem["room"]> {
    return this.#inner.room();
  }

  async openRead(path: string): Promise<ReadableFile | undefined> {
    const file = await this.#do(`open-read ${path}`, () => this.#inner.openRead(path));
    if (file === undefined) return undefined;
    const size = (): Promise<number> => this.#do(`size ${path}`, () => file.size());
    const read = (position: number, target: Uint8Array): Promise<number> =>
      this.#do(`read ${path}`, () => file.read(position, target));
    const readNow = (position: number, target: Uint8Array): number =>
      file.readNow(position, target);
    const readMany: ReadableFile["readMany"] = (pieces) => readEach(read, pieces);
    return { path, size, read, readMany, readNow, close: () => file.close() };
  }

  async create(path: string): Promise<WritableFile> {
    return this.#writable(await this.#do(`create ${path}`, () => this.#inner.create(path)));
  }

  async openWrite(path: string): Promise<WritableFile> {
    return this.#writable(await this.#do(`open-write ${path}`, () => this.#inner.openWrite(path)));
  }

  async openSynced(path: string): Promise<SyncedFile> {
    const file = await this.#do(`open-synced ${path}`, () => this.#inner.openSynced(path));
    const writeAndSync = (position: number, parts: readonly Uint8Array[]): Promise<void> =>
      this.#do(`write-and-sync ${path}`, () => file.writeAndSync(position, parts));
    return { path, writeAndSync, close: () => file.close() };
  }

  readWhole(path: string): Promise<Uint8Array | undefined> {
    return this.#do(`read-whole ${path}`, () => this.#inner.readWhole(path));
  }

  replaceWhole(path: string, bytes: Uint8Array): Promise<void> {
    return this.#do(`replace ${path}`, () => this.#inner.replaceWhole(path, bytes));
  }

  exists(path: string): Promise<boolean> {
    return this.#do(`exists ${path}`, () => this.#inner.exists(path));
  }

  rename(source: string, target: string): Promise<void> {
    return this.#do(`rename ${source}`, () => this.#inner.rename(source, target));
  }

  truncate(path: string, length: number): Promise<void> {
    return this.#do(`truncate ${path}`, () => this.#inner.truncate(path, length));
  }

  unlink(path: string): Promise<void> {
    return this.#do(`unlink ${path}`, () => this.#inner.unlink(path));
  }

  makeFolder(path: string): Promise<void> {
    return this.#do(`make-folder ${path}`, () => this.#inner.makeFolder(path));
  }

  listFolder(path: string): Promise<readonly string[]> {
    return this.#do(`list-folder ${path}`, () => this.#inner.listFolder(path));
  }

  syncFolder(path: string): Promise<void> {
    return this.#do(`sync-folder ${path}`, () => this.#inner.syncFolder(path));
  }

  lock(path: string): ReturnType<FileSystem["lock"]> {
    return this.#inner.lock(path);
  }

  #writable(file: WritableFile): WritableFile {
    const { path } = file;
    const write = (position: number, source: Uint8Array): Promise<void> =>
      this.#do(`write ${path}`, () => file.write(position, source));
    const sync = (): Promise<void> => this.#do(`sync ${path}`, () => file.sync());
    return { path, write, sync, close: () => file.close() };
  }

  async #do<Value>(label: string, task: () => Promise<Value>): Promise<Value> {
    await this.#scheduler.turn(label);
    return task();
  }
}
