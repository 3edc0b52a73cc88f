/**
 * Which files of a data folder are still in its mirror only. ON DISK: docs/formats/mirror.md.
 *
 * Two files: the list as the restore wrote it, and the paths that were removed since. What is here
 * already is seen by its name in the folder.
 */
import { InsulaError } from "../base/errors.ts";
import { parentFolder, type FileSystem, type SyncedFile } from "../io/index.ts";
import { FolderNames } from "./folder-names.ts";
import { MIRROR_FOLDER } from "./mirror-marker.ts";
import { decodePoint, encodePoint } from "./mirror-point.ts";
import { PLAIN_SEAL } from "./mirror-seal.ts";
import { MirrorState, type MirroredFile } from "./mirror-state.ts";

/** While it is there the folder is half a restore. */
export const RESTORING_PATH = "mirror/restoring";
const SOURCE_PATH = `${MIRROR_FOLDER}/source`;
const LIST_PATH = `${MIRROR_FOLDER}/remote`;
const GONE_PATH = `${MIRROR_FOLDER}/gone`;
/** It names no bytes of tenants, and no object that a listing of the store does not name. */
const OPENING = { seal: PLAIN_SEAL, purpose: "" };

export interface RemoteSource {
  /** A folder, or `s3://BUCKET/PREFIX`. */
  readonly target: string;
  readonly mirror: string;
  readonly isSealed: boolean;
}

/** @param remote nothing is written when it is empty. */
export async function writeRemote(
  files: FileSystem,
  source: RemoteSource,
  remote: ReadonlyMap<string, MirroredFile>,
): Promise<void> {
  if (remote.size === 0) return;
  const entries = Array.from(remote, ([path, { ranges }]) => ({ path, isWhole: true, ranges }));
  const head = { number: 0, atMs: 0, writer: "00000000", isSealed: false };
  const body = { files: entries, removed: [], freed: [] };
  await files.replaceWhole(LIST_PATH, await encodePoint(head, body, OPENING));
  await files.unlink(GONE_PATH);
  await files.replaceWhole(SOURCE_PATH, Buffer.from(`${JSON.stringify(source)}\n`, "utf8"));
}

/**
 * Where the rest of the folder's files are; undefined when all are here.
 *
 * @throws InsulaError `data_damaged` when a restore was cut off.
 */
export async function readRemoteSource(files: FileSystem): Promise<RemoteSource | undefined> {
  if (await files.exists(RESTORING_PATH)) {
    throw new InsulaError(
      "data_damaged",
      "Cannot open the data: a restore of this folder was cut off. Run the same " +
        "`insula restore` again, or remove the folder.",
    );
  }
  const bytes = await files.readWhole(SOURCE_PATH);
  return bytes && parseSource(bytes);
}

function parseSource(bytes: Uint8Array): RemoteSource {
  try {
    const value = JSON.parse(Buffer.from(bytes).toString("utf8")) as Record<string, unknown>;
    const { target, mirror, isSealed } = value;
    if (typeof target === "string" && typeof mirror === "string" && typeof isSealed === "boolean") {
      return { target, mirror, isSealed };
    }
  } catch {
    // Said below.
  }
  throw new InsulaError("data_damaged", `Cannot open the data: ${SOURCE_PATH} is damaged.`, {
    details: { file: SOURCE_PATH },
  });
}

/** Files that are in the mirror only, and the file that remembers which were removed. */
export class RemoteList {
  readonly #files: FileSystem;
  readonly #remote: Map<string, MirroredFile>;
  /** Of `#remote`. */
  readonly #names = new FolderNames();
  #gone: SyncedFile | undefined;
  #goneBytes: number;
  /** Paths are written down one after the other. */
  #lastNote: Promise<void> = Promise.resolve();

  private constructor(files: FileSystem, remote: Map<string, MirroredFile>, goneBytes: number) {
    this.#files = files;
    this.#remote = remote;
    for (const path of remote.keys()) this.#names.add(path);
    this.#goneBytes = goneBytes;
  }

  static async open(files: FileSystem): Promise<RemoteList> {
    const list = (await files.readWhole(LIST_PATH)) ?? new Uint8Array();
    const state = new MirrorState();
    state.apply(0, (await decodePoint(LIST_PATH, list, OPENING)).body);
    const remote = new Map(state.files);
    const gone = (await files.readWhole(GONE_PATH)) ?? new Uint8Array();
    const text = Buffer.from(gone).toString("utf8");
    const end = text.lastIndexOf("\n") + 1;
    for (const path of text.slice(0, end).split("\n")) remote.delete(path);
    const folders = new Set(Array.from(remote.keys(), parentFolder));
    for (const folder of folders) {
      for (const name of await files.listFolder(folder)) remote.delete(`${folder}/${name}`);
    }
    return new RemoteList(files, remote, end);
  }

  get size(): number {
    return this.#remote.size;
  }

  get(path: string): MirroredFile | undefined {
    return this.#remote.get(path);
  }

  /** Each once, and again when it was put off or could not be removed; in the order to fetch. */
  paths(): Iterable<string> {
    return this.#remote.keys();
  }

  /** Names directly inside a folder, of files and of folders with files. */
  namesIn(folder: string): ReadonlySet<string> {
    return this.#names.in(folder);
  }

  /** The file is here now. */
  arrived(path: string): void {
    if (this.#remote.delete(path)) this.#names.delete(path);
  }

  /** The file is the last to be fetched. */
  defer(path: string): void {
    const file = this.#remote.get(path);
    if (file === undefined) return;
    this.#remote.delete(path);
    this.#remote.set(path, file);
  }

  /** Nobody needs the file any more; durable when the promise resolves. */
  async remove(path: string): Promise<void> {
    const file = this.#remote.get(path);
    if (file === undefined) return;
    this.#remote.delete(path);
    this.#names.delete(path);
    const noting = this.#lastNote.then(() => this.#noteGone(path));
    this.#lastNote = noting.catch(() => undefined);
    try {
      await noting;
    } catch (error) {
      this.#remote.set(path, file);
      this.#names.add(path);
      throw error;
    }
  }

  async #noteGone(path: string): Promise<void> {
    const line = Buffer.from(`${path}\n`, "utf8");
    const file = this.#gone ?? (await this.#files.openSynced(GONE_PATH));
    this.#gone = file;
    try {
      await file.writeAndSync(this.#goneBytes, [line]);
    } catch (error) {
      // Opened again, and written over, by the next.
      this.#gone = undefined;
      await file.close().catch(() => undefined);
      throw error;
    }
    this.#goneBytes += line.length;
  }

  /** All files are here, durably: the folder needs the mirror no more. */
  async finish(): Promise<void> {
    await this.#lastNote;
    if (this.#remote.size > 0) return;
    await this.close();
    await this.#files.unlink(SOURCE_PATH);
    await this.#files.syncFolder(MIRROR_FOLDER);
    await this.#files.unlink(LIST_PATH);
    await this.#files.unlink(GONE_PATH);
  }

  async close(): Promise<void> {
    await this.#gone?.close();
    this.#gone = undefined;
  }
}
