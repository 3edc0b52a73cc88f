import { beforeEach, describe, expect, it } from "vitest";
import {
  ManualClock,
  MemoryFileSystem,
  MemoryObjectStore,
  SeededRandom,
  type FileSystem,
} from "../io/index.ts";
import type { Place } from "../model/index.ts";
import type { Engine } from "./api.ts";
import { openEngine } from "./engine.ts";
import { inspectFile, listFolderFiles } from "./inspect-file.ts";
import type { InspectedFile } from "./inspected.ts";
import { verifyFolder, type FolderReport, type VerifiedShard } from "./verify-folder.ts";

const ACME: Place = { database: "d", collection: "many", tenant: "acme" };
const ZETA: Place = { database: "d", collection: "many", tenant: "zeta" };
const ALONE: Place = { database: "d", collection: "alone" };

let files: MemoryFileSystem;
let clock: ManualClock;
const random = new SeededRandom(7);

/** Rows with metadata enough for a segment of a few kilobytes. */
async function fill(engine: Engine, place: Place, count: number): Promise<void> {
  await engine.upsert(place, {
    keys: Array.from({ length: count }, (_, i) => `k${i}`),
    vectors: [{ field: "", values: new Float32Array(count * 2).fill(1) }],
    metadata: Array.from({ length: count }, (_, i) => ({ number: i, big: 2n ** 60n })),
  });
}

beforeEach(async () => {
  files = new MemoryFileSystem();
  clock = new ManualClock();
  const engine = await openEngine({
    files,
    clock,
    random: new SeededRandom(1),
    policy: { packedBytesMax: 8_192 },
  });
  await engine.createDatabase("d");
  const schema = {
    vectors: [{ name: "", dimension: 2, metric: "cosine" as const }],
    identity: "key" as const,
    unfilterable: [],
  };
  await engine.createCollection("d", "many", { schema, tenancy: "multi" });
  await engine.createCollection("d", "alone", { schema });
  await fill(engine, ACME, 20); // a pack
  await fill(engine, ALONE, 2_000); // a file of its own
  await engine.flush();
  await fill(engine, ZETA, 5); // the log
  await engine.close();
});

async function verify(
  from: FileSystem = files,
): Promise<FolderReport & { shards_: VerifiedShard[] }> {
  const shards: VerifiedShard[] = [];
  const report = await verifyFolder({
    files: from,
    clock,
    random,
    onShard: (shard) => shards.push(shard),
  });
  return { ...report, shards_: shards };
}

async function pathOf(folder: string): Promise<string> {
  const listed = await listFolderFiles(files);
  const largest = listed
    .filter(({ file }) => file.startsWith(`${folder}/`))
    .sort((a, b) => b.bytes - a.bytes)[0];
  return largest?.file ?? "";
}

/** Flips a bit of a file. @param at  from the end when negative. */
async function damage(path: string, at: number): Promise<void> {
  const bytes = (await files.readWhole(path)) ?? new Uint8Array();
  const place = at < 0 ? bytes.length + at : at;
  bytes[place] = (bytes[place] ?? 0) ^ 1;
  await files.replaceWhole(path, bytes);
}

async function content(): Promise<ReadonlyMap<string, string>> {
  const all = new Map<string, string>();
  for (const { file } of await listFolderFiles(files)) {
    all.set(file, Buffer.from((await files.readWhole(file)) ?? []).toString("base64"));
  }
  return all;
}

