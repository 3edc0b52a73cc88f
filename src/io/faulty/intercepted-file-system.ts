/** A file system that asks before each call of another one; faults and counters are made of it. */
import type {
  CreateOptions,
  DiskRoom,
  FilePiece,
  FileSystem,
  FolderLock,
  ReadableFile,
  SyncedFile,
  WritableFile,
} from "../file-system.ts";
import type { InsulaError } from "../../base/errors.ts";
import { replaceWholeThrough } from "../replace-whole.ts";
import { makeSystemError, toIoError } from "../system-error.ts";

export type FileCallKind =
  | "open-read"
  | "create"
  | "open-write"
  | "open-synced"
  | "size"
  | "read"
  | "write"
  | "sync"
  | "write-and-sync"
  | "read-whole"
  | "exists"
  | "rename"
  | "truncate"
  | "unlink"
  | "make-folder"
  | "list-folder"
  | "sync-folder"
  | "lock";

export interface FileCall {
  readonly kind: FileCallKind;
  readonly path: string;
  /** Of reads and writes, in bytes; 0 else. */
  readonly position: number;
  readonly length: number;
}

/**
 * Sees a call before it is carried out; may throw to fail it.
 *
 * @returns how many bytes of a read or write are carried out; more than asked for means all.
 */
export type FileCallHook = (call: FileCall) => number;

export class InterceptedFileSystem implements FileSystem {
  readonly #inner: FileSystem;
  readonly #hook: FileCallHook;

  constructor(inner: FileSystem, hook: FileCallHook) {
    this.#inner = inner;
    this.#hook = hook;
  }

  async openRead(path: string): Promise<ReadableFile | undefined> {
    this.#tell("open-read", path);
    const file = await this.#inner.openRead(path);
    return file === undefined ? undefined : new InterceptedReadable(file, this.#hook);
  }

  async create(path: string, options?: CreateOptions): Promise<WritableFile> {
    this.#tell("create", path);
    return new InterceptedWritable(await this.#inner.create(path, options), this.#hook);
  }

  async openWrite(path: string): Promise<WritableFile> {
    this.#tell("open-write", path);
    return new InterceptedWritable(await this.#inner.openWrite(path), this.#hook);
  }

  async openSynced(path: string, options?: CreateOptions): Promise<SyncedFile> {
    this.#tell("open-synced", path);
    return new InterceptedSynced(await this.#inner.openSynced(path, options), this.#hook);
  }

  async readWhole(path: string): Promise<Uint8Array | undefined> {
    this.#tell("read-whole", path);
    return this.#inner.readWhole(path);
  }

  /** Through the calls of this body, so that each step can fail and is counted. */
  async replaceWhole(path: string, bytes: Uint8Array, options?: CreateOptions): Promise<void> {
    await replaceWholeThrough(this, path, bytes, options);
  }

  async exists(path: string): Promise<boolean> {
    this.#tell("exists", path);
    return this.#inner.exists(path);
  }

  async rename(source: string, target: string): Promise<void> {
    this.#tell("rename", source);
    return this.#inner.rename(source, target);
  }

  async truncate(path: string, length: number): Promise<void> {
    this.#tell("truncate", path);
    return this.#inner.truncate(path, length);
  }

  async unlink(path: string): Promise<void> {
    this.#tell("unlink", path);
    return this.#inner.unlink(path);
  }

  async makeFolder(path: string): Promise<void> {
    this.#tell("make-folder", path);
    return this.#inner.makeFolder(path);
  }

  async listFolder(path: string): Promise<readonly string[]> {
    this.#tell("list-folder", path);
    return this.#inner.listFolder(path);
  }

  async syncFolder(path: string): Promise<void> {
    this.#tell("sync-folder", path);
    return this.#inner.syncFolder(path);
  }

  room(): Promise<DiskRoom | undefined> {
    return this.#inner.room();
  }

  async lock(path: string): Promise<FolderLock> {
    this.#tell("lock", path);
    return this.#inner.lock(path);
  }

  #tell(kind: FileCallKind, path: string): void {
    this.#hook({ kind, path, position: 0, length: 0 });
  }
}

class InterceptedReadable implements ReadableFile {
  readonly path: string;
  readonly #inner: ReadableFile;
  readonly #hook: FileCallHook;

  constructor(inner: ReadableFile, hook: FileCallHook) {
    this.path = inner.path;
    this.#inner = inner;
    this.#hook = hook;
  }

  async size(): Promise<number> {
    this.#hook({ kind: "size", path: this.path, position: 0, length: 0 });
    return this.#inner.size();
  }

  async read(position: number, target: Uint8Array): Promise<number> {
    return this.#inner.read(position, this.#shorten(position, target));
  }

  async readMany(pieces: readonly FilePiece[]): Promise<number> {
    const shortened = pieces.map(({ position, target }) => ({
      position,
      target: this.#shorten(position, target),
    }));
    return this.#inner.readMany(shortened);
  }

  readNow(position: number, target: Uint8Array): number {
    return this.#inner.readNow(position, this.#shorten(position, target));
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  #shorten(position: number, target: Uint8Array): Uint8Array {
    const length = target.length;
    return target.subarray(0, this.#hook({ kind: "read", path: this.path, position, length }));
  }
}

class InterceptedWritable implements WritableFile {
  readonly path: string;
  readonly #inner: WritableFile;
  readonly #fuse: Fuse;

  constructor(inner: WritableFile, hook: FileCallHook) {
    this.path = inner.path;
    this.#inner = inner;
    this.#fuse = new Fuse(hook);
  }

  async write(position: number, source: Uint8Array): Promise<void> {
    const call = { kind: "write", path: this.path, position, length: source.length } as const;
    await this.#fuse.run(call, (kept) => this.#inner.write(position, source.subarray(0, kept)));
  }

  async sync(): Promise<void> {
    const call = { kind: "sync", path: this.path, position: 0, length: 0 } as const;
    await this.#fuse.run(call, () => this.#inner.sync());
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}

class InterceptedSynced implements SyncedFile {
  readonly path: string;
  readonly #inner: SyncedFile;
  readonly #fuse: Fuse;

  constructor(inner: SyncedFile, hook: FileCallHook) {
    this.path = inner.path;
    this.#inner = inner;
    this.#fuse = new Fuse(hook);
  }

  async writeAndSync(position: number, parts: readonly Uint8Array[]): Promise<void> {
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    const call = { kind: "write-and-sync", path: this.path, position, length } as const;
    await this.#fuse.run(call, (kept) =>
      this.#inner.writeAndSync(position, kept >= length ? parts : [cut(parts, kept)]),
    );
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}

/**
 * A file is dead after its first failure; a write cut short is carried out so far and then fails.
 */
class Fuse {
  readonly #hook: FileCallHook;
  #failure: { readonly error: unknown } | undefined;

  constructor(hook: FileCallHook) {
    this.#hook = hook;
  }

  async run(call: FileCall, task: (keptBytes: number) => Promise<void>): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure.error;
    try {
      const kept = this.#hook(call);
      await task(kept);
      if (kept < call.length) throw shortWriteError(call, kept);
    } catch (error) {
      this.#failure = { error };
      throw error;
    }
  }
}

function shortWriteError(call: FileCall, kept: number): InsulaError {
  const reason = `the device took ${String(kept)} of ${String(call.length)} bytes`;
  return toIoError(`write "${call.path}"`, makeSystemError("ENOSPC", reason));
}

function cut(parts: readonly Uint8Array[], length: number): Uint8Array {
  return new Uint8Array(Buffer.concat(parts).subarray(0, length));
}
