/** The file system of this machine below one root folder. */
import type { FileHandle } from "node:fs/promises";
import {
  access,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  statfs,
  truncate,
  unlink,
} from "node:fs/promises";
import { resolve as resolvePath } from "node:path";
import { assert } from "../../base/errors.ts";
import type {
  CreateOptions,
  DiskRoom,
  FileSystem,
  FolderLock,
  ReadableFile,
  SyncedFile,
  WritableFile,
} from "../file-system.ts";
import { replaceWholeThrough } from "../replace-whole.ts";
import { isMissing, systemCode, toIoError } from "../system-error.ts";
import { lockFolder } from "./folder-lock.ts";
import { LogThread } from "./log-thread.ts";
import { NodeReadableFile, NodeWritableFile } from "./open-file.ts";

/** Data belongs to one user of the machine. */
const FILE_MODE = 0o600;
const FOLDER_MODE = 0o700;

/**
 * Files are made with mode 0600, folders with 0700. All synced files share one log thread, which is
 * started with the first and ends with the last; neither it nor a lock keeps the process alive.
 */
export class NodeFileSystem implements FileSystem {
  readonly #root: string;
  readonly #logThread = new LogThread();

  /**
   * @param root folder that all paths are relative to; need not exist before {@link makeFolder}.
   */
  constructor(root: string) {
    this.#root = resolvePath(root);
  }

  /** Absolute path of the folder everything lies in. */
  get root(): string {
    return this.#root;
  }

  async openRead(path: string): Promise<ReadableFile | undefined> {
    try {
      return await NodeReadableFile.open(path, this.#locate(path));
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw toIoError(`open "${path}"`, error);
    }
  }

  async create(path: string, options?: CreateOptions): Promise<WritableFile> {
    return new NodeWritableFile(path, await this.#open(path, "w", options));
  }

  async openWrite(path: string): Promise<WritableFile> {
    return new NodeWritableFile(path, await this.#open(path, "r+"));
  }

  openSynced(path: string, options?: CreateOptions): Promise<SyncedFile> {
    return this.#logThread.open(path, this.#locate(path), options?.mode ?? FILE_MODE);
  }

  async readWhole(path: string): Promise<Uint8Array | undefined> {
    try {
      return await readFile(this.#locate(path));
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw toIoError(`read "${path}"`, error);
    }
  }

  replaceWhole(path: string, bytes: Uint8Array, options?: CreateOptions): Promise<void> {
    return replaceWholeThrough(this, path, bytes, options);
  }

  async exists(path: string): Promise<boolean> {
    try {
      await access(this.#locate(path));
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      throw toIoError(`look for "${path}"`, error);
    }
  }

  rename(source: string, target: string): Promise<void> {
    return this.#run(`rename "${source}" to "${target}"`, () =>
      rename(this.#locate(source), this.#locate(target)),
    );
  }

  truncate(path: string, length: number): Promise<void> {
    return this.#run(`cut off "${path}"`, () => truncate(this.#locate(path), length));
  }

  async unlink(path: string): Promise<void> {
    try {
      await unlink(this.#locate(path));
    } catch (error) {
      if (!isMissing(error)) throw toIoError(`remove "${path}"`, error);
    }
  }

  async makeFolder(path: string): Promise<void> {
    await this.#run(`make the folder "${path}"`, () =>
      mkdir(this.#locate(path), { recursive: true, mode: FOLDER_MODE }),
    );
  }

  async listFolder(path: string): Promise<readonly string[]> {
    try {
      return (await readdir(this.#locate(path))).sort();
    } catch (error) {
      if (isMissing(error)) return [];
      throw toIoError(`list the folder "${path}"`, error);
    }
  }

  async syncFolder(path: string): Promise<void> {
    await this.#run(`sync the folder "${path}"`, async () => {
      const handle = await openFolder(this.#locate(path));
      if (handle === undefined) return;
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
    });
  }

  async room(): Promise<DiskRoom | undefined> {
    try {
      const { bavail, blocks, bsize } = await statfs(this.#root);
      return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
    } catch (error) {
      throw toIoError("ask for the room on the disk", error);
    }
  }

  lock(path: string): Promise<FolderLock> {
    return lockFolder(this.#locate(path));
  }

  #locate(path: string): string {
    assert(!path.split("/").includes(".."), `the path "${path}" stays below the root`);
    return path === "" ? this.#root : `${this.#root}/${path}`;
  }

  async #open(path: string, flags: string, options?: CreateOptions): Promise<FileHandle> {
    try {
      return await open(this.#locate(path), flags, options?.mode ?? FILE_MODE);
    } catch (error) {
      throw toIoError(`open "${path}" for writing`, error);
    }
  }

  async #run(action: string, task: () => Promise<unknown>): Promise<void> {
    try {
      await task();
    } catch (error) {
      throw toIoError(action, error);
    }
  }
}

/** Undefined on Windows, which refuses to open a folder and writes names through by itself. */
async function openFolder(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, "r");
  } catch (error) {
    if (process.platform === "win32" && systemCode(error) === "EPERM") return undefined;
    throw error;
  }
}
