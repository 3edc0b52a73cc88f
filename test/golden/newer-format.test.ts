/**
 * R-40, the other way round: bytes of a later version are refused by name, and nothing is changed.
 * The version in a golden folder is raised by one, with every checksum over it repaired.
 */
import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { isInsulaError } from "../../src/base/errors.ts";
import { describeCatalogRow } from "../../src/engine/catalog-text.ts";
import { openEngine, verifyFolder } from "../../src/engine/index.ts";
import { FolderObjectStore, MemoryFileSystem } from "../../src/io/index.ts";
import { tableRows } from "../../src/storage/index.ts";
import { askAll } from "./answers.ts";
import { filesOf, readFiles, toMemory, type Files } from "./files.ts";
import {
  raiseBackup,
  raiseFirstGroup,
  raiseFrames,
  raiseInverted,
  raiseLastGroup,
  raiseLogFooter,
  raiseLogHeader,
  raisePacked,
  raiseSegmentHeader,
  raiseSegmentTrailer,
  raiseSlotHeader,
  raiseTable,
  raiseWhole,
  type Raise,
} from "./raise.ts";
import { openKeys, optionsOf, type Variant } from "./story.ts";

/** Of the newest format: older ones are read, so their version says nothing of a later one. */
const NEWEST =
  readdirSync(import.meta.dirname)
    .filter((name) => /^format-\d+$/.test(name))
    .sort((a, b) => Number(a.slice(7)) - Number(b.slice(7)))
    .at(-1) ?? "";

function goldenFiles(variant: Variant, part: "data" | "backup"): Files {
  return readFiles(join(import.meta.dirname, NEWEST, variant, part));
}

/** The files with the version raised in one of them. */
function raised(files: Files, path: string, raise: Raise): Files {
  const bytes = files.get(path);
  if (bytes === undefined) throw new Error(`a file of the golden folder: ${path}`);
  const copy = Buffer.from(bytes);
  raise(copy);
  expect(copy.equals(bytes)).toBe(false);
  return new Map([...files, [path, new Uint8Array(copy)]]);
}

interface AtStart {
  readonly title: string;
  readonly variant: Variant;
  readonly path: string;
  readonly raise: Raise;
  /** What the refusal must name. */
  readonly named: string;
}

/** 3 is finished, 4 is not. */
const LOG = (file: 3 | 4): string => `log/000000000${String(file)}.log`;
const AT_START: readonly AtStart[] = [
  ...(["sealed", "plain"] as const).flatMap((variant): AtStart[] => [
    { title: "log file", path: LOG(4), raise: raiseLogHeader, named: "0000000004.log", variant },
    {
      title: "old log file",
      path: LOG(3),
      raise: raiseLogHeader,
      named: "0000000003.log",
      variant,
    },
    { title: "first group", path: LOG(4), raise: raiseFirstGroup, named: "log file 4", variant },
    { title: "last group", path: LOG(4), raise: raiseLastGroup, named: "log file 4", variant },
    {
      title: "footer of the log",
      path: LOG(3),
      raise: raiseLogFooter,
      named: "log file 3",
      variant,
    },
    { title: "manifest", path: "catalog/MANIFEST", raise: raiseWhole, named: "MANIFEST", variant },
    {
      title: "table",
      path: "catalog/0000000001.tbl",
      raise: raiseTable,
      named: "0000000001.tbl",
      variant,
    },
  ]),
  {
    title: "root key",
    path: "keys/root",
    raise: raiseWhole,
    named: "keys/root",
    variant: "sealed",
  },
  {
    title: "key slots",
    path: "keys/0000000001.slots",
    raise: raiseSlotHeader,
    named: "keys/0000000001.slots",
    variant: "sealed",
  },
];

async function digestsOf(files: MemoryFileSystem): Promise<ReadonlyMap<string, string>> {
  const digests = new Map<string, string>();
  for (const [path, bytes] of await filesOf(files)) {
    digests.set(path, createHash("sha256").update(bytes).digest("hex"));
  }
  return digests;
}

