/** How many files this process may have open. */
import { readFileSync } from "node:fs";

/** The soft limit; undefined where the system does not tell (other than Linux). */
export function findHandleLimit(): number | undefined {
  try {
    const limits = readFileSync("/proc/self/limits", "utf8");
    const text = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
    return text === undefined ? undefined : Number(text);
  } catch {
    return undefined; // no such file on this system
  }
}
