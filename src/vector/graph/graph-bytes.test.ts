import { createHash } from "node:crypto";
import { beforeAll, expect, it } from "vitest";
import type { SearchMemory } from "../search-memory.ts";
import type { GraphPlan } from "./build-layout.ts";
import { METRICS, clusteredRows, openBuild, openMemory } from "./graph-reference.contract.ts";

let memory: SearchMemory;
beforeAll(async () => {
  memory = await openMemory();
});

/** Of sections that were built before several threads could share a build. */
const BYTES_OF_ONE_THREAD = {
  cosine: "b591390f43d240a6ff8f5fe96492c565",
  dot: "e6c976f3fe97f18fe7d855918bc05ce8",
  euclidean: "628063e4e50554ed309183cc1658e656",
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
      const hash = createHash("sha256");
      for (const piece of builder.section()) hash.update(Uint8Array.from(piece));
      memory.arenas.free(extent);
      return [metric, hash.digest("hex").slice(0, 32)];
    }),
  );
  expect(found).toEqual(BYTES_OF_ONE_THREAD);
});