describe("a start", () => {
  it.each(AT_START)(
    "refuses a newer $title of a $variant folder and changes nothing",
    async ({ variant, path, raise, named }) => {
      const data = goldenFiles(variant, "data");
      // The manifest names a table by the checksum of its footer.
      const changed = raised(data, path, raise);
      const files = await toMemory(path.endsWith(".tbl") ? withFooterCrc(changed, path) : changed);
      const before = await digestsOf(files);
      await expect(openEngine(optionsOf(files, 90))).rejects.toMatchObject({
        code: "format_unsupported",
        message: expect.stringMatching(
          new RegExp(`${named.replace(".", "\\.")}.*: expected format 1, received 2\\.`),
        ) as string,
      });
      expect(await digestsOf(files)).toEqual(before);
      expect(await verifyText(files)).toContain("received 2");
      expect(await digestsOf(files)).toEqual(before);
    },
  );
});

function withFooterCrc(files: Files, path: string): Files {
  const crc = Buffer.from(files.get(path) ?? []).subarray(-4);
  return raised(files, "catalog/MANIFEST", (bytes) => {
    crc.copy(bytes, bytes.length - 8);
    raiseWhole(bytes);
    bytes.writeUInt32LE(bytes.readUInt32LE(4) - 2, 4);
    raiseWhole(bytes);
  });
}

/** What `verify` says of a folder. */
async function verifyText(files: MemoryFileSystem): Promise<string> {
  const { clock, random } = optionsOf(files, 91);
  try {
    const { damages } = await verifyFolder({ files, clock, random });
    return damages.map(({ message }) => message).join("\n");
  } catch (error) {
    if (isInsulaError(error)) return error.message;
    throw error;
  }
}

/** Hexadecimal uids that a tenant's bytes lie under, and the files. */
async function locateTenant(
  data: Files,
  tenant: string,
  kind: "segment" | "pack",
): Promise<readonly string[]> {
  const engine = await openEngine(optionsOf(await toMemory(data), 92));
  const place = { database: "library", collection: "books", tenant };
  const { extents } = await engine.locate(place);
  await engine.close();
  return extents.filter((extent) => extent.kind === kind).map(({ file }) => file);
}

interface OfTenant {
  readonly title: string;
  readonly variant: Variant;
  readonly tenant: string;
  readonly kind: "segment" | "pack";
  readonly raise: Raise;
  readonly message: RegExp;
}

const OF_TENANT: readonly OfTenant[] = [
  ...(["sealed", "plain"] as const).flatMap((variant): OfTenant[] => [
    {
      title: "segment",
      variant,
      tenant: "file",
      kind: "segment",
      raise: raiseSegmentTrailer,
      message: /segment [0-9a-f]{32}: expected format 1 or 2, received 3/,
    },
    {
      title: "segment in a pack",
      variant,
      tenant: "pack",
      kind: "pack",
      raise: raisePacked,
      message: /segment [0-9a-f]{32}: expected format 1 or 2, received 3/,
    },
  ]),
  {
    title: "inverted index",
    variant: "plain",
    tenant: "merged",
    kind: "segment",
    raise: raiseInverted,
    message: /the inverted index of segment [0-9a-f]{32}: expected format 1, received 2/,
  },
];

