import { describe, expect, it } from "vitest";
import {
  CountingFileSystem,
  FaultyFileSystem,
  type FileFault,
  type FileSystem,
  MemoryFileSystem,
  SeededRandom,
} from "../io/index.ts";
import { LOG_COMMIT_MARK_MS } from "./node-log.ts";
import {
  type Opened,
  FIRST,
  WORDS,
  frameOf,
  turn,
  open,
  writeOneByOne,
  fileSystemWith,
  bytesOf,
} from "./node-log-fixture.contract.ts";

describe("NodeLog after damage", () => {
  it("keeps the valid prefix when the file is cut at any byte", async () => {
    const fileSystem = new MemoryFileSystem();
    const ends = await writeOneByOne(fileSystem, WORDS);
    const whole = await bytesOf(fileSystem);
    for (let length = 0; length <= whole.length; length++) {
      const { texts, log } = await open(await fileSystemWith(FIRST, whole.slice(0, length)));
      const kept = ends.filter((end) => end.offset <= length).length - 1;
      expect(texts, `cut at ${String(length)}`).toEqual(WORDS.slice(0, Math.max(0, kept)));
      const expectedCut = kept < 0 ? 0 : length - (ends[kept]?.offset ?? 0);
      expect(log.recovery.cutBytes).toBe(expectedCut);
      // What the next life writes is found together with what was kept.
      if (length % 7 === 0) await log.append(frameOf(9, "next"));
    }
  });

  it("goes on behind a torn tail and never shows what was cut off", async () => {
    const fileSystem = new MemoryFileSystem();
    await writeOneByOne(fileSystem, WORDS);
    const whole = await bytesOf(fileSystem);
    const torn = await fileSystemWith(FIRST, whole.slice(0, whole.length - 3));
    await (await open(torn)).log.append(frameOf(1, "next"));
    await torn.replaceWhole(FIRST, whole);
    expect((await open(torn)).texts).toEqual([...WORDS.slice(0, -1), "next"]);
  });

  it("cuts off garbage, zeros and groups of another generation behind the end", async () => {
    const fileSystem = new MemoryFileSystem();
    await writeOneByOne(fileSystem, WORDS);
    const whole = await bytesOf(fileSystem);
    const other = new MemoryFileSystem();
    const { log } = await open(other, { seed: 99 });
    for (const [i, word] of [...WORDS, "old"].entries()) await log.append(frameOf(i, word));
    const old = (await bytesOf(other)).slice(whole.length);
    const tails = [
      new SeededRandom(5).bytes(5000),
      new Uint8Array(5000),
      old,
      Buffer.from("INSGINSG"),
    ];
    for (const tail of tails) {
      const opened = await open(await fileSystemWith(FIRST, Buffer.concat([whole, tail])));
      expect(opened.texts).toEqual(WORDS);
      expect(opened.log.recovery.cutBytes).toBe(tail.length);
    }
  });

  it("says damaged, or cuts the last group, for every flipped bit, and never lies", async () => {
    const fileSystem = new MemoryFileSystem();
    const ends = await writeOneByOne(fileSystem, WORDS);
    const whole = await bytesOf(fileSystem);
    const lastStart = ends.at(-2)?.offset ?? 0;
    for (let i = 0; i < whole.length; i++) {
      const flipped = whole.slice();
      flipped[i] = (flipped[i] ?? 0) ^ (1 << (i % 8));
      const outcome = await open(await fileSystemWith(FIRST, flipped)).catch(
        (error: unknown) => error,
      );
      if (outcome instanceof Error) {
        expect(outcome, `byte ${String(i)}`).toMatchObject({ code: "data_damaged" });
        expect(i).toBeLessThan(lastStart);
        continue;
      }
      const { texts, log } = outcome as Opened;
      if (i >= lastStart) expect(texts).toEqual(WORDS.slice(0, -1));
      else expect(texts.filter((text, n) => text !== WORDS[n] && text !== "damaged")).toEqual([]);
      if (i >= lastStart) expect(log.recovery.cutBytes).toBe(whole.length - lastStart);
      else expect(texts).toHaveLength(WORDS.length);
    }
  });

  it("tells whose payload is damaged in the middle and reads on", async () => {
    const fileSystem = new MemoryFileSystem();
    await writeOneByOne(fileSystem, WORDS);
    const bytes = Buffer.from(await bytesOf(fileSystem));
    bytes[bytes.indexOf("beta")] = 0;
    const { entries, texts, log } = await open(await fileSystemWith(FIRST, bytes));
    expect(texts).toEqual(["alpha", "damaged", "", "gamma and more", "delta"]);
    expect(entries[1]?.shard).toEqual(new Uint8Array(16).fill(2));
    expect(log.recovery.damagedFrames).toBe(1);
    await expect(entries[1]?.payload()).rejects.toMatchObject({ code: "data_damaged" });
  });

  it("takes the last group for damaged, not torn, once it was marked", async () => {
    const fileSystem = new MemoryFileSystem();
    const { log, clock } = await open(fileSystem);
    await log.append(frameOf(0, "acknowledged"));
    await turn();
    clock.advance(LOG_COMMIT_MARK_MS);
    await turn();
    const bytes = Buffer.from(await bytesOf(fileSystem));
    bytes[bytes.indexOf("acknowledged")] = 0;
    expect((await open(await fileSystemWith(FIRST, bytes))).texts).toEqual(["damaged"]);
  });

  it("reads a finished file around a lost group header by its footer", async () => {
    const fileSystem = new MemoryFileSystem();
    const { log } = await open(fileSystem);
    const ends: number[] = [log.position.offset];
    for (const [i, word] of WORDS.entries()) {
      await log.append(frameOf(i, word));
      ends.push(log.position.offset);
    }
    await log.close();
    const whole = Buffer.from(await bytesOf(fileSystem));
    for (const start of ends.slice(0, -1)) {
      const bytes = Buffer.from(whole);
      bytes[start + 20] = 0xff;
      expect((await open(await fileSystemWith(FIRST, bytes))).texts).toEqual(WORDS);
    }
  });

  it("misses a file in the middle and a damaged file header", async () => {
    const fileSystem = new MemoryFileSystem();
    for (let life = 0; life < 3; life++) {
      await (
        await open(fileSystem, { seed: life })
      ).log.append(frameOf(life, `life ${String(life)}`));
    }
    const second = await bytesOf(fileSystem, "log/0000000002.log");
    await fileSystem.unlink("log/0000000002.log");
    await expect(open(fileSystem)).rejects.toMatchObject({ code: "data_damaged" });
    second[30] = 0xff;
    await fileSystem.replaceWhole("log/0000000002.log", second);
    await expect(open(fileSystem)).rejects.toMatchObject({ code: "data_damaged" });
  });
});

