import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { crc32 } from "../base/crc32.ts";
import { CountingFileSystem, MemoryFileSystem } from "../io/index.ts";
import type { LogFrame } from "./log-group.ts";
import { LOG_COMMIT_MARK_MS } from "./node-log.ts";
import {
  START,
  FIRST,
  WORDS,
  frameOf,
  turn,
  open,
  writeOneByOne,
  fileSystemWith,
  bytesOf,
} from "./node-log-fixture.contract.ts";

describe("NodeLog", () => {
  it("gives back after a kill what was appended, in order, with everything it was told", async () => {
    const fileSystem = new MemoryFileSystem();
    await writeOneByOne(fileSystem, WORDS);
    const { entries, texts, log } = await open(fileSystem);
    expect(texts).toEqual(WORDS);
    const { payload, ...second } = entries[1] ?? {};
    expect(second).toEqual({
      shard: new Uint8Array(16).fill(2),
      kind: 7,
      isSealed: true,
      isMoved: false,
      sequenceFirst: 1,
      sequenceLast: 3,
      netRows: 2,
      netBytes: -1,
      isDamaged: false,
      extent: expect.objectContaining({
        file: 1,
        length: 4,
        crc: crc32(Buffer.from("beta")),
      }) as unknown,
    });
    expect(Buffer.from((await payload?.()) ?? []).toString()).toBe("beta");
    expect(log.recovery).toEqual({ files: 1, groups: 5, frames: 5, damagedFrames: 0, cutBytes: 0 });
  });

  it("keeps frames of any size and any number across many lives and files", async () => {
    const sizes = fc.array(fc.array(fc.nat(3000), { maxLength: 6 }), {
      minLength: 1,
      maxLength: 5,
    });
    await fc.assert(
      fc.asyncProperty(sizes, fc.boolean(), async (lives, isClosed) => {
        const fileSystem = new MemoryFileSystem();
        const written: string[] = [];
        for (const life of lives) {
          const { log, texts } = await open(fileSystem, {
            fileBytesMax: 4000,
            seed: written.length,
          });
          expect(texts).toEqual(written);
          const fresh = life.map((size, i) => String(written.length + i).repeat(size));
          const extents = await Promise.all(fresh.map((text, i) => log.append(frameOf(i, text))));
          for (const [i, extent] of extents.entries()) {
            expect(Buffer.from(await log.read(extent)).toString()).toBe(fresh[i]);
          }
          written.push(...fresh);
          if (isClosed) await log.close();
        }
        expect((await open(fileSystem)).texts).toEqual(written);
      }),
      { numRuns: 60 },
    );
  });

  it("makes everything that waits durable with one sync", async () => {
    const fileSystem = new CountingFileSystem(new MemoryFileSystem());
    const { log } = await open(fileSystem, { fileBytesMax: 1 << 30 });
    fileSystem.reset();
    await Promise.all(Array.from({ length: 2000 }, (_, i) => log.append(frameOf(i, "x"))));
    expect(fileSystem.count("write-and-sync")).toBe(1);
    await Promise.all(Array.from({ length: 5000 }, (_, i) => log.append(frameOf(i, "x"))));
    expect(fileSystem.count("write-and-sync")).toBe(4);
    const large = "L".repeat(5 << 20);
    await Promise.all([1, 2, 3].map((i) => log.append(frameOf(i, large))));
    expect(fileSystem.count("write-and-sync")).toBe(7);
    expect(log.counters).toMatchObject({ groups: 7, frames: 7003 });
  });

  it("starts at the position asked for", async () => {
    const fileSystem = new MemoryFileSystem();
    const ends = await writeOneByOne(fileSystem, WORDS);
    for (const [i, from] of ends.entries()) {
      expect((await open(fileSystem, { from })).texts).toEqual(WORDS.slice(i));
    }
  });

  it("refuses a position behind its end: something acknowledged is missing", async () => {
    const fileSystem = new MemoryFileSystem();
    const ends = await writeOneByOne(fileSystem, WORDS);
    const cut = await fileSystemWith(FIRST, (await bytesOf(fileSystem)).slice(0, 300));
    await expect(open(cut, { from: ends.at(-1) ?? START })).rejects.toMatchObject({
      code: "data_damaged",
    });
    const from = { file: 9, offset: 64 };
    await expect(open(fileSystem, { from })).rejects.toMatchObject({ code: "data_damaged" });
  });

  it("writes an empty group after a short silence, and only one", async () => {
    const { log, clock } = await open(new MemoryFileSystem());
    await log.append(frameOf(1, "x"));
    for (let i = 0; i < 5; i++) {
      await turn();
      clock.advance(LOG_COMMIT_MARK_MS);
    }
    expect(log.counters).toMatchObject({ groups: 2, frames: 1 });
  });

  it("takes no frames after close, and closes twice without harm", async () => {
    const { log } = await open(new MemoryFileSystem());
    const last = log.append(frameOf(1, "x"));
    await Promise.all([log.close(), log.close()]);
    await expect(last).resolves.toMatchObject({ length: 1 });
    await expect(log.append(frameOf(1, "x"))).rejects.toMatchObject({ code: "engine_closed" });
  });

  it("refuses frames that it could not describe", async () => {
    const { log } = await open(new MemoryFileSystem());
    const bad: Partial<LogFrame>[] = [
      { shard: new Uint8Array(15) },
      { kind: 256 },
      { sequenceFirst: 5, sequenceLast: 4 },
      { netRows: 2 ** 53 },
    ];
    for (const change of bad) {
      const frame = { ...frameOf(1, "x"), ...change };
      await expect(log.append(frame)).rejects.toMatchObject({ code: "invariant_broken" });
    }
  });
});

