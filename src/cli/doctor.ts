/**
 * What `insula doctor` looks at: judgements over facts, so that each can be tested without them.
 */
import type { MemoryBudget } from "../engine/index.ts";

export interface Finding {
  readonly name: string;
  readonly state: "ok" | "warning" | "failed";
  readonly message: string;
}

/** Bytes of free disk: below the first nothing is written soon, below the second look at it. */
const DISK_BYTES_MIN = 256 * 1024 ** 2;
const DISK_BYTES_WARNING = 2 * 1024 ** 3;
/** Files the engine keeps open at most, with room for the log and the catalogue. */
const ENGINE_FILES = 256;
/** Source: signatures of the vendors' protocols hold for 15 minutes. */
const CLOCK_MS_MAX = 2_000;
const MIB = 1_048_576;

export function judgeNode(version: string): Finding {
  const [major = 0, minor = 0] = version.replace(/^v/, "").split(".").map(Number);
  const isEnough = major > 20 || (major === 20 && minor >= 19);
  return finding("node", isEnough ? "ok" : "failed", `${version}, expected 20.19 or newer`);
}

/** @param budget  of the engine; @param limit  of container or machine, bytes. */
export function judgeMemory(budget: MemoryBudget, limit: number): Finding {
  const sources = {
    given: "as set",
    container: "half of the container",
    machine: "half of the machine",
  };
  const text = `budget ${mib(budget.bytes)} (${sources[budget.source]}) of ${mib(limit)}`;
  if (budget.bytes > limit) return finding("memory", "failed", `${text}: more than there is`);
  const isTight = budget.bytes > limit * 0.8;
  return finding("memory", isTight ? "warning" : "ok", isTight ? `${text}: little is left` : text);
}

/** @param limit  undefined where the system does not say. */
export function judgeHandles(limit: number | undefined, connectionsMax: number): Finding {
  if (limit === undefined) return finding("files", "ok", "the system names no limit");
  const wanted = ENGINE_FILES + connectionsMax;
  const text = `${String(limit)} may be open, ${String(wanted)} with all connections`;
  if (limit < ENGINE_FILES * 2) return finding("files", "failed", `${text}: raise ulimit -n`);
  return finding("files", limit < wanted ? "warning" : "ok", text);
}

export function judgeDisk(free: number): Finding {
  const text = `${mib(free)} free`;
  if (free < DISK_BYTES_MIN) return finding("disk", "failed", `${text}: writes will fail soon`);
  return finding("disk", free < DISK_BYTES_WARNING ? "warning" : "ok", text);
}

/** @param skewMs  time of a file just written minus the clock's; @param newestMs  of the folder. */
export function judgeClock(skewMs: number, newestMs: number, nowMs: number): Finding {
  if (newestMs > nowMs + CLOCK_MS_MAX) {
    const ahead = String(Math.round((newestMs - nowMs) / 1_000));
    return finding("clock", "failed", `a file of the folder is ${ahead} s in the future`);
  }
  const isNear = Math.abs(skewMs) <= CLOCK_MS_MAX;
  const text = `differs from the disk's by ${String(Math.round(Math.abs(skewMs) / 1_000))} s`;
  return finding("clock", isNear ? "ok" : "warning", text);
}

export interface FolderFacts {
  readonly path: string;
  readonly exists: boolean;
  readonly isWritable: boolean;
  /** Files that others may read and should not. */
  readonly exposed: readonly string[];
}

export function judgeFolder({ path, exists, isWritable, exposed }: FolderFacts): Finding {
  if (!exists && isWritable) return finding("folder", "ok", `${path} will be made`);
  if (!isWritable) return finding("folder", "failed", `${path} cannot be written to`);
  if (exposed.length > 0)
    return finding("folder", "failed", `others may read ${exposed.join(", ")}: chmod 600`);
  return finding("folder", "ok", path);
}

export type PortState = "free" | "ours" | "taken" | "off";

export function judgePort(port: number | "off", state: PortState): Finding {
  const texts = {
    free: "free",
    ours: "an Insula server answers there",
    taken: "taken by another program",
    off: "not used",
  };
  return finding("port", state === "taken" ? "failed" : "ok", `${String(port)}: ${texts[state]}`);
}

export function finding(name: string, state: Finding["state"], message: string): Finding {
  return { name, state, message };
}

function mib(bytes: number): string {
  return `${Math.floor(bytes / MIB).toLocaleString("en-US")} MiB`;
}
