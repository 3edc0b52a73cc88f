/**
 * Open files of the node for reading, bounded in number: the least recently used is closed before
 * another is opened. Only files being read at this moment can be more than the bound. A source
 * opens its file again by itself.
 */
import { InsulaError } from "../base/errors.ts";
import type { FilePiece, FileSystem, ReadableFile } from "./file-system.ts";
import { isOutOfHandles } from "./system-error.ts";

/** A part of a file, read piece by piece. */
export interface FilePart {
  readonly length: number;
  /** Fills `target`; resolves to the bytes read, less only at the end. */
  read(position: number, target: Uint8Array): Promise<number>;
  /** As `read` of each, all at once; resolves to the bytes read of all of them. */
  readMany(pieces: readonly FilePiece[]): Promise<number>;
}

interface OpenFile {
  /** Undefined when there is no such file. */
  readonly file: Promise<ReadableFile | undefined>;
  /** Reads under way or waiting for the file to open; a file in use is not closed. */
  users: number;
  /** Nobody will ask for it again: the last user closes it. */
  isForgotten: boolean;
}

interface AcquiredFile {
  readonly path: string;
  readonly open: OpenFile;
  readonly file: ReadableFile;
}

export class FileHandles {
  readonly #fileSystem: FileSystem;
  readonly #countMax: number;
  /** Least recently used first. */
  readonly #open = new Map<string, OpenFile>();
  #isClosed = false;

  constructor(fileSystem: FileSystem, countMax: number) {
    this.#fileSystem = fileSystem;
    this.#countMax = countMax;
  }

  /** Files open now, or being opened. */
  get count(): number {
    return this.#open.size;
  }

  /**
   * A part of a file as a source of bytes.
   *
   * @param paths where the file may be, in the order to try: one that is renamed is found under its
   *   next name.
   */
  source(paths: readonly string[], start: number, length: number): FilePart {
    const read = (position: number, target: Uint8Array): Promise<number> =>
      this.#during(paths, (file) => file.read(start + position, target));
    const readMany = (pieces: readonly FilePiece[]): Promise<number> => {
      const moved = pieces.map(({ position, target }) => ({ position: start + position, target }));
      return this.#during(paths, (file) => file.readMany(moved));
    };
    return { length, read, readMany };
  }

  /**
   * Closes the file if it is open, or leaves that to its last reader: it is about to be removed.
   */
  async forget(path: string): Promise<void> {
    const open = this.#open.get(path);
    if (open === undefined) return;
    this.#open.delete(path);
    open.isForgotten = true;
    if (open.users === 0) await closeFile(open);
  }

  /** Readings under way end well; later ones fail with `engine_closed`. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const path of [...this.#open.keys()]) await this.forget(path);
  }

  async #during<Value>(
    paths: readonly string[],
    task: (file: ReadableFile) => Promise<Value>,
  ): Promise<Value> {
    const { path, open, file } = await this.#acquire(paths);
    try {
      return await task(file);
    } finally {
      this.#release(path, open);
    }
  }

  async #acquire(paths: readonly string[]): Promise<AcquiredFile> {
    const known = paths.filter((path) => this.#open.has(path));
    // A file may be renamed between two tries: a second round finds it under its new name.
    for (const path of [...known, ...paths, ...paths]) {
      const open = this.#use(path);
      let file: ReadableFile | undefined;
      try {
        file = await open.file;
      } catch (error) {
        this.#drop(path, open);
        throw error;
      }
      if (file !== undefined) return { path, open, file };
      this.#drop(path, open);
    }
    throw new InsulaError("data_damaged", `Cannot read ${paths[0] ?? ""}: the file is missing.`);
  }

  /** Counts its caller as a user before anything is awaited, so that nobody closes it meanwhile. */
  #use(path: string): OpenFile {
    if (this.#isClosed) {
      throw new InsulaError("engine_closed", "Cannot read a file: the engine is closed.");
    }
    const known = this.#open.get(path);
    if (known !== undefined) {
      known.users++;
      this.#open.delete(path);
      this.#open.set(path, known);
      return known;
    }
    const file = this.#evict(this.#countMax - 1).then(() => this.#openFile(path));
    const opened = { file, users: 1, isForgotten: false };
    this.#open.set(path, opened);
    return opened;
  }

  /** When no handle is left, all that are idle are given back before the second try. */
  async #openFile(path: string): Promise<ReadableFile | undefined> {
    try {
      return await this.#fileSystem.openRead(path);
    } catch (error) {
      if (!isOutOfHandles(error)) throw error;
      await this.#evict(0);
      return this.#fileSystem.openRead(path);
    }
  }

  #release(path: string, open: OpenFile): void {
    open.users--;
    if (open.users > 0) return;
    if (!open.isForgotten && this.#open.size <= this.#countMax) return;
    if (this.#open.get(path) === open) this.#open.delete(path);
    // It was only read: a failure to close it loses nothing.
    closeFile(open).catch(() => undefined);
  }

  /** There is no such file, or it could not be opened. */
  #drop(path: string, open: OpenFile): void {
    open.users--;
    if (this.#open.get(path) === open) this.#open.delete(path);
  }

  /** Closes idle files until at most `count` are left. */
  async #evict(count: number): Promise<void> {
    const idle: OpenFile[] = [];
    for (const [path, open] of this.#open) {
      if (this.#open.size <= count) break;
      if (open.users > 0) continue;
      this.#open.delete(path);
      idle.push(open);
    }
    for (const open of idle) await closeFile(open).catch(() => undefined);
  }
}

async function closeFile(open: OpenFile): Promise<void> {
  const file = await open.file;
  await file?.close();
}
