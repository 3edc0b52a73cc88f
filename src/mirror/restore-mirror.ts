/**
 * Brings a data folder back from a mirror: names, log, catalogue and keys at once, segments and
 * packs when they are first needed, or all of them.
 */
import { InsulaError } from "../base/errors.ts";
import type { FileSystem, ObjectStore, Random } from "../io/index.ts";
import { MIRROR_FOLDER, writeMarker } from "./mirror-marker.ts";
import { secretPrefix } from "./mirror-keys.ts";
import {
  fetchPiece,
  listAll,
  listMirrors,
  loadMirror,
  newestPoint,
  pointAt,
  type MirrorPlace,
} from "./mirror-reader.ts";
import { SEAL_PURPOSES, mirrorSeal } from "./mirror-seal.ts";
import type { MirroredFile, MirrorState, Piece } from "./mirror-state.ts";
import { RESTORING_PATH, writeRemote } from "./remote-list.ts";
import { isPlainSecret } from "./secret-paths.ts";

/** Objects fetched at once: the time of a small one is the way to the store and back. */
const PIECES_AT_ONCE = 16;

export interface RestoreMirrorOptions {
  readonly store: ObjectStore;
  /** What the person wrote; a folder that fetches later finds the store by it. */
  readonly target: string;
  /** Rooted at the new data folder. */
  readonly files: FileSystem;
  readonly random: Random;
  /** Which of several in the store. */
  readonly mirror?: string;
  /** The newest point made by then; default the newest there is. */
  readonly atMs?: number;
  /** The key of the mirror, from the root file that is in it. Not asked when nothing is sealed. */
  readonly keyOf: (rootFile: Uint8Array, mirror: string) => Uint8Array;
  /** Everything is fetched before it ends. */
  readonly isWhole?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: { readonly bytes: number; readonly bytesTotal: number }) => void;
}

export interface RestoredMirror {
  readonly mirror: string;
  readonly point: number;
  /** When the data were in this state. */
  readonly atMs: number;
  readonly files: number;
  readonly bytes: number;
  /** Files and bytes that are fetched when they are needed. */
  readonly remoteFiles: number;
  readonly remoteBytes: number;
}

/**
 * A restore that is cut off leaves a folder that no engine opens; the same call begins again.
 *
 * @throws InsulaError `backup_not_found`, `master_key_wrong`, `data_damaged`, and
 *   `argument_invalid` when the folder holds data or the mirror must be named.
 */
export async function restoreMirror(options: RestoreMirrorOptions): Promise<RestoredMirror> {
  const { store, files, random } = options;
  const mirror = await chooseMirror(options);
  const head =
    options.atMs === undefined
      ? await newestPoint(store, mirror)
      : await pointAt(store, mirror, options.atMs);
  if (head === undefined) throw notFound(`mirror ${mirror} has no point yet`);
  const rootFile = await store.get(`${secretPrefix(mirror)}keys/root`);
  if (head.isSealed && rootFile === undefined) throw notFound("the root key is missing in it");
  const key = rootFile && options.keyOf(rootFile, mirror);
  const seal = mirrorSeal(head.isSealed ? key : undefined, random);
  const place = { store, mirror, seal };
  const { state } = await loadMirror(place, head);
  await beginRestore(files);
  const run = new RestoreRun(options, place, state);
  await run.bringSecrets();
  const summary = await run.bringFiles();
  const { number, atMs } = head;
  const source = { target: options.target, mirror, isSealed: head.isSealed };
  await writeRemote(files, source, run.remote);
  // Of no writer: the point behind this one is not this folder's, whoever made it.
  await writeMarker(files, { mirror, point: number, writer: "" });
  await files.unlink(RESTORING_PATH);
  await files.syncFolder(MIRROR_FOLDER);
  return { mirror, point: number, atMs, ...summary };
}

async function chooseMirror({ store, mirror }: RestoreMirrorOptions): Promise<string> {
  const found = await listMirrors(store);
  if (mirror !== undefined) {
    if (found.includes(mirror)) return mirror;
    throw notFound(`there is no mirror ${mirror} in the store`);
  }
  if (found.length === 1) return found[0] ?? "";
  const heads: string[] = [];
  const begun: string[] = [];
  for (const id of found) {
    const newest = await newestPoint(store, id);
    // One that has no point was begun by a life that did not reach the store again.
    if (newest === undefined) continue;
    begun.push(id);
    heads.push(`${id} (${new Date(newest.atMs).toISOString()})`);
  }
  const [only, ...others] = begun;
  if (only === undefined) throw notFound("the store holds none");
  if (others.length === 0) return only;
  throw new InsulaError(
    "argument_invalid",
    `Cannot choose a mirror: the store holds several; name one: ${heads.join(", ")}.`,
  );
}

/** From here on no engine opens the folder until everything is there. */
async function beginRestore(files: FileSystem): Promise<void> {
  if (await files.exists(RESTORING_PATH)) await clearFolder(files);
  else {
    for (const folder of ["log", "catalog", "keys", "seg", "pack"]) {
      if ((await files.listFolder(folder)).length === 0) continue;
      throw new InsulaError(
        "argument_invalid",
        `Cannot restore into this data folder: it holds data already (${folder}). Name an empty one.`,
      );
    }
  }
  await files.makeFolder(MIRROR_FOLDER);
  await files.replaceWhole(RESTORING_PATH, Buffer.from("A restore is under way.\n", "utf8"));
  await files.syncFolder("");
}

/** What a former try has left: it may have been of another point, whose log went on. */
async function clearFolder(files: FileSystem): Promise<void> {
  const segments = (await files.listFolder("seg")).map((name) => `seg/${name}`);
  for (const folder of ["log", "catalog", "tmp", "keys", "pack", MIRROR_FOLDER, ...segments]) {
    for (const name of await files.listFolder(folder)) {
      const path = `${folder}/${name}`;
      if (path !== RESTORING_PATH) await files.unlink(path);
    }
  }
}

