/** A log for tests: opened on any file system, its frames read back as texts. */
import { type FileSystem, ManualClock, MemoryFileSystem, SeededRandom } from "../io/index.ts";
import type { LogPosition } from "./log-entry.ts";
import type { LogFrame } from "./log-group.ts";
import type { LogEntry } from "./log-recovery.ts";
import { NodeLog } from "./node-log.ts";

export const START: LogPosition = { file: 0, offset: 0 };
export const FIRST: string = "log/0000000001.log";

export function frameOf(n: number, payload: string, shard: number = n % 3): LogFrame {
  const half = payload.length >> 1;
  const parts = [payload.slice(0, half), payload.slice(half)].map((part) => Buffer.from(part));
  const uid = new Uint8Array(16).fill(shard + 1);
  return {
    shard: uid,
    kind: 7,
    isSealed: n % 2 === 1,
    sequenceFirst: n,
    sequenceLast: n + 2,
    netRows: 3 - n,
    netBytes: -n,
    parts,
  };
}

/** Lets everything happen that needs no time to pass. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export interface Opened {
  readonly log: NodeLog;
  readonly clock: ManualClock;
  readonly entries: LogEntry[];
  readonly texts: string[];
}

export async function open(
  fileSystem: FileSystem,
  options: { from?: LogPosition; fileBytesMax?: number; seed?: number } = {},
): Promise<Opened> {
  const clock = new ManualClock();
  const entries: LogEntry[] = [];
  const texts: string[] = [];
  const log = await NodeLog.open({
    fileSystem,
    folder: "log",
    clock,
    random: new SeededRandom(options.seed ?? 1),
    fileBytesMax: options.fileBytesMax ?? 1 << 20,
    from: options.from ?? START,
    visit: async (entry) => {
      entries.push(entry);
      texts.push(entry.isDamaged ? "damaged" : Buffer.from(await entry.payload()).toString());
    },
  });
  return { log, clock, entries, texts };
}

/**
 * Appends one by one, so that each frame is a group of its own; the log is left as a kill would.
 */
export async function writeOneByOne(
  fileSystem: FileSystem,
  texts: readonly string[],
): Promise<LogPosition[]> {
  const { log } = await open(fileSystem);
  const ends = [log.position];
  for (const [i, text] of texts.entries()) {
    await log.append(frameOf(i, text));
    ends.push(log.position);
  }
  return ends;
}

export async function fileSystemWith(path: string, bytes: Uint8Array): Promise<MemoryFileSystem> {
  const fileSystem = new MemoryFileSystem();
  await fileSystem.makeFolder("log");
  await fileSystem.replaceWhole(path, bytes);
  return fileSystem;
}

export async function bytesOf(fileSystem: FileSystem, path: string = FIRST): Promise<Uint8Array> {
  return (await fileSystem.readWhole(path)) ?? new Uint8Array(0);
}

export const WORDS: readonly string[] = ["alpha", "beta", "", "gamma and more", "delta"];