describe("NodeLog files", () => {
  it("knows by the footer what of a shard lies in a file, also without one", async () => {
    const fileSystem = new MemoryFileSystem();
    const { log } = await open(fileSystem);
    await Promise.all(WORDS.map((word, i) => log.append(frameOf(i, word))));
    await log.close();
    const next = await open(fileSystem, { seed: 2 });
    await next.log.append(frameOf(10, "second"));
    const last = await open(fileSystem, { seed: 3 });
    for (const [file, expected] of [
      [1, ["beta", "delta"]],
      [2, ["second"]],
    ] as const) {
      const footer = await last.log.readFooter(file);
      const entries = footer.entriesOf(new Uint8Array(16).fill(2));
      const texts: string[] = [];
      for (const entry of entries)
        texts.push(Buffer.from(await last.log.read(entry.extent)).toString());
      expect(texts).toEqual(expected);
      expect(footer.entriesOf(new Uint8Array(16).fill(77))).toEqual([]);
    }
  });

  it("rotates, lists what lies before a position, removes it and counts the bytes", async () => {
    const fileSystem = new MemoryFileSystem();
    const { log } = await open(fileSystem, { fileBytesMax: 1000 });
    for (let i = 0; i < 10; i++) await log.append(frameOf(i, "x".repeat(400)));
    expect(log.position.file).toBe(10);
    expect(log.filesBefore({ file: 4, offset: 0 })).toEqual([1, 2, 3]);
    expect(log.filesBefore(log.position)).toHaveLength(9);
    const before = log.bytes;
    for (const file of log.filesBefore({ file: 4, offset: 0 })) await log.removeFile(file);
    expect(log.bytes).toBeLessThan(before);
    await expect(log.removeFile(10)).rejects.toMatchObject({ code: "invariant_broken" });
    await log.close();
    let sum = 0;
    for (const name of await fileSystem.listFolder("log"))
      sum += (await bytesOf(fileSystem, `log/${name}`)).length;
    expect(log.bytes).toBe(sum);
    expect((await open(fileSystem)).texts).toHaveLength(7);
  });

  it("writes a frame larger than a file into a file of its own", async () => {
    const fileSystem = new MemoryFileSystem();
    const { log } = await open(fileSystem, { fileBytesMax: 500 });
    for (const size of [10, 2000, 10]) await log.append(frameOf(1, "x".repeat(size)));
    expect(log.position.file).toBe(3);
    expect((await open(fileSystem)).texts.map((text) => text.length)).toEqual([10, 2000, 10]);
  });

  it("reads only the files from the position on", async () => {
    const disk = new MemoryFileSystem();
    const { log } = await open(disk, { fileBytesMax: 1000 });
    for (let i = 0; i < 10; i++) await log.append(frameOf(i, "x".repeat(400)));
    const from = log.position;
    const counting = new CountingFileSystem(disk);
    await open(counting, { from });
    expect(counting.reads("0000000001.log")).toEqual([]);
    expect(counting.readBytes("0000000010.log")).toBeLessThan(2000);
  });
});
