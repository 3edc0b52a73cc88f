/**
 * Damage of every kind in every file of a small folder: flipped bits, blocks that landed elsewhere,
 * blocks that never landed, reads answered from another place. Each question is answered as before
 * or refused as damaged; where the bytes were one tenant's, all other tenants answer.
 *
 * `INSULA_FLIPS=2000` draws that many changes of each kind, `INSULA_SEED=7` starts from another
 * seed, `INSULA_FLIPS=all` flips every bit of every file.
 */
import { deepStrictEqual, ok } from "node:assert/strict";
import { beforeAll, describe, expect, it } from "vitest";
import {
  InterceptedFileSystem,
  SeededRandom,
  type FileSystem,
  readBy,
  type ReadableFile,
} from "../../src/io/index.ts";
import { askFolder, copyOf, makeFolder, type Answers, type Folder } from "./folder.ts";

const FLIPS = process.env["INSULA_FLIPS"] ?? "";
const IS_EVERY = FLIPS === "all";
const COUNT = IS_EVERY ? 0 : Number(FLIPS || 60);
const SEED = Number(process.env["INSULA_SEED"] ?? 1);

type Contents = ReadonlyMap<string, Uint8Array>;

interface Change {
  readonly name: string;
  readonly file: string;
  readonly start: number;
  readonly end: number;
  readonly bytes: Uint8Array;
}

const folders = new Map<string, Folder>();
let tally = { same: 0, refused: 0, notStarted: 0 };

beforeAll(async () => {
  folders.set("closed", await makeFolder(SEED, false));
  folders.set("killed", await makeFolder(SEED, true));
});

function folderOf(name: string): Folder {
  const folder = folders.get(name);
  if (folder === undefined) throw new Error("made before");
  return folder;
}

function changed(contents: Contents, { file, start, bytes }: Change): Contents {
  const copy = Uint8Array.from(contents.get(file) ?? []);
  copy.set(bytes, start);
  return new Map(contents).set(file, copy);
}

/** The only one who may be hurt; undefined where more than one may be. */
function ownerOf({ owners }: Folder, { file, start, end }: Change): string | undefined {
  if (!file.startsWith("seg/") && !file.startsWith("pack/")) return undefined;
  const hurt = owners.filter((one) => one.file === file && one.start < end && one.end > start);
  return hurt.length === 1 ? hurt[0]?.owner : undefined;
}

function judge(folder: Folder, change: Change, answers: Answers | undefined): void {
  const only = ownerOf(folder, change);
  const isOwn = change.file.startsWith("seg/") || change.file.startsWith("pack/");
  if (answers === undefined) {
    ok(!isOwn, `${change.name}: damage of a tenant does not stop the start`);
    tally.notStarted++;
    return;
  }
  let isSame = true;
  for (const [place, answer] of answers) {
    if (answer === undefined) {
      isSame = false;
      ok(only === undefined || only === place, `${change.name}: ${place} is not hurt by it`);
    } else {
      deepStrictEqual(answer, folder.answers.get(place), `${change.name}: ${place}`);
    }
  }
  if (isSame) tally.same++;
  else tally.refused++;
}

async function judgeChange(folder: Folder, change: Change): Promise<void> {
  const files = await copyOf(changed(folder.files, change));
  let answers: Answers | undefined;
  try {
    answers = await askFolder(files, SEED);
  } catch (error) {
    throw new Error(`${change.name}, seed ${String(SEED)}`, { cause: error });
  }
  judge(folder, change, answers);
}

function flipAt(contents: Contents, file: string, bit: number): Change {
  const start = bit >>> 3;
  const before = contents.get(file)?.[start] ?? 0;
  return {
    name: `bit ${String(bit & 7)} of byte ${String(start)} of ${file}`,
    file,
    start,
    end: start + 1,
    bytes: Uint8Array.of(before ^ (1 << (bit & 7))),
  };
}

/** Key files hold a thousand slots, a few in use: only the first bytes are worth a look. */
function bytesWorthALook(file: string, bytes: Uint8Array): number {
  return file.endsWith(".slots") ? Math.min(bytes.length, 640) : bytes.length;
}

function* flips(contents: Contents, random: SeededRandom): Iterable<Change> {
  const files = [...contents.keys()];
  if (IS_EVERY) {
    for (const [file, bytes] of contents) {
      for (let bit = 0; bit < bytesWorthALook(file, bytes) * 8; bit++) {
        yield flipAt(contents, file, bit);
      }
    }
  }
  // Each file as often as any other, whatever its size.
  for (let n = 0; n < COUNT; n++) {
    const file = files[n % files.length] ?? "";
    const bytes = contents.get(file) ?? new Uint8Array(1);
    yield flipAt(contents, file, random.below(bytesWorthALook(file, bytes) * 8));
  }
}

