/** What a figure must be read with: the machine, and the memory and files of a process. */
import { readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { cpus, loadavg, release, totalmem } from "node:os";
import { join } from "node:path";

const MIB = 1_048_576;

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGib: number;
  readonly system: string;
  readonly node: string;
  /** Of the last minute when the bench began: above 0.3 somebody else was measured too. */
  readonly loadBefore: number;
}

export function describeMachine(): Machine {
  const [first] = cpus();
  return {
    cpu: first?.model.trim() ?? "unknown",
    cores: cpus().length,
    memoryGib: Math.round(totalmem() / 1024 ** 3),
    system: `${process.platform} ${release()}`,
    node: process.version,
    loadBefore: Number((loadavg()[0] ?? 0).toFixed(2)),
  };
}

export interface ProcessMemory {
  /** What only this process holds and no file backs; shared arenas of WebAssembly count. */
  readonly anonymousMib: number;
  readonly residentMib: number;
  readonly peakResidentMib: number;
}

/** Zeroes where there is no /proc. */
export function readMemory(pid: number | "self" = "self"): ProcessMemory {
  try {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    return {
      anonymousMib: field(rollup, "Anonymous"),
      residentMib: field(rollup, "Rss"),
      peakResidentMib: field(status, "VmHWM"),
    };
  } catch {
    return { anonymousMib: 0, residentMib: 0, peakResidentMib: 0 };
  }
}

/** Ticks of /proc, which are the same on every Linux. */
const TICKS_PER_SECOND = 100;

/** Time of the processors that a process has had, ms, in steps of 10. 0 where there is no /proc. */
export function readCpuMs(pid: number): number {
  try {
    // The name of the program, in brackets, may hold anything.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
    return ((Number(fields[11]) + Number(fields[12])) * 1_000) / TICKS_PER_SECOND;
  } catch {
    return 0;
  }
}

/** Open descriptors of a process: files, sockets and pipes. */
export function countOpenFiles(pid: number | "self" = "self"): number {
  try {
    return readdirSync(`/proc/${pid}/fd`).length;
  } catch {
    return 0;
  }
}

function field(text: string, name: string): number {
  const kib = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1] ?? "0";
  return Number(((Number(kib) * 1_024) / MIB).toFixed(1));
}

export interface FolderSize {
  readonly mib: number;
  readonly files: number;
  readonly folders: number;
}

/** Bytes of files as allocated on the disk, and what is under a folder, which is not counted. */
export function measureFolder(folder: string): FolderSize {
  let bytes = 0;
  let files = 0;
  let folders = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) folders++;
    if (!entry.isFile()) continue;
    files++;
    bytes += statSync(join(entry.parentPath, entry.name)).blocks * 512;
  }
  return { mib: Number((bytes / MIB).toFixed(1)), files, folders };
}

/**
 * Writes dirty pages back and empties the page cache of the whole machine.
 *
 * @returns false when the system does not let us: then "cold" is only as cold as the process.
 */
export function dropPageCache(): boolean {
  spawnSync("sync");
  try {
    writeFileSync("/proc/sys/vm/drop_caches", "3");
    return true;
  } catch {
    return false;
  }
}