describe("verifying a folder", () => {
  it("finds nothing in a sound one, counts everything, and changes no byte", async () => {
    const before = await content();
    const report = await verify();
    expect(report.damages).toEqual([]);
    expect(report).toMatchObject({ shards: 3, segments: { count: 2 }, packs: { entries: 1 } });
    expect(
      report.shards_.map(({ collection, tenant, records }) => [collection, tenant, records]),
    ).toEqual([
      ["alone", undefined, 2_000],
      ["many", "acme", 20],
      ["many", "zeta", 5],
    ]);
    expect(await content()).toEqual(before);
  });

  it("names the collection whose segment is damaged, and reads the others", async () => {
    await damage(await pathOf("seg"), 5_000);
    const { damages, shards } = await verify();
    expect(shards).toBe(3);
    expect(damages).toHaveLength(1);
    expect(damages[0]?.owner).toEqual({ database: "d", collection: "alone" });
    expect(damages[0]?.message).toContain("chunk");
  });

  it("names the tenant whose part of a pack is damaged, once", async () => {
    await damage(await pathOf("pack"), 200);
    const { damages } = await verify();
    expect(damages.map(({ owner }) => owner?.tenant)).toEqual(["acme"]);
  });

  it("names the tenant whose frame in the log is damaged", async () => {
    const log = await inspectFile(await pathOf("log"), {
      files,
      clock,
      random,
      rowsMax: 99,
      isWithRecords: false,
    });
    const frame = log.parts[1]?.rows.findLast((row) => row["kind"] === "data");
    await damage(log.file, Number(frame?.["offset"]) + 10);
    const { damages, shards_ } = await verify();
    expect(damages.map(({ owner }) => owner?.tenant)).toEqual(["zeta"]);
    expect(shards_.at(-1)).toMatchObject({ tenant: "zeta", damages: 1 });
  });

  it("names the file of keys that is damaged, and reads everything with the keys it has", async () => {
    await damage("keys/0000000001.slots", 64 + 1_000 * 64);
    const { damages, shards_ } = await verify();
    expect(damages).toEqual([
      {
        file: "keys/0000000001.slots",
        owner: undefined,
        message: expect.stringMatching(/1 of its slots .* the first is slot 1001/) as string,
      },
    ]);
    expect(shards_.every((shard) => shard.damages === 0)).toBe(true);
  });

  it("finds a segment that is gone", async () => {
    await files.unlink(await pathOf("seg"));
    const { damages } = await verify();
    expect(damages.map(({ owner }) => owner?.collection)).toEqual(["alone"]);
  });

  it.each([
    ["catalog", 20, "catalog/"],
    ["log", 10, "log"],
  ])("goes on when %s itself is damaged", async (folder, at, file) => {
    await damage(await pathOf(folder), at);
    const { damages } = await verify();
    expect(damages.length).toBeGreaterThan(0);
    expect(damages.some((found) => found.file.startsWith(file) && found.owner === undefined)).toBe(
      true,
    );
  });

  it("finds nothing wrong with a folder that has nothing", async () => {
    expect(await verify(new MemoryFileSystem())).toMatchObject({ shards: 0, damages: [] });
  });
});

describe("inspecting a file", () => {
  const options = { rowsMax: 3, isWithRecords: true };
  const inspect = async (folder: string): Promise<InspectedFile> =>
    inspectFile(await pathOf(folder), { files, clock, random, ...options });

  it("shows the sections and records of a segment", async () => {
    const { kind, facts, parts } = await inspect("seg");
    expect(kind).toBe("segment");
    expect(facts["rows"]).toBe(2_000);
    expect(parts[0]?.rows.map((row) => row["section"])).toContain("vectors");
    expect(parts[1]).toMatchObject({ title: "records", isCut: true });
    expect(parts[1]?.rows[0]).toEqual({
      key: "k0",
      metadata: '{"number":0,"big":"1152921504606846976"}',
    });
  });

  it("shows a sealed segment that was copied, restored, or whose first owner is gone", async () => {
    const source = { database: "d", collection: "many", tenant: "acme" };
    const engine = await openEngine({
      ...{ files, clock, random: new SeededRandom(2) },
      policy: { packedBytesMax: 0 },
    });
    await fill(engine, ACME, 300);
    await engine.flush(ACME);
    await engine.copyTenant(source, { ...source, tenant: "copy" });
    const store = new MemoryObjectStore();
    await engine.backup(store);
    await engine.restore(store, { ...source, as: { tenant: "back" } });
    await engine.deleteTenant(source);
    const paths: string[] = [];
    for (const tenant of ["copy", "back"]) {
      const { extents } = await engine.locate({ ...ACME, tenant });
      paths.push(...extents.flatMap(({ kind, file }) => (kind === "segment" ? [file] : [])));
    }
    await engine.close();
    expect(paths.length).toBeGreaterThanOrEqual(2);
    for (const path of paths) {
      const { facts, parts } = await inspectFile(path, { files, clock, random, ...options });
      expect(facts).toMatchObject({ sealed: true });
      expect(parts[1]?.rows[0]).toHaveProperty("metadata");
    }
  });

  it("shows entries of packs, rows of tables, groups of the log and the manifest", async () => {
    expect((await inspect("pack")).parts[0]?.rows[0]).toMatchObject({ state: "sound" });
    expect((await inspect("log")).parts.map(({ title }) => title)).toEqual(["groups", "frames"]);
    const table = await inspect("catalog");
    expect(table.parts[0]?.rows[0]).toHaveProperty("kind");
    const manifest = await inspectFile("catalog/MANIFEST", { files, clock, random, ...options });
    expect(Number(manifest.facts["tables"])).toBeGreaterThan(0);
  });

  it.each(["admin-secret", "../x", "seg", "log/0000000099.log", "pack/0000000099.pack"])(
    "refuses %s",
    async (path) => {
      await expect(inspectFile(path, { files, clock, random, ...options })).rejects.toMatchObject({
        code: "argument_invalid",
      });
    },
  );

  it("says of a damaged segment what is wrong with it", async () => {
    const path = await pathOf("seg");
    await damage(path, -1);
    await expect(inspectFile(path, { files, clock, random, ...options })).rejects.toMatchObject({
      code: "data_damaged",
    });
  });
});
