/**
 * what a released version wrote is opened by this one. Each golden folder is copied, opened,
 * asked everything, verified, written to and opened again; its backup is restored.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Engine } from "../../src/engine/api.ts";
import {
  inspectFile,
  listFolderFiles,
  openEngine,
  verifyFolder,
  type InspectedFile,
} from "../../src/engine/index.ts";
import {
  FolderObjectStore,
  MemoryFileSystem,
  NodeFileSystem,
  type FileSystem,
} from "../../src/io/index.ts";
import type { Place } from "../../src/model/index.ts";
import { checkAgreement } from "../model/agreement.ts";
import { askAll, type Json } from "./answers.ts";
import { filesOf, readFiles, toMemory, writeFiles } from "./files.ts";
import { openKeys, optionsOf, tellStory, VARIANTS } from "./story.ts";

const FOLDERS = readdirSync(import.meta.dirname)
  .filter((name) => /^format-\d+$/.test(name))
  .flatMap((format) => VARIANTS.map((variant) => `${format}/${variant}`));

function pathOf(name: string, part = ""): string {
  return join(import.meta.dirname, name, part);
}

function expectedOf(name: string): { [name: string]: Json } {
  const text = readFileSync(pathOf(name, "expected.json"), "utf8");
  return JSON.parse(text) as { [name: string]: Json };
}

/** Every shard that may be asked. */
async function placesOf(engine: Engine): Promise<readonly Place[]> {
  const places: Place[] = [];
  const limit = 100;
  for (const { name: database } of (await engine.listDatabases({ limit })).items) {
    for (const collection of (await engine.listCollections(database, { limit })).items) {
      const parent = { database, collection: collection.name };
      if (collection.status === "disabled") continue;
      if (collection.tenancy === "single") places.push(parent);
      else {
        const { items } = await engine.listTenants(database, collection.name, { limit });
        places.push(...items.map(({ name: tenant }) => ({ ...parent, tenant })));
      }
    }
  }
  return places;
}

/** One more record in each shard, and one of them merged. */
async function writeEverywhere(engine: Engine): Promise<void> {
  for (const place of await placesOf(engine)) {
    const { schema } = (await engine.getCollection(place.database, place.collection)) ?? {};
    const vectors = (schema?.vectors ?? []).map(({ name: field, dimension }) => ({
      field,
      values: new Float32Array(dimension).fill(2),
    }));
    await engine.upsert(place, { keys: ["new"], vectors, metadata: [{ shelf: "north" }] });
    await engine.flush(place);
    await engine.compact(place);
  }
}

async function verify(files: FileSystem): Promise<readonly string[]> {
  const { clock, random } = optionsOf(files, 7);
  const { damages, shards } = await verifyFolder({ files, clock, random });
  expect(shards).toBeGreaterThan(0);
  return damages.map(({ file, message }) => `${file}: ${message}`);
}

async function inspectAll(files: FileSystem): Promise<readonly InspectedFile[]> {
  const { clock, random } = optionsOf(files, 7);
  const options = { files, clock, random, rowsMax: 1_000, isWithRecords: true };
  const listed = await listFolderFiles(files);
  return Promise.all(listed.map(({ file }) => inspectFile(file, options)));
}

