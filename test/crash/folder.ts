/** A small data folder with everything in it, and what it answers when it is sound. */
import { isInsulaError } from "../../src/base/errors.ts";
import type { Engine, ShardExtent } from "../../src/engine/api.ts";
import { listFolderFiles, openEngine, type EngineOptions } from "../../src/engine/index.ts";
import {
  ManualClock,
  MemoryFileSystem,
  SeededRandom,
  type FileSystem,
} from "../../src/io/index.ts";
import type { Place, Schema } from "../../src/model/index.ts";

const DATABASE = "db";
const SCHEMA: Schema = {
  vectors: [{ name: "", dimension: 8, metric: "euclidean" }],
  identity: "key",
  unfilterable: ["text"],
};

/** Owners of what lies in which kind of file. */
export const PLACES: readonly Place[] = [
  ...["file", "pack", "log", "mixed"].map((tenant) => ({
    database: DATABASE,
    collection: "many",
    tenant,
  })),
  { database: DATABASE, collection: "alone" },
];

/** What a place says to a few questions; undefined for one that was refused as damaged. */
export type Answers = ReadonlyMap<string, string | undefined>;

export interface Folder {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly answers: Answers;
  /** The place whose bytes alone a file of segments or a pack's extent holds. */
  readonly owners: readonly {
    readonly file: string;
    readonly start: number;
    readonly end: number;
    readonly owner: string;
  }[];
  /** Everything that the engine says is a place's, its own key slot too; not what is shared. */
  readonly extents: ReadonlyMap<string, readonly ShardExtent[]>;
}

export function optionsOf(files: FileSystem, seed: number): EngineOptions {
  return {
    files,
    clock: new ManualClock(),
    random: new SeededRandom(seed),
    workerCount: 0,
    memoryBudget: 256 * 1024 * 1024,
    policy: { packedBytesMax: 8_192, residentRowsBytesMax: 2_048, residentRowsShare: 0 },
  };
}

/**
 * @param isKilled the folder as a kill leaves it, 50 ms after the last write; else closed well.
 */
export async function makeFolder(seed: number, isKilled: boolean): Promise<Folder> {
  const files = new MemoryFileSystem();
  const clock = new ManualClock();
  const engine = await openEngine({ ...optionsOf(files, seed), clock });
  await engine.createDatabase(DATABASE);
  await engine.createCollection(DATABASE, "many", { schema: SCHEMA, tenancy: "multi" });
  await engine.createCollection(DATABASE, "alone", { schema: SCHEMA });
  const [inFile, inPack, inLog, mixed, alone] = PLACES;
  for (const place of [inFile, alone]) await fill(engine, place, 0, 150);
  for (const place of [inPack, mixed]) await fill(engine, place, 0, 12);
  await engine.flush();
  await fill(engine, mixed, 6, 20);
  await fill(engine, inLog, 0, 9);
  clock.advance(60);
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
  const owners = await ownersOf(engine);
  const extents = await extentsOf(engine);
  let contents = await contentsOf(files);
  await engine.close();
  if (!isKilled) contents = await contentsOf(files);
  return { files: contents, answers: await answersOf(contents), owners, extents };
}

export async function copyOf(files: ReadonlyMap<string, Uint8Array>): Promise<MemoryFileSystem> {
  const copy = new MemoryFileSystem();
  for (const [path, bytes] of files) {
    await copy.makeFolder(path.slice(0, Math.max(0, path.lastIndexOf("/"))));
    const file = await copy.create(path);
    await file.write(0, bytes);
  }
  return copy;
}

/** Asks everything of a folder that may be damaged. @throws what is no clear error. */
export async function askFolder(files: FileSystem, seed: number): Promise<Answers | undefined> {
  let engine: Engine;
  try {
    engine = await openEngine(optionsOf(files, seed));
  } catch (error) {
    if (isClear(error)) return undefined;
    throw error;
  }
  const answers = new Map<string, string | undefined>();
  try {
    for (const place of PLACES) answers.set(nameOf(place), await askPlace(engine, place));
  } finally {
    await engine.close().catch((error: unknown) => {
      if (!isClear(error)) throw error;
    });
  }
  return answers;
}