describe("a tenant", () => {
  it.each(OF_TENANT)(
    "with a newer $title in a $variant folder is refused alone, and is whole with its program",
    async ({ variant, tenant, kind, raise, message }) => {
      const data = goldenFiles(variant, "data");
      const [path = ""] = await locateTenant(data, tenant, kind);
      const changed = raised(data, path, raise);
      const files = await toMemory(changed);
      const engine = await openEngine(optionsOf(files, 93));
      const place = { database: "library", collection: "books", tenant };
      const filter = { kind: "equal", property: "shelf", value: "north" } as const;
      const include = { vectors: true, metadata: true };
      const refusal = { code: "format_unsupported", message: expect.stringMatching(message) };
      await expect(
        engine.list(place, { limit: 100, include, filter }).then(() => engine.count(place, filter)),
      ).rejects.toMatchObject(refusal);
      // Another's bytes, in no file that was changed.
      const sound =
        kind === "pack" ? { ...place, tenant: "merged" } : { ...place, tenant: "reset" };
      const found = await engine.list(sound, { limit: 100, include });
      expect(found.items).toHaveLength(await engine.count(sound));
      expect(found.items.length).toBeGreaterThan(2);
      expect(engine.stats().quarantinedShards).toBe(0);
      await engine.close();
      expect(await files.readWhole(path)).toEqual(changed.get(path));
      if (raise !== raiseInverted) expect(await verifyText(files)).toMatch(message);
      await files.replaceWhole(path, data.get(path) ?? new Uint8Array(0));
      const again = await openEngine(optionsOf(files, 94));
      const answers = await askAll(again);
      await again.close();
      const untouched = await openEngine(optionsOf(await toMemory(data), 95));
      expect(answers).toEqual(await askAll(untouched));
      await untouched.close();
    },
  );

  it("with newer frames in the log is refused, and they stay", async () => {
    const data = goldenFiles("plain", "data");
    const changed = raised(data, LOG(4), raiseFrames);
    const files = await toMemory(changed);
    const engine = await openEngine(optionsOf(files, 96));
    const refused: string[] = [];
    for (const tenant of ["file", "log", "merged", "mixed", "pack", "reset"]) {
      const place = { database: "library", collection: "books", tenant };
      const include = { vectors: true, metadata: true };
      await engine.list(place, { limit: 100, include }).catch((error: unknown) => {
        expect(error).toMatchObject({
          code: "format_unsupported",
          message: expect.stringMatching(
            /frame of the log: expected format 1, received 2/,
          ) as string,
        });
        refused.push(tenant);
      });
    }
    expect(refused).toContain("log");
    expect(refused).not.toContain("file");
    expect(engine.stats().quarantinedShards).toBe(0);
    await engine.close();
    expect(await files.readWhole(LOG(4))).toEqual(changed.get(LOG(4)));
  });
});

it("a newer header of a segment is told apart from damage by verify", async () => {
  const data = goldenFiles("sealed", "data");
  const [path = ""] = await locateTenant(data, "file", "segment");
  const files = await toMemory(raised(data, path, raiseSegmentHeader));
  expect(await verifyText(files)).toMatch(/segment [0-9a-f]{32}: expected format 1, received 2/);
});

it("a newer row of the catalogue is refused by its kind", async () => {
  const files = await toMemory(goldenFiles("sealed", "data"));
  const refused = new Set<string>();
  for await (const rows of tableRows(files, "catalog", 1)) {
    for (const { key, value } of rows) {
      const isVersioned = "dctnoqp".includes(key.slice(0, 1)) || key.startsWith("s");
      if (!isVersioned || value === null) continue;
      const newer = Uint8Array.from(value);
      newer[0] = 9;
      expect(() => describeCatalogRow(key, newer)).toThrow(
        /Cannot read an? \w+ row of the catalogue: expected format (1|1 or 2 or 3), received 9/,
      );
      refused.add(key.slice(0, 1));
    }
  }
  expect([...refused].sort().join("")).toMatch(/^cd.*st$/);
});

it("a newer access key is refused by its id and stays", async () => {
  const options = optionsOf(await toMemory(goldenFiles("sealed", "data")), 97);
  const engine = await openEngine(options);
  const [setting] = (await engine.listSettings({ prefix: "access-key/", limit: 1 })).items;
  const name = setting?.name ?? "";
  const row = Uint8Array.from(setting?.value ?? []);
  row[0] = 3;
  await engine.writeSetting(name, row);
  const keys = await openKeys(engine, options);
  const id = name.slice("access-key/".length);
  await expect(keys.findKey(id)).rejects.toMatchObject({
    code: "format_unsupported",
    message: expect.stringContaining(`access key ${id}: expected format`) as string,
  });
  expect(await engine.readSetting(name)).toEqual(row);
  await engine.close();
});

it("a newer backup is refused by its name, and nothing is restored", async () => {
  const backup = goldenFiles("plain", "backup");
  const path = [...backup.keys()].find((name) => name.startsWith("objects/manifests/")) ?? "";
  const store = await toMemory(raised(backup, path, raiseBackup));
  const files = new MemoryFileSystem();
  const engine = await openEngine({ ...optionsOf(files, 98), isSealing: false });
  await expect(engine.restore(new FolderObjectStore(store, "objects"))).rejects.toMatchObject({
    code: "format_unsupported",
    message: expect.stringMatching(
      /backup manifests\/\w+-\w+: expected format 1, received 2/,
    ) as string,
  });
  expect(engine.stats()).toMatchObject({ databaseCount: 0, collectionCount: 0 });
  await engine.close();
});
