/**
 * An object store in a folder, over any file system: a mounted share as the durable tier, or tests.
 *
 * A key `a/b` is the file `a/b~`. Each part is percent-encoded, so that every key is a legal path;
 * the `~`, which encoding never yields, keeps the object `a` and the folder `a` apart.
 * Create-if-absent is atomic among the users of one process only: the folder belongs to one node at
 * a time.
 */
import { InsulaError } from "../../base/errors.ts";
import type { FileSystem } from "../file-system.ts";
import { pageOfKeys } from "../memory/object-store.ts";
import type { ByteRange, ObjectStore } from "../object-store.ts";
import { parentFolder } from "../replace-whole.ts";

const OBJECT_MARK = "~";
const EMPTY_PART = "%";
/** Bytes of one encoded part. Source: 255 for names on Linux, less the mark and `.tmp`. */
const PART_BYTES_MAX = 240;

export class FolderObjectStore implements ObjectStore {
  readonly #fileSystem: FileSystem;
  readonly #folder: string;
  /** The write of each key under way; the next one to that key waits for it. */
  readonly #writes = new Map<string, Promise<unknown>>();

  /** @param folder existing folder of the file system, used by this store alone. */
  constructor(fileSystem: FileSystem, folder: string) {
    this.#fileSystem = fileSystem;
    this.#folder = folder;
  }

  putIfAbsent(key: string, body: Uint8Array): Promise<boolean> {
    return this.#alone(key, async (path) => {
      if (await this.#fileSystem.exists(path)) return false;
      await this.#write(path, body);
      return true;
    });
  }

  put(key: string, body: Uint8Array): Promise<void> {
    return this.#alone(key, (path) => this.#write(path, body));
  }

  async get(key: string, range?: ByteRange): Promise<Uint8Array | undefined> {
    const path = this.#locate(key);
    if (range === undefined) return this.#fileSystem.readWhole(path);
    const file = await this.#fileSystem.openRead(path);
    if (file === undefined) return undefined;
    try {
      const length = Math.max(0, Math.min(range.length, (await file.size()) - range.start));
      const bytes = new Uint8Array(length);
      return bytes.subarray(0, await file.read(range.start, bytes));
    } finally {
      await file.close();
    }
  }

  async head(key: string): Promise<number | undefined> {
    const file = await this.#fileSystem.openRead(this.#locate(key));
    if (file === undefined) return undefined;
    try {
      return await file.size();
    } finally {
      await file.close();
    }
  }

  /** Walks the folders under the prefix; meant for thousands of objects, not for millions. */
  async list(
    prefix: string,
    options: { readonly after?: string; readonly limit: number },
  ): Promise<readonly string[]> {
    const slash = prefix.lastIndexOf("/");
    const keys: string[] = [];
    await this.#walk(slash < 0 ? "" : prefix.slice(0, slash + 1), keys);
    return pageOfKeys(keys, prefix, options);
  }

  delete(key: string): Promise<void> {
    return this.#alone(key, async (path) => {
      if (!(await this.#fileSystem.exists(path))) return;
      await this.#fileSystem.unlink(path);
      await this.#fileSystem.syncFolder(parentFolder(path));
    });
  }

  async #walk(keyFolder: string, keys: string[]): Promise<void> {
    const folder =
      this.#folder + keyFolder.split("/").slice(0, -1).map(encodePart).map(withSlash).join("");
    for (const name of await this.#fileSystem.listFolder(folder)) {
      if (name.endsWith(OBJECT_MARK)) keys.push(keyFolder + decodePart(name.slice(0, -1)));
      else if (!name.includes(OBJECT_MARK))
        await this.#walk(`${keyFolder}${decodePart(name)}/`, keys);
    }
  }

  async #write(path: string, body: Uint8Array): Promise<void> {
    const folders: string[] = [];
    let folder = parentFolder(path);
    while (folder !== this.#folder && !(await this.#fileSystem.exists(folder))) {
      folders.push(folder);
      folder = parentFolder(folder);
    }
    await this.#fileSystem.makeFolder(parentFolder(path));
    for (const made of folders.reverse()) await this.#fileSystem.syncFolder(parentFolder(made));
    await this.#fileSystem.replaceWhole(path, body);
  }

  async #alone<T>(key: string, task: (path: string) => Promise<T>): Promise<T> {
    const path = this.#locate(key);
    const before = this.#writes.get(path) ?? Promise.resolve();
    const current = before.then(
      () => task(path),
      () => task(path),
    );
    this.#writes.set(path, current);
    try {
      return await current;
    } finally {
      if (this.#writes.get(path) === current) this.#writes.delete(path);
    }
  }

  #locate(key: string): string {
    const parts = key.split("/").map(encodePart);
    return `${this.#folder}${parts.map(withSlash).join("")}${OBJECT_MARK}`;
  }
}

function withSlash(part: string): string {
  return `/${part}`;
}

function encodePart(part: string): string {
  if (part === "") return EMPTY_PART;
  const encoded = encodeURIComponent(part).replaceAll("~", "%7E").replaceAll(".", "%2E");
  if (encoded.length > PART_BYTES_MAX) {
    throw new InsulaError(
      "argument_invalid",
      `Cannot use the object key part "${part.slice(0, 40)}…": too long for a file name: expected ` +
        `at most ${String(PART_BYTES_MAX)} bytes encoded, received ${String(encoded.length)}.`,
    );
  }
  return encoded;
}

function decodePart(name: string): string {
  return name === EMPTY_PART ? "" : decodeURIComponent(name);
}
