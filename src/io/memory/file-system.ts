/** A file system in a map: for tests, and for databases that need not outlive their process. */
import { InsulaError } from "../../base/errors.ts";
import type {
  CreateOptions,
  FileSystem,
  FolderLock,
  ReadableFile,
  SyncedFile,
  WritableFile,
} from "../file-system.ts";
import { parentFolder, replaceWholeThrough } from "../replace-whole.ts";
import { GrowingContent } from "./growing-content.ts";
import { MemoryReadableFile } from "./open-file.ts";

/**
 * Everything written is there at once and gone with the process; syncing does nothing. Folders must
 * be made before files, as on a disk; the root is always there.
 */
export class MemoryFileSystem implements FileSystem {
  readonly #files = new Map<string, GrowingContent>();
  readonly #folders = new Set<string>([""]);
  readonly #locks = new Set<string>();

  async openRead(path: string): Promise<ReadableFile | undefined> {
    const content = await Promise.resolve(this.#files.get(path));
    return content === undefined ? undefined : new MemoryReadableFile(path, content);
  }

  async create(path: string): Promise<WritableFile> {
    await Promise.resolve();
    const content = this.#entry(path);
    content.truncate();
    return new MemoryFile(path, content);
  }

  async openWrite(path: string): Promise<WritableFile> {
    await Promise.resolve();
    return new MemoryFile(path, this.#get(path));
  }

  async openSynced(path: string): Promise<SyncedFile> {
    await Promise.resolve();
    return new MemoryFile(path, this.#entry(path));
  }

  async readWhole(path: string): Promise<Uint8Array | undefined> {
    await Promise.resolve();
    return this.#files.get(path)?.copy();
  }

  replaceWhole(path: string, bytes: Uint8Array, options?: CreateOptions): Promise<void> {
    return replaceWholeThrough(this, path, bytes, options);
  }

  async exists(path: string): Promise<boolean> {
    await Promise.resolve();
    return this.#files.has(path) || this.#folders.has(path);
  }

  async rename(source: string, target: string): Promise<void> {
    await Promise.resolve();
    const content = this.#get(source);
    this.#requireFolder(target);
    this.#files.delete(source);
    this.#files.set(target, content);
  }

  async unlink(path: string): Promise<void> {
    await Promise.resolve();
    this.#files.delete(path);
  }

  async makeFolder(path: string): Promise<void> {
    await Promise.resolve();
    for (let folder = path; folder !== ""; folder = parentFolder(folder)) this.#folders.add(folder);
  }

  async listFolder(path: string): Promise<readonly string[]> {
    await Promise.resolve();
    const names: string[] = [];
    for (const entry of [...this.#files.keys(), ...this.#folders]) {
      if (entry !== "" && parentFolder(entry) === path)
        names.push(entry.slice(entry.lastIndexOf("/") + 1));
    }
    return names.sort();
  }

  async truncate(path: string, length: number): Promise<void> {
    await Promise.resolve();
    this.#get(path).truncate(length);
  }

  async syncFolder(path: string): Promise<void> {
    await Promise.resolve();
    if (!this.#folders.has(path)) throw missing("sync the folder", path);
  }

  async room(): Promise<undefined> {
    await Promise.resolve();
  }

  async lock(path: string): Promise<FolderLock> {
    await Promise.resolve();
    return takeLock(this.#locks, path);
  }

  #get(path: string): GrowingContent {
    const content = this.#files.get(path);
    if (content === undefined) throw missing("open", path);
    return content;
  }

  #entry(path: string): GrowingContent {
    this.#requireFolder(path);
    let content = this.#files.get(path);
    if (content === undefined) {
      content = new GrowingContent();
      this.#files.set(path, content);
    }
    return content;
  }

  #requireFolder(path: string): void {
    if (!this.#folders.has(parentFolder(path))) throw missing("open", path);
  }
}

/** The error for a name that is not there. */
export function missing(verb: string, path: string): InsulaError {
  return new InsulaError("io_failed", `Cannot ${verb} "${path}": no such file or folder.`, {
    details: { systemCode: "ENOENT" },
  });
}

/** A folder lock among the users of one simulated machine. */
export function takeLock(locks: Set<string>, path: string): FolderLock {
  if (locks.has(path)) {
    throw new InsulaError(
      "data_folder_locked",
      `Cannot open the data folder "${path}": somebody else is using it.`,
      { details: { folder: path } },
    );
  }
  locks.add(path);
  let isHeld = true;
  return {
    release: () => {
      if (isHeld) locks.delete(path);
      isHeld = false;
      return Promise.resolve();
    },
  };
}

class MemoryFile implements WritableFile, SyncedFile {
  readonly path: string;
  readonly #content: GrowingContent;

  constructor(path: string, content: GrowingContent) {
    this.path = path;
    this.#content = content;
  }

  async write(position: number, source: Uint8Array): Promise<void> {
    await Promise.resolve();
    this.#content.write(position, source);
  }

  async sync(): Promise<void> {
    await Promise.resolve();
  }

  async writeAndSync(position: number, parts: readonly Uint8Array[]): Promise<void> {
    await Promise.resolve();
    let at = position;
    for (const part of parts) {
      this.#content.write(at, part);
      at += part.length;
    }
  }

  async close(): Promise<void> {
    await Promise.resolve();
  }
}
