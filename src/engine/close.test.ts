import { expect, it } from "vitest";
import { FaultyFileSystem, ManualClock, MemoryFileSystem, SeededRandom } from "../io/index.ts";
import { openEngine, type EngineOptions } from "./index.ts";

const SCHEMA = {
  vectors: [{ name: "", dimension: 2, metric: "dot" }],
  identity: "key",
  unfilterable: [],
} as const;

it("a close that cannot write tells so and gives the folder back, with everything in the log", async () => {
  const disk = new MemoryFileSystem();
  const options: Omit<EngineOptions, "files"> = {
    clock: new ManualClock(),
    random: new SeededRandom(1),
    policy: { quietFlushBytesMin: 0, packedBytesMax: 0 },
    workerCount: 0,
  };
  const place = { database: "db", collection: "docs" };
  const first = await openEngine({ ...options, files: disk });
  await first.createDatabase("db");
  await first.createCollection("db", "docs", { schema: SCHEMA });
  await first.close();

  const bad = new FaultyFileSystem(disk, [
    { kinds: ["write"], path: "tmp/", nth: 1, count: Infinity, effect: "EIO" },
  ]);
  const second = await openEngine({ ...options, files: bad });
  const values = Float32Array.of(1, 2);
  await second.upsert(place, { keys: ["a"], vectors: [{ field: "", values }], metadata: [{}] });
  await expect(second.close()).rejects.toMatchObject({ code: "io_failed" });

  const third = await openEngine({ ...options, files: disk });
  expect(await third.count(place)).toBe(1);
  await third.close();
});
