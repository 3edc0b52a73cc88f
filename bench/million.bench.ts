/**
 * A million sleepers on one disk, kept both ways: as tenants of one collection and as collections
 * of one shard. Made and filled by the calls everybody has; sizes follow Zipf's law, and are the
 * same. Start, waking, writing, listing, policy, erasing, memory and files.
 *
 *   npm run bench:million -- --quick
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { ColdStarts } from "./million/cold-starts.ts";
import { CollectionsWay } from "./million/collections-way.ts";
import { fill, putBack } from "./million/fill.ts";
import { Figures, sideBySide } from "./million/figures.ts";
import { Sizes } from "./million/sizes.ts";
import { TenantsWay } from "./million/tenants-way.ts";
import type { Way } from "./million/way.ts";
import { EngineFolder } from "./support/engine-folder.ts";
import { openReport } from "./support/report.ts";
import { buildServer } from "./support/server-process.ts";

const report = openReport({
  path: "bench/million.bench.ts",
  purpose:
    "A million sleepers, as tenants and as collections: what they cost, how soon they answer.",
  example: "npm run bench:million -- --way collections --folder /mnt/disk/million",
  sizes: {
    tenants: { description: "of 1 KiB to 2 MiB, each way", full: 1_000_000, quick: 2_000 },
    large: { description: "of 1,000 × 384 besides", full: 200, quick: 20 },
    repetitions: { description: "cold starts, the median of them", full: 5, quick: 2 },
    samples: { description: "woken and written to, a tenth erased", full: 1_000, quick: 50 },
  },
  texts: {
    way: { description: "tenants, collections or both (default both)", placeholder: "way" },
    folder: { description: "keep the data here and use them again", placeholder: "path" },
  },
  remarks: ["To empty the page cache it must run as root; without, it says so and goes on.", ""],
});
const sizes = new Sizes(report);
const given = report.text("folder");

buildServer();
const measured = new Map<string, Figures>();
for (const way of waysOf(report.text("way") ?? "both")) {
  measured.set(way.name, await measure(way));
}
report.table(`${String(sizes.count)} sleepers`, sideBySide(measured));
report.finish();

function waysOf(word: string): readonly Way[] {
  const all: readonly Way[] = [new TenantsWay(), new CollectionsWay()];
  const ways = all.filter(({ name }) => word === "both" || word === name);
  if (ways.length > 0) return ways;
  process.stderr.write(`--way: expected tenants, collections or both, received ${word}.\n`);
  process.exit(2);
}

async function measure(way: Way): Promise<Figures> {
  const path = given === undefined ? undefined : join(given, way.name);
  if (path !== undefined) mkdirSync(path, { recursive: true });
  const folder = new EngineFolder(path);
  const figures = new Figures(report, way.name);
  try {
    await fill(way, { folder, sizes, figures });
    await new ColdStarts(way, { sizes, figures, report }).measure(folder.path);
    if (path !== undefined) await putBack(way, { folder, sizes });
  } finally {
    folder.remove();
  }
  return figures;
}
