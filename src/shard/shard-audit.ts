/**
 * Reads all that a shard has on disk for no other purpose than to know that it is sound: its key,
 * every chunk of its segments, its frames in the log. Wakes nothing and changes nothing.
 */
import { isInsulaError } from "../base/errors.ts";
import { Pace } from "../base/pace.ts";
import {
  logFilePath,
  packPath,
  verifySegment,
  type NodeLog,
  type SegmentSource,
} from "../storage/index.ts";
import { openStoredSegment } from "./segment-audit.ts";
import { segmentPath } from "./segment-path.ts";
import type { ShardContext } from "./shard-context.ts";
import { ShardSeal } from "./shard-seal.ts";
import {
  isRemote,
  writtenIdentity,
  type SegmentEntry,
  type ShardState,
  type TailExtent,
} from "./shard-state.ts";

export interface ShardAuditDoors extends Pick<ShardContext, "fileSystem" | "keys" | "random"> {
  readonly log: Pick<NodeLog, "read">;
  /** Waits until so many bytes may be read; its error ends the audit. */
  readonly pace: (bytes: number) => Promise<void>;
}

/** The first thing found that is not as it was written. */
export interface ShardDamage {
  /** Relative to the data folder; empty when no single file is meant. */
  readonly file: string;
  /** What is wrong, as a sentence. */
  readonly reason: string;
  /** What the shard's row must still name for this to be damage; undefined: its key. */
  readonly part: SegmentEntry | TailExtent | undefined;
}

/**
 * Undefined for a shard that is sound. Costs one read of its segments and its tail, held 1 MiB at a
 * time.
 *
 * @param state as it was at one moment; what is merged or flushed meanwhile may be missing, so
 *   compare {@link ShardDamage.part} with the row of now.
 * @throws InsulaError `io_failed` when something could not be read at all: nothing is known then.
 */
export async function auditShard(
  doors: ShardAuditDoors,
  state: ShardState,
): Promise<ShardDamage | undefined> {
  let seal: ShardSeal | undefined;
  const [segments, tail] = [[...state.segments], [...state.tail]];
  const keyDamage = await damageOf(async () => {
    const key = await doors.keys.keyOf(state);
    seal = key && new ShardSeal(state.uid, key, doors.random);
  });
  if (keyDamage !== undefined) return { file: "", reason: keyDamage, part: undefined };
  for (const entry of segments) {
    // What is in an object store was verified there before it counted, and is when it comes back.
    if (isRemote(entry)) continue;
    const reason = await damageOf(() => auditSegment(doors, { state, entry, seal }));
    if (reason !== undefined) return { file: fileOf(entry), reason, part: entry };
  }
  for (const extent of tail) {
    const reason = await damageOf(() => auditFrame(doors, extent, seal));
    if (reason === undefined) continue;
    return { file: logFilePath("log", extent.file), reason, part: extent };
  }
  return undefined;
}

/** True when the row still names what was found damaged. */
export function isStillNamed({ part }: ShardDamage, state: ShardState): boolean {
  if (part === undefined) return true;
  if ("uid" in part) {
    return state.segments.some(
      ({ uid, location }) =>
        Buffer.from(uid).equals(part.uid) && location.kind === part.location.kind,
    );
  }
  return state.tail.some(({ file, offset }) => file === part.file && offset === part.offset);
}

/** Where the bytes of a segment are: a file, or what the names of its objects begin with. */
export function fileOf({ location, uid }: SegmentEntry): string {
  if (location.kind === "remote") return location.prefix;
  return location.kind === "pack" ? packPath(location.pack) : segmentPath(uid);
}

interface AuditedSegment {
  readonly state: ShardState;
  readonly entry: SegmentEntry;
  readonly seal: ShardSeal | undefined;
}

async function auditSegment(
  { fileSystem, pace }: ShardAuditDoors,
  { state, entry, seal }: AuditedSegment,
): Promise<void> {
  const key = seal?.segmentKey(entry);
  const { source, close } = await openStoredSegment(fileSystem, { shard: state.uid, key }, entry);
  const paced: SegmentSource = {
    length: source.length,
    read: async (position, target) => {
      await pace(target.length);
      return source.read(position, target);
    },
  };
  const identity = { ...writtenIdentity(state.uid, entry), key };
  await verifySegment(paced, identity, new Pace(() => pace(0))).finally(close);
}

async function auditFrame(
  { log, pace }: ShardAuditDoors,
  extent: TailExtent,
  seal: ShardSeal | undefined,
): Promise<void> {
  await pace(extent.length);
  const stored = await log.read(extent);
  seal?.openFrame(extent.sequenceLast, stored);
}

async function damageOf(read: () => Promise<void>): Promise<string | undefined> {
  try {
    await read();
    return undefined;
  } catch (error) {
    if (isInsulaError(error) && error.code === "data_damaged") return error.message;
    throw error;
  }
}
