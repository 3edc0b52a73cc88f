/** What it took to build a contender, measured once and kept beside its files. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { residentBytes, type Workshop } from "./contender.ts";

export interface BuildCost {
  readonly buildSeconds: number;
  readonly buildCpuSeconds: number;
  /** Growth of the process. */
  readonly memoryBytes: number;
}

const FILE = "build-cost.json";

/**
 * Builds, or takes what an earlier run left in the folder.
 *
 * @param save Leaves all that is needed to open it in the folder; what was built is not used
 *   afterwards.
 */
export async function keptBuild<Built>(
  { folder, tell }: Workshop,
  build: () => Promise<Built> | Built,
  save: (built: Built) => Promise<void> | void,
): Promise<BuildCost> {
  const path = join(folder, FILE);
  if (existsSync(path)) return JSON.parse(readFileSync(path, "utf8")) as BuildCost;
  const before = residentBytes();
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  const built = await build();
  const { user, system } = process.cpuUsage(cpu);
  const cost = {
    buildSeconds: (performance.now() - startedAt) / 1_000,
    buildCpuSeconds: (user + system) / 1e6,
    memoryBytes: residentBytes() - before,
  };
  await save(built);
  writeFileSync(path, JSON.stringify(cost));
  tell(`built in ${cost.buildSeconds.toFixed(0)} s`);
  return cost;
}