class RestoreRun {
  /** What is fetched later. */
  readonly remote = new Map<string, MirroredFile>();
  readonly #options: RestoreMirrorOptions;
  readonly #place: MirrorPlace;
  readonly #state: MirrorState;

  constructor(options: RestoreMirrorOptions, place: MirrorPlace, state: MirrorState) {
    this.#options = options;
    this.#place = place;
    this.#state = state;
  }

  async bringSecrets(): Promise<void> {
    const { store, files, signal } = this.#options;
    const { mirror, seal } = this.#place;
    const prefix = secretPrefix(mirror);
    await files.makeFolder("keys");
    // One file for each thousand tenants: of a million it is as many as the log has pieces.
    await eachAtOnce(await listAll(store, prefix, ""), signal, async (key) => {
      const path = key.slice(prefix.length);
      const bytes = await store.get(key);
      // Erased between the listing and here.
      if (bytes === undefined) return;
      const plain = isPlainSecret(path) ? bytes : seal.open(bytes, SEAL_PURPOSES.secret(path));
      await files.replaceWhole(path, plain, { mode: 0o600 });
    });
    await files.syncFolder("keys");
    await files.syncFolder("");
  }

  async bringFiles(): Promise<Omit<RestoredMirror, "mirror" | "point" | "atMs">> {
    const { files, onProgress, isWhole = false } = this.#options;
    const now = new Map<string, MirroredFile>();
    for (const [path, file] of this.#state.files) {
      const isLater = !isWhole && isFetchedLater(path);
      (isLater ? this.remote : now).set(path, file);
    }
    const bytesTotal = sum(now);
    let bytes = 0;
    const folders = new Set<string>(["log", "catalog", "tmp", "seg", "pack"]);
    for (const path of now.keys()) folders.add(path.slice(0, path.lastIndexOf("/")));
    for (const folder of folders) await files.makeFolder(folder);
    // Empty first: pieces of one file arrive in any order, and a former try may have left more.
    for (const path of now.keys()) await (await files.create(path)).close();
    await eachPiece(now, this.#options.signal, async (piece, parts) => {
      const plain = await fetchPiece(this.#place, piece);
      for (const { path, position, offset, length } of parts) {
        await writeRange(files, path, { position, bytes: plain.subarray(offset, offset + length) });
        bytes += length;
        onProgress?.({ bytes, bytesTotal });
      }
    });
    await syncAll(files, now, folders);
    const { size: remoteFiles } = this.remote;
    return { files: now.size, bytes, remoteFiles, remoteBytes: sum(this.remote) };
  }
}

/** A tenant asleep needs none of them. */
function isFetchedLater(path: string): boolean {
  return path.startsWith("seg/") || path.startsWith("pack/");
}

function sum(files: ReadonlyMap<string, MirroredFile>): number {
  let total = 0;
  for (const { bytes } of files.values()) total += bytes;
  return total;
}

interface PiecePart {
  readonly path: string;
  /** In the file. */
  readonly position: number;
  /** In the piece. */
  readonly offset: number;
  readonly length: number;
}

/** Each piece once, whatever number of files has parts of it. */
async function eachPiece(
  files: ReadonlyMap<string, MirroredFile>,
  signal: AbortSignal | undefined,
  visit: (piece: Piece, parts: readonly PiecePart[]) => Promise<void>,
): Promise<void> {
  const pieces = new Map<string, { readonly piece: Piece; readonly parts: PiecePart[] }>();
  for (const [path, { ranges }] of files) {
    let position = 0;
    for (const { piece, offset, length } of ranges) {
      const found = pieces.get(piece.name) ?? { piece, parts: [] };
      found.parts.push({ path, position, offset, length });
      pieces.set(piece.name, found);
      position += length;
    }
  }
  await eachAtOnce(pieces.values(), signal, ({ piece, parts }) => visit(piece, parts));
}

/** Several at once; the first failure ends the work, and is thrown when nothing is under way. */
async function eachAtOnce<T>(
  items: Iterable<T>,
  signal: AbortSignal | undefined,
  visit: (item: T) => Promise<void>,
): Promise<void> {
  const waiting = items[Symbol.iterator]();
  const failures: unknown[] = [];
  const work = async (): Promise<void> => {
    for (let next = waiting.next(); next.done !== true; next = waiting.next()) {
      if (failures.length > 0) return;
      try {
        signal?.throwIfAborted();
        await visit(next.value);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  // All of them: nobody writes into the folder any more when a failure is told.
  await Promise.all(Array.from({ length: PIECES_AT_ONCE }, work));
  if (failures.length > 0) throw failures[0];
}

async function writeRange(
  files: FileSystem,
  path: string,
  { position, bytes }: { readonly position: number; readonly bytes: Uint8Array },
): Promise<void> {
  const file = await files.openWrite(path);
  try {
    await file.write(position, bytes);
  } finally {
    await file.close();
  }
}

async function syncAll(
  files: FileSystem,
  written: ReadonlyMap<string, MirroredFile>,
  folders: ReadonlySet<string>,
): Promise<void> {
  for (const path of written.keys()) {
    const file = await files.openWrite(path);
    try {
      await file.sync();
    } finally {
      await file.close();
    }
  }
  for (const folder of folders) await files.syncFolder(folder);
  await files.syncFolder("seg");
  await files.syncFolder("");
}

function notFound(reason: string): InsulaError {
  return new InsulaError("backup_not_found", `Cannot find the mirror: ${reason}.`);
}