describe("NodeLog on a failing disk", () => {
  const failing = (
    faults: readonly FileFault[],
  ): { disk: MemoryFileSystem; faulty: FileSystem } => {
    const disk = new MemoryFileSystem();
    return { disk, faulty: new FaultyFileSystem(disk, faults) };
  };

  it("takes no frame after a failed sync until it is opened again, and reads go on", async () => {
    // The first call writes the header of the file, the second the first group.
    const { disk, faulty } = failing([{ kinds: ["write-and-sync"], nth: 3, effect: "EIO" }]);
    const counting = new CountingFileSystem(faulty);
    const { log } = await open(counting);
    const extent = await log.append(frameOf(0, "before"));
    const lost = log.append(frameOf(1, "lost"));
    await Promise.resolve();
    const queued = Promise.resolve().then(() => log.append(frameOf(2, "queued")));
    const poisoned = { code: "log_poisoned", kind: "unavailable" };
    await expect(lost).rejects.toMatchObject(poisoned);
    await expect(queued).rejects.toMatchObject(poisoned);
    await expect(log.append(frameOf(3, "later"))).rejects.toMatchObject(poisoned);
    expect(log.isPoisoned).toBe(true);
    expect(Buffer.from(await log.read(extent)).toString()).toBe("before");
    await log.close();
    // Header, first group, and the one that failed: the file is never synced again.
    expect(counting.count("write-and-sync", FIRST)).toBe(3);
    const reopened = await open(disk, { seed: 2 });
    expect(reopened.texts).toEqual(["before"]);
    await reopened.log.append(frameOf(1, "after"));
    expect((await open(disk, { seed: 3 })).texts).toEqual(["before", "after"]);
  });

  it("takes no frame either after a failed sync of a new file, of its name or of a footer", async () => {
    const faults: readonly FileFault[] = [
      { kinds: ["write-and-sync"], path: "2.log", nth: 1, effect: "EIO" },
      { kinds: ["sync-folder"], nth: 3, effect: "EIO" },
      { kinds: ["write-and-sync"], path: FIRST, nth: 3, effect: "EIO" },
    ];
    for (const fault of faults) {
      const { disk, faulty } = failing([fault]);
      const { log } = await open(faulty, { fileBytesMax: 400 });
      const told = ["a".repeat(200)];
      await log.append(frameOf(0, "a".repeat(200)));
      const second = await log.append(frameOf(1, "b".repeat(200))).catch(() => undefined);
      if (second !== undefined) told.push("b".repeat(200));
      await turn();
      expect(log.isPoisoned).toBe(true);
      await expect(log.append(frameOf(2, "c"))).rejects.toMatchObject({ code: "log_poisoned" });
      await log.close();
      expect((await open(disk, { seed: 2 })).texts).toEqual(told);
    }
  });

  it("goes on in a new file when the disk took only a part of a group", async () => {
    for (const effect of ["short", "ENOSPC"] as const) {
      const { disk, faulty } = failing([{ kinds: ["write-and-sync"], nth: 3, effect }]);
      const { log } = await open(faulty);
      await log.append(frameOf(0, "before"));
      await expect(log.append(frameOf(1, "lost"))).rejects.toMatchObject({ code: "disk_full" });
      await expect(log.append(frameOf(2, "after"))).resolves.toMatchObject({ file: 2 });
      expect(log.isPoisoned).toBe(false);
      expect(log.counters.abandonedFiles).toBe(1);
      expect((await open(disk)).texts).toEqual(["before", "after"]);
    }
  });

  it("refuses with disk_full while no new file can be made, and recovers when there is room", async () => {
    const { disk, faulty } = failing([
      { kinds: ["open-synced"], nth: 2, count: 2, effect: "ENOSPC" },
    ]);
    const { log } = await open(faulty, { fileBytesMax: 400 });
    await log.append(frameOf(0, "a".repeat(200)));
    for (let i = 0; i < 2; i++) {
      await expect(log.append(frameOf(1, "b".repeat(200)))).rejects.toMatchObject({
        code: "disk_full",
      });
    }
    await log.append(frameOf(1, "c".repeat(200)));
    expect((await open(disk)).texts).toEqual(["a".repeat(200), "c".repeat(200)]);
  });

  it("loses nothing acknowledged whichever call fails, once or for good", async () => {
    for (const effect of ["EIO", "ENOSPC"] as const) {
      for (const count of [1, 2, Infinity]) {
        for (let nth = 1; nth <= 40; nth++) {
          const { disk, faulty } = failing([{ nth, count, effect }]);
          const acknowledged: string[] = [];
          const opened = await open(faulty, { fileBytesMax: 900 }).catch(() => undefined);
          for (let i = 0; opened !== undefined && i < 12; i++) {
            const text = String(i).repeat(200);
            const extent = await opened.log.append(frameOf(i, text)).catch(() => undefined);
            if (extent !== undefined) acknowledged.push(text);
          }
          await opened?.log.close().catch(() => undefined);
          const message = `${effect} at call ${String(nth)}, ${String(count)} times`;
          expect((await open(disk)).texts, message).toEqual(acknowledged);
          const texts = Array.from({ length: 12 }, (_, i) => String(i).repeat(200));
          if (effect === "EIO") {
            // A refused frame is never followed by one that is taken; an open that failed is.
            const isPrefix = acknowledged.every((text, i) => text === texts[i]);
            expect(isPrefix || opened?.log.isPoisoned === false, message).toBe(true);
          } else if (opened !== undefined && count === 1) {
            expect(acknowledged.length, message).toBeGreaterThan(10);
          }
        }
      }
    }
  });
});
