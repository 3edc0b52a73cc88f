import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** Bytes of all files under a path, as they are on disk. */
export function folderBytes(path: string): number {
  const stat = statSync(path);
  if (!stat.isDirectory()) return Math.min(stat.size, stat.blocks * 512);
  return readdirSync(path).reduce((sum, name) => sum + folderBytes(join(path, name)), 0);
}
