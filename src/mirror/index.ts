/**
 * The room of the mirror: a second copy of a data folder in an object store, seconds behind, and
 * the way back from it.
 *
 * What for. {@link Mirror} copies what is new of log, catalogue, segments, packs and keys to a
 * store, and says with one small object, a *point*, that together they are the folder at one
 * moment. {@link restoreMirror} makes a data folder of a point; {@link LazyFileSystem} lets it be
 * used before its segments have arrived. What not: it knows neither tenants nor what the files
 * mean; the engine says which bytes count (`MirrorSource`).
 *
 * Invariants.
 * - A point names bytes that are in the store already, and is created if absent: it is there as a
 *   whole or not at all, and two machines never write the same one.
 * - The files of a point are a state that a crash could have left: the catalogue's manifest, the
 *   log to its durable end, and everything those name, taken in one turn.
 * - Keys are objects that are replaced: what was erased is erased here, too, whatever point is
 *   restored.
 *
 * On disk: docs/formats/mirror.md. Sources: log shipping as in PostgreSQL (continuous archiving) and
 * Litestream (generations, snapshots and segments in an object store).
 */
export { describeMirrors, type MirrorDescription } from "./describe-mirrors.ts";
export { LazyFileSystem } from "./lazy-file-system.ts";
export { Mirror, type MirrorFigures } from "./mirror.ts";
export type { FolderImage, MirrorSource } from "./mirror-source.ts";
export type { MirrorPlace } from "./mirror-reader.ts";
export { mirrorKeyName, mirrorSeal } from "./mirror-seal.ts";
export { readRemoteSource, type RemoteSource } from "./remote-list.ts";
export { restoreMirror, type RestoredMirror, type RestoreMirrorOptions } from "./restore-mirror.ts";
