/**
 * One life's connection to its mirror: what the store has, and what has been sent beside it.
 *
 * A folder and a mirror belong together by a marker in the folder. When the newest point is not the
 * one that the marker tells of, another machine has gone on from the same data: nothing is written
 * then, since points of two histories in one mirror would be neither.
 */
import { toHex } from "../base/brands.ts";
import { InsulaError } from "../base/errors.ts";
import type { Clock, FileSystem, ObjectStore, Random } from "../io/index.ts";
import { mirrorKey, secretPrefix } from "./mirror-keys.ts";
import { readMarker, writeMarker, MIRROR_FOLDER, type MirrorMarker } from "./mirror-marker.ts";
import type { PointHead, PointSeal } from "./mirror-point.ts";
import { listAll, loadMirror, newestPoint, type LoadedMirror } from "./mirror-reader.ts";
import { mirrorSeal } from "./mirror-seal.ts";
import { MirrorState } from "./mirror-state.ts";
import { Turns } from "./turns.ts";

const ID_BYTES = 16;
const WRITER_BYTES = 4;

export interface SessionDoors {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly random: Random;
  /** Rooted at the data folder. */
  readonly fileSystem: FileSystem;
  /** The key of a mirror by its id; undefined when the folder has no keys. */
  readonly keyOf: ((mirror: string) => Uint8Array) | undefined;
  /** Aborted when neither folder nor store may be written any more. */
  readonly signal: AbortSignal;
}

export interface MirrorSession extends LoadedMirror {
  readonly mirror: string;
  readonly writer: string;
  readonly seal: PointSeal;
  /** Undefined before the first point. */
  readonly newest: PointHead | undefined;
  /** Paths of secrets that the store has, in some state. */
  readonly secrets: ReadonlySet<string>;
}

/** @throws InsulaError `mirror_taken`, and what the store throws. */
export async function openSession(doors: SessionDoors): Promise<MirrorSession> {
  const { fileSystem, random, store } = doors;
  const marker = await readMarker(fileSystem);
  const newest = marker && (await newestPoint(store, marker.mirror));
  // A store that has lost the mirror, or never had it, gets a new one.
  const isLost = marker === undefined || (newest?.number ?? 0) < marker.point;
  const writer = toHex(random.bytes(WRITER_BYTES));
  if (isLost) return makeMirror(doors, writer);
  const isOwn =
    newest === undefined ||
    newest.number === marker.point ||
    (newest.number === marker.point + 1 && newest.writer === marker.writer);
  if (!isOwn) throw mirrorTaken(marker.mirror);
  // What is plain stays plain: objects of a mirror are sealed all or none.
  const isSealed = doors.keyOf !== undefined;
  if (newest !== undefined && newest.isSealed !== isSealed) return makeMirror(doors, writer);
  const seal = mirrorSeal(doors.keyOf?.(marker.mirror), random);
  const place = { store, seal, mirror: marker.mirror };
  const loaded =
    newest === undefined ? EMPTY() : await loadMirror(place, newest, new Turns(doors.clock));
  const point = newest?.number ?? 0;
  doors.signal.throwIfAborted();
  await writeMarker(fileSystem, { mirror: marker.mirror, point, writer });
  const prefix = secretPrefix(marker.mirror);
  const keys = await listAll(store, prefix, "");
  const secrets = new Set(keys.map((key) => key.slice(prefix.length)));
  return { ...loaded, mirror: marker.mirror, writer, seal, newest, secrets };
}

const EMPTY = (): LoadedMirror => ({
  state: new MirrorState(),
  bases: [],
  baseBytes: 0,
  bytesSinceBase: 0,
});

async function makeMirror(doors: SessionDoors, writer: string): Promise<MirrorSession> {
  const { fileSystem, random, store } = doors;
  const mirror = toHex(random.bytes(ID_BYTES));
  await fileSystem.makeFolder(MIRROR_FOLDER);
  await fileSystem.syncFolder("");
  await store.put(mirrorKey(mirror), Buffer.from("{}\n", "utf8"));
  doors.signal.throwIfAborted();
  await writeMarker(fileSystem, { mirror, point: 0, writer });
  const seal = mirrorSeal(doors.keyOf?.(mirror), random);
  return { ...EMPTY(), mirror, writer, seal, newest: undefined, secrets: new Set() };
}

/** @throws InsulaError `mirror_taken` */
export function mirrorTaken(mirror: MirrorMarker["mirror"]): InsulaError {
  return new InsulaError(
    "mirror_taken",
    `Cannot write to mirror ${mirror}: another machine has gone on with it from the same data. ` +
      "Nothing is copied any more. Stop one of the two, or give this one another mirrorTo and " +
      "remove mirror/marker from its data folder.",
    { details: { mirror } },
  );
}