export function nameOf({ collection, tenant }: Place): string {
  return tenant === undefined ? collection : `${collection}/${tenant}`;
}

async function answersOf(files: ReadonlyMap<string, Uint8Array>): Promise<Answers> {
  const answers = await askFolder(await copyOf(files), 99);
  if (answers === undefined) throw new Error("a sound folder opens");
  return answers;
}

async function askPlace(engine: Engine, place: Place): Promise<string | undefined> {
  const include = { vectors: true, metadata: true };
  const vector = Float32Array.of(3, 1, 4, 1, 5, 9, 2, 6);
  const filter = { kind: "equal", property: "team", value: "blue" } as const;
  const questions = [
    () => engine.query(place, { field: "", vector, topK: 5, include }).then(({ hits }) => hits),
    () =>
      engine.query(place, { field: "", vector, topK: 3, include, filter }).then(({ hits }) => hits),
    () => engine.count(place, filter),
    () => engine.count(place),
    () => engine.get(place, ["k003", "nothing"], include),
    () => engine.list(place, { limit: 1_000, include }),
  ];
  let answer = "";
  for (const ask of questions) {
    try {
      answer += print(await ask());
    } catch (error) {
      if (isClear(error)) return undefined;
      throw error;
    }
  }
  return answer;
}

function isClear(error: unknown): boolean {
  if (!isInsulaError(error)) return false;
  const isTold = ["data_loss", "failed_precondition"].includes(error.kind);
  // A master key is read as a setting.
  return (isTold || error.code === "setting_invalid") && error.message.length > 20;
}

function print(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) =>
    member instanceof Map
      ? [...(member as Map<string, unknown>)]
      : member instanceof Float32Array
        ? Buffer.from(member.buffer, member.byteOffset, member.byteLength).toString("hex")
        : member,
  );
}

async function fill(
  engine: Engine,
  place: Place | undefined,
  first: number,
  count: number,
): Promise<void> {
  if (place === undefined) throw new Error("a place of the folder");
  const numbers = Array.from({ length: count }, (_, i) => first + i);
  await engine.upsert(place, {
    keys: numbers.map((n) => `k${String(n).padStart(3, "0")}`),
    vectors: [
      {
        field: "",
        values: Float32Array.from(numbers.flatMap((n) => [n, 1, 2, n % 7, 4, 5, 6, n / 3])),
      },
    ],
    metadata: numbers.map((n) => ({
      n,
      team: n % 3 === 0 ? "blue" : "red",
      text: `record ${String(n)} of ${nameOf(place)}`,
    })),
  });
}

/** Who alone can be hurt where: live extents of segments, packs and the log. */
async function ownersOf(engine: Engine): Promise<Folder["owners"]> {
  const owners: Folder["owners"][number][] = [];
  for (const place of PLACES) {
    for (const { kind, file, offset, length, isLive } of (await engine.locate(place)).extents) {
      if (!isLive || !["segment", "pack", "log"].includes(kind)) continue;
      owners.push({ file, start: offset, end: offset + length, owner: nameOf(place) });
    }
  }
  return owners;
}

async function extentsOf(engine: Engine): Promise<Folder["extents"]> {
  const extents = new Map<string, readonly ShardExtent[]>();
  for (const place of PLACES) {
    const located = await engine.locate(place);
    const own = located.extents.filter(({ kind }) => !/catalogue|collection key/.test(kind));
    extents.set(nameOf(place), own);
  }
  return extents;
}

async function contentsOf(files: FileSystem): Promise<ReadonlyMap<string, Uint8Array>> {
  const contents = new Map<string, Uint8Array>();
  const listed = (await listFolderFiles(files)).map(({ file }) => file);
  const keys = (await files.listFolder("keys")).map((name) => `keys/${name}`);
  for (const path of [...listed, ...keys, "master-key"]) {
    const bytes = await files.readWhole(path);
    if (bytes !== undefined) contents.set(path, bytes);
  }
  return contents;
}
