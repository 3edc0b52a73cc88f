/** Reads a mirror: which there are, what one holds at a point, the bytes of its files. */
import { sha256 } from "../backup/index.ts";
import { InsulaError } from "../base/errors.ts";
import type { ObjectStore } from "../io/index.ts";
import {
  MIRROR_PREFIX,
  baseKey,
  baseOfKey,
  basePrefix,
  piecePrefix,
  pointKey,
  pointOfKey,
  pointPrefix,
} from "./mirror-keys.ts";
import { decodeHead, decodePoint, type PointHead, type PointSeal } from "./mirror-point.ts";
import { SEAL_PURPOSES } from "./mirror-seal.ts";
import { MirrorState, type Piece } from "./mirror-state.ts";
import { Turns } from "./turns.ts";

/** Keys of one listing. */
const LIST_KEYS = 1_000;
/** Points fetched at once. */
const POINTS_AT_ONCE = 8;

export interface LoadedMirror {
  readonly state: MirrorState;
  readonly bases: readonly BaseName[];
  /** Of the base it was read from. */
  readonly baseBytes: number;
  /** Of the points behind that. */
  readonly bytesSinceBase: number;
}

/** Ids, sorted. */
export async function listMirrors(store: ObjectStore): Promise<readonly string[]> {
  const keys = await listAll(store, MIRROR_PREFIX, "");
  return keys
    .map((key) => key.slice(MIRROR_PREFIX.length))
    .filter((id) => /^[0-9a-f]{32}$/.test(id));
}

/** Numbers of points behind `after`, ascending. */
export async function listPoints(
  store: ObjectStore,
  mirror: string,
  after: number,
): Promise<readonly number[]> {
  const start = after > 0 ? pointKey(mirror, after) : "";
  const keys = await listAll(store, pointPrefix(mirror), start);
  return keys.map((key) => pointOfKey(mirror, key)).filter((number) => number !== undefined);
}

export interface BaseName {
  readonly number: number;
  readonly atMs: number;
}

/** Oldest first. */
export async function listBases(store: ObjectStore, mirror: string): Promise<readonly BaseName[]> {
  const keys = await listAll(store, basePrefix(mirror), "");
  return keys.map((key) => baseOfKey(mirror, key)).filter((base) => base !== undefined);
}

/** The head of a point; undefined when there is none of that number. */
export async function readHead(
  store: ObjectStore,
  mirror: string,
  point: number,
): Promise<PointHead | undefined> {
  const key = pointKey(mirror, point);
  const bytes = await store.get(key);
  return bytes === undefined ? undefined : decodeHead(key, bytes);
}

/** The newest point there is, or undefined. */
export async function newestPoint(
  store: ObjectStore,
  mirror: string,
): Promise<PointHead | undefined> {
  const base = (await listBases(store, mirror)).at(-1)?.number ?? 0;
  const newest = (await listPoints(store, mirror, Math.max(0, base - 1))).at(-1);
  return newest === undefined ? undefined : readHead(store, mirror, newest);
}

/**
 * The newest point made by `atMs`.
 *
 * @throws InsulaError `backup_not_found` when the mirror does not reach back so far.
 */
export async function pointAt(
  store: ObjectStore,
  mirror: string,
  atMs: number,
): Promise<PointHead> {
  const bases = await listBases(store, mirror);
  const base = bases.filter((one) => one.atMs <= atMs).at(-1)?.number ?? 0;
  const points = await listPoints(store, mirror, Math.max(0, base - 1));
  let found: PointHead | undefined;
  // Points are in the order of time, so that half of what is left is out with each look.
  for (let low = 0, high = points.length; low < high;) {
    const middle = Math.floor((low + high) / 2);
    const head = await readHead(store, mirror, points[middle] ?? 0);
    // Removed since the listing: the oldest go first.
    if (head === undefined) low = middle + 1;
    else if (head.atMs <= atMs) {
      found = head;
      low = middle + 1;
    } else high = middle;
  }
  if (found !== undefined) return found;
  throw new InsulaError(
    "backup_not_found",
    `Cannot find a point of the mirror by ${printTime(atMs)}: it does not reach back so far.`,
  );
}