/** A block of one place written to another, or not written at all. */
function* misdirected(contents: Contents, random: SeededRandom): Iterable<Change> {
  const files = [...contents.keys()].filter((file) => file !== "master-key");
  for (let n = 0; n < (IS_EVERY ? 20_000 : COUNT); n++) {
    const [from, file] = [random.below(files.length), n % files.length].map((i) => files[i] ?? "");
    const source = contents.get(from ?? "") ?? new Uint8Array(1);
    const target = contents.get(file ?? "") ?? new Uint8Array(1);
    const length = Math.min([64, 512, 4_096, 65_536][random.below(4)] ?? 0, target.length);
    const grain = random.below(2) === 0 ? 512 : 8;
    const start = align(random.below(bytesWorthALook(file ?? "", target)), grain);
    const at = align(random.below(source.length), grain);
    const isLost = random.below(4) === 0;
    const block = isLost ? new Uint8Array(length) : source.slice(at, at + length);
    const bytes = block.subarray(0, Math.max(0, endOfProof(contents, file ?? "") - start));
    yield {
      name: `${String(bytes.length)} bytes at ${String(start)} of ${String(file)} ${isLost ? "lost" : `from ${String(at)} of ${String(from)}`}`,
      file: file ?? "",
      start,
      end: start + bytes.length,
      bytes,
    };
  }
}

/**
 * The last group of a log that was not closed proves that the one before it was synced. Without it
 * a group that never landed is a torn tail to whoever looks, so it stays.
 */
function endOfProof(contents: Contents, file: string): number {
  const bytes = contents.get(file) ?? new Uint8Array(0);
  const isFinished = Buffer.from(bytes.subarray(-4)).toString() === "FSNI";
  const newest = [...contents.keys()].filter((path) => path.startsWith("log/")).at(-1);
  return file === newest && !isFinished ? bytes.length - MARK_BYTES : bytes.length;
}

function align(value: number, grain: number): number {
  return value - (value % grain);
}

/** A group without frames. */
const MARK_BYTES = 92;
/** Reads that are right between two that are not. */
const RIGHT_READS = 4;

/** Answers some reads from another place of the file, or from another file. */
class AstrayFileSystem extends InterceptedFileSystem implements FileSystem {
  readonly #inner: FileSystem;
  readonly #random: SeededRandom;
  readonly #paths: readonly string[];
  #rightReads = 0;

  constructor(inner: FileSystem, paths: readonly string[], random: SeededRandom) {
    super(inner, ({ length }) => length);
    this.#inner = inner;
    this.#random = random;
    this.#paths = paths;
  }

  override async openRead(path: string): Promise<ReadableFile | undefined> {
    const file = await this.#inner.openRead(path);
    if (file === undefined) return undefined;
    return readBy(file, async (position, target) => {
      this.#rightReads++;
      const isRight = this.#rightReads < RIGHT_READS || this.#random.below(150) > 0;
      if (isRight) return file.read(position, target);
      this.#rightReads = 0;
      const size = await file.size();
      if (this.#random.below(2) === 0) return file.read(this.#random.below(size), target);
      const other = this.#paths[this.#random.below(this.#paths.length)] ?? path;
      const opened = await this.#inner.openRead(other);
      return (await opened?.read(position, target)) ?? 0;
    });
  }
}

describe.each(["closed", "killed"])("a folder that was %s", (state) => {
  it("answers rightly or not at all, whichever bit is flipped (R-21)", async () => {
    const folder = folderOf(state);
    tally = { same: 0, refused: 0, notStarted: 0 };
    for (const change of flips(folder.files, new SeededRandom(SEED))) {
      await judgeChange(folder, change);
    }
    expect(tally.refused).toBeGreaterThan(0);
    console.info(`bits flipped, ${state}:`, tally);
  });

  it("notices blocks that landed elsewhere or nowhere (R-22)", async () => {
    const folder = folderOf(state);
    tally = { same: 0, refused: 0, notStarted: 0 };
    for (const change of misdirected(folder.files, new SeededRandom(SEED + 1))) {
      await judgeChange(folder, change);
    }
    expect(tally.refused).toBeGreaterThan(0);
    console.info(`blocks misdirected, ${state}:`, tally);
  });

  it("notices reads that were answered from elsewhere (R-22)", async () => {
    const folder = folderOf(state);
    tally = { same: 0, refused: 0, notStarted: 0 };
    for (let n = 0; n < (IS_EVERY ? 2_000 : COUNT / 2); n++) {
      const seed = SEED * 100_000 + n;
      const copy = await copyOf(folder.files);
      const astray = new AstrayFileSystem(copy, [...folder.files.keys()], new SeededRandom(seed));
      const change = {
        name: `seed ${String(seed)}`,
        file: "",
        start: 0,
        end: 0,
        bytes: new Uint8Array(0),
      };
      judge(folder, change, await askFolder(astray, SEED));
    }
    console.info(`reads astray, ${state}:`, tally);
  });
});
