/**
 * A file system that is only looked at: reads go to another one, changes of names are passed over,
 * writes are refused. What recovery would tidy up stays as it is.
 */
import { InsulaError } from "../base/errors.ts";
import type {
  DiskRoom,
  FileSystem,
  FolderLock,
  ReadableFile,
  SyncedFile,
  WritableFile,
} from "./file-system.ts";

export class ReadOnlyFileSystem implements FileSystem {
  readonly #inner: FileSystem;

  constructor(inner: FileSystem) {
    this.#inner = inner;
  }

  openRead(path: string): Promise<ReadableFile | undefined> {
    return this.#inner.openRead(path);
  }

  readWhole(path: string): Promise<Uint8Array | undefined> {
    return this.#inner.readWhole(path);
  }

  exists(path: string): Promise<boolean> {
    return this.#inner.exists(path);
  }

  listFolder(path: string): Promise<readonly string[]> {
    return this.#inner.listFolder(path);
  }

  room(): Promise<DiskRoom | undefined> {
    return this.#inner.room();
  }

  lock(path: string): Promise<FolderLock> {
    return this.#inner.lock(path);
  }

  create(path: string): Promise<WritableFile> {
    return refuse(path);
  }

  openWrite(path: string): Promise<WritableFile> {
    return refuse(path);
  }

  openSynced(path: string): Promise<SyncedFile> {
    return refuse(path);
  }

  replaceWhole(): Promise<void> {
    return Promise.resolve();
  }

  rename(): Promise<void> {
    return Promise.resolve();
  }

  truncate(): Promise<void> {
    return Promise.resolve();
  }

  unlink(): Promise<void> {
    return Promise.resolve();
  }

  makeFolder(): Promise<void> {
    return Promise.resolve();
  }

  syncFolder(): Promise<void> {
    return Promise.resolve();
  }
}

function refuse(path: string): Promise<never> {
  const message = `Cannot write ${path}: the folder is only looked at.`;
  return Promise.reject(new InsulaError("io_failed", message));
}