/**
 * @param turns absent where nothing else waits.
 * @throws InsulaError `data_damaged` when an object is missing or was changed.
 */
export async function loadMirror(
  { store, mirror, seal }: MirrorPlace,
  point: PointHead,
  turns: Turns = new Turns(),
): Promise<LoadedMirror> {
  const bases = await listBases(store, mirror);
  const base = bases.filter(({ number }) => number <= point.number).at(-1);
  const state = new MirrorState();
  let bytes = 0;
  if (base !== undefined) {
    const purpose = SEAL_PURPOSES.base(base.number);
    const key = baseKey(mirror, base.number, base.atMs);
    const object = await fetchWhole(store, key);
    const { head, body } = await decodePoint(key, object, { seal, purpose, turns });
    if (head.number !== base.number) throw misplaced(key);
    await state.applyInTurns(base.number, body, turns);
    state.addFreed(body.freed);
    bytes = object.length;
  }
  const baseBytes = bytes;
  const start = (base?.number ?? 0) + 1;
  for (let first = start; first <= point.number; first += POINTS_AT_ONCE) {
    const count = Math.min(POINTS_AT_ONCE, point.number - first + 1);
    const keys = Array.from({ length: count }, (_, i) => pointKey(mirror, first + i));
    const objects = await Promise.all(keys.map((key) => fetchWhole(store, key)));
    for (const [i, object] of objects.entries()) {
      const number = first + i;
      const key = keys[i] ?? "";
      const purpose = SEAL_PURPOSES.point(number);
      const { head, body } = await decodePoint(key, object, { seal, purpose, turns });
      if (head.number !== number) throw misplaced(key);
      await state.applyInTurns(number, body, turns);
      state.addFreed(body.freed);
      bytes += object.length;
    }
  }
  return { state, bases, baseBytes, bytesSinceBase: bytes - baseBytes };
}

export interface MirrorPlace {
  readonly store: ObjectStore;
  readonly mirror: string;
  readonly seal: PointSeal;
}

/** The plain bytes of a piece, checked. @throws InsulaError `data_damaged` */
export async function fetchPiece(
  { store, mirror, seal }: MirrorPlace,
  piece: Piece,
): Promise<Uint8Array> {
  const key = piecePrefix(mirror) + piece.name;
  const body = await fetchWhole(store, key);
  if (body.length !== piece.bytes || !sha256(body).equals(piece.sha256)) {
    throw new InsulaError(
      "data_damaged",
      `Cannot read the mirror: the bytes of object "${key}" are not those that were written.`,
      { details: { object: key } },
    );
  }
  return seal.open(body, SEAL_PURPOSES.piece(piece.name));
}

/** Keys with a prefix behind `after`. */
export async function listAll(
  store: ObjectStore,
  prefix: string,
  after: string,
): Promise<readonly string[]> {
  const all: string[] = [];
  for (let last = after; ;) {
    const keys = await store.list(prefix, {
      limit: LIST_KEYS,
      ...(last === "" ? {} : { after: last }),
    });
    all.push(...keys);
    last = keys.at(-1) ?? last;
    if (keys.length < LIST_KEYS) return all;
  }
}

async function fetchWhole(store: ObjectStore, key: string): Promise<Uint8Array> {
  const bytes = await store.get(key);
  if (bytes === undefined) throw missing(key);
  return bytes;
}

function printTime(ms: number): string {
  return new Date(ms).toISOString();
}

function misplaced(key: string): InsulaError {
  return new InsulaError(
    "data_damaged",
    `Cannot read the mirror: object "${key}" holds the bytes of another one.`,
    { details: { object: key } },
  );
}

function missing(key: string): InsulaError {
  return new InsulaError(
    "data_damaged",
    `Cannot read the mirror: object "${key}" is missing in the store.`,
    { details: { object: key } },
  );
}
