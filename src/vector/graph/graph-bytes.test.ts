import { createHash } from "node:crypto";
import { beforeAll, expect, it } from "vitest";
import type { SearchMemory } from "../search-memory.ts";
import type { GraphPlan } from "./build-layout.ts";
import { METRICS, clusteredRows, openBuild, openMemory } from "./graph-reference.contract.ts";

let memory: SearchMemory;
beforeAll(async () => {
  memory = await openMemory();
});

/** Before it is the version, behind it are the breadths that the recall check has chosen. */
const EFS_AT = 40;
/** The version when these were taken. */
const EARLY_VERSION = 1;
/** Of sections that were built before several threads could share a build. */
const BYTES_OF_ONE_THREAD = {
  cosine: "03c157abef79e0721c7fcb1e3709b632",
  dot: "58c8620b4491ce4eae90bc2c58917d85",
  euclidean: "e8dc50f0f7f2ee23818f363a2de207c9",
};

it("one thread builds the bytes it has always built, whatever was changed for several", () => {
  const found = Object.fromEntries(
    METRICS.map((metric) => {
      const plan: GraphPlan = {
        ...{ rowCount: 1_500, dimension: 40, metric },
        ...{ m: 16, efConstruction: 48, seed: 77 },
      };
      const { builder, extent } = openBuild(memory, plan, clusteredRows(9, 1_500, 40));
      builder.begin();
      while (builder.insert(100));
      const [header, lists] = builder.section();
      const hash = createHash("sha256").update(Uint32Array.of(EARLY_VERSION));
      hash.update(header.subarray(4, EFS_AT));
      hash.update(Uint8Array.from(lists));
      memory.arenas.free(extent);
      return [metric, hash.digest("hex").slice(0, 32)];
    }),
  );
  expect(found).toEqual(BYTES_OF_ONE_THREAD);
});