describe.each(FOLDERS)("the golden folder %s", (name) => {
  it("answers what it answered when it was made, before and after a restart", async () => {
    const root = mkdtempSync(join(tmpdir(), "insula-golden-"));
    try {
      writeFiles(root, readFiles(pathOf(name, "data")));
      const files = new NodeFileSystem(root);
      expect(await verify(files)).toEqual([]);
      for (let life = 0; life < 2; life++) {
        const options = optionsOf(files, 50 + life);
        const engine = await openEngine(options);
        expect(await askAll(engine, await openKeys(engine, options))).toEqual(expectedOf(name));
        expect(engine.stats().quarantinedShards).toBe(0);
        await engine.close();
        expect(await verify(files)).toEqual([]);
      }
    } finally {
      rmSync(root, { recursive: true });
    }
  });

  it("takes writes, and has them with all the rest after a restart", async () => {
    const files = await toMemory(readFiles(pathOf(name, "data")));
    const before = await openEngine(optionsOf(files, 60));
    const counts = new Map<string, number>();
    for (const place of await placesOf(before)) {
      counts.set(JSON.stringify(place), await before.count(place));
    }
    await writeEverywhere(before);
    await before.close();
    const engine = await openEngine(optionsOf(files, 61));
    for (const place of await placesOf(engine)) {
      const { schema } = (await engine.getCollection(place.database, place.collection)) ?? {};
      if (schema === undefined) throw new Error("a collection of the listing");
      const records = await checkAgreement(engine, place, schema);
      expect(records.length).toBe((counts.get(JSON.stringify(place)) ?? 0) + 1);
    }
    await engine.close();
    expect(await verify(files)).toEqual([]);
  });

  it("has collections that create tenants and activate none, as they did then", async () => {
    const files = await toMemory(readFiles(pathOf(name, "data")));
    const engine = await openEngine(optionsOf(files, 60));
    const place = { database: "library", collection: "books", tenant: "pack" };
    expect(await engine.getCollection(place.database, place.collection)).toMatchObject({
      createsTenants: true,
      activatesTenants: false,
    });
    const { rowCount } = await engine.setTenantState(place, "INACTIVE");
    await expect(engine.count(place)).rejects.toMatchObject({ code: "tenant_not_active" });
    await engine.setTenantState(place, "ACTIVE");
    expect(await engine.count(place)).toBe(rowCount);
    await engine.close();
  });

  it("has a backup that brings everything back into an empty folder", async () => {
    const files = new MemoryFileSystem();
    const data = readFiles(pathOf(name, "data"));
    // The master key alone is what a person keeps beside a backup.
    const masterKey = data.get("master-key");
    if (masterKey !== undefined) await files.replaceWhole("master-key", masterKey);
    const options = { ...optionsOf(files, 70), isSealing: masterKey !== undefined };
    const engine = await openEngine(options);
    const store = await toMemory(readFiles(pathOf(name, "backup")));
    await engine.restore(new FolderObjectStore(store, "objects"));
    const { keys: _, ...expected } = expectedOf(name);
    expect(await askAll(engine)).toEqual(expected);
    await engine.close();
    expect(await verify(files)).toEqual([]);
  });

  it("shows each of its files to a person", async () => {
    const files = await toMemory(readFiles(pathOf(name, "data")));
    const kinds = (await inspectAll(files)).map(({ kind }) => kind);
    expect(new Set(kinds)).toEqual(new Set(["manifest", "table", "log", "pack", "segment"]));
  });
});

describe.each(VARIANTS)("the story of a golden folder, %s", (variant) => {
  it("leaves every kind of bytes that this version writes", async () => {
    const { data } = await tellStory(variant);
    const files = await toMemory(data);
    const inspected = await inspectAll(files);
    const factsOf = (kind: string): readonly InspectedFile["facts"][] =>
      inspected.filter((file) => file.kind === kind).map(({ facts }) => facts);
    const footers = factsOf("log").map(({ footer }) => footer !== "none");
    expect(new Set(footers)).toEqual(new Set([true, false]));
    const rowsOf = (kind: string, title: string): string =>
      JSON.stringify(
        inspected
          .filter((file) => file.kind === kind)
          .flatMap(({ parts }) => parts.filter((part) => part.title === title)),
      );
    const sections = rowsOf("segment", "sections");
    for (const section of ["records", "inverted", "deadRows"]) expect(sections).toContain(section);
    const frames = rowsOf("log", "frames");
    for (const frame of ["catalogue", "data", "reset"]) expect(frames).toContain(`"${frame}"`);
    expect(factsOf("segment").every(({ sealed }) => sealed === (variant === "sealed"))).toBe(true);
    const engine = await openEngine(optionsOf(files, 80));
    const kinds = new Set<string>();
    for (const place of await placesOf(engine)) {
      for (const { kind, isLive } of (await engine.locate(place)).extents) {
        if (isLive) kinds.add(kind);
      }
    }
    const keyKinds = variant === "sealed" ? ["key", "collection key"] : [];
    expect(kinds).toEqual(new Set(["segment", "pack", "log", "catalogue", ...keyKinds]));
    await engine.close();
  });

  it("is told twice with the same bytes", async () => {
    const [first, second] = [await tellStory(variant), await tellStory(variant)];
    expect(second.data).toEqual(first.data);
    expect(second.backup).toEqual(first.backup);
  });
});

it("a copy of a folder has all its bytes", async () => {
  for (const name of FOLDERS) {
    const files = readFiles(pathOf(name, "data"));
    expect(await filesOf(await toMemory(files))).toEqual(files);
  }
  expect(FOLDERS.length).toBeGreaterThan(0);
});
