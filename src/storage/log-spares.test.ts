import { describe, expect, it } from "vitest";
import { FaultyFileSystem, type FileSystem, MemoryFileSystem } from "../io/index.ts";
import { bytesOf, fileSystemWith, frameOf, open, turn } from "./node-log-fixture.contract.ts";

const SECOND = "log/0000000002.log";
const THIRD = "log/0000000003.log";
/** Two groups of one frame each fill a file. */
const FILE_BYTES = 1_000;
const TEXT_BYTES = 200;

function textOf(n: number): string {
  return `${String(n)}:`.padEnd(TEXT_BYTES, "x");
}

/** The first file retired, the second full, the third written over the first, one frame so far. */
async function reuse(fileSystem: FileSystem): Promise<Awaited<ReturnType<typeof open>>> {
  const opened = await open(fileSystem, { fileBytesMax: FILE_BYTES });
  const { log } = opened;
  for (let n = 0; n < 3; n++) await log.append(frameOf(n, textOf(n)));
  expect(log.position.file).toBe(2);
  await log.removeFile(1, true);
  for (let n = 3; n < 5; n++) await log.append(frameOf(n, textOf(n)));
  expect(log.position.file).toBe(3);
  return opened;
}

describe("a log file that is written again", () => {
  it("takes the place of the next file, and is not removed before", async () => {
    const disk = new MemoryFileSystem();
    const { log } = await open(disk, { fileBytesMax: FILE_BYTES });
    for (let n = 0; n < 3; n++) await log.append(frameOf(n, textOf(n)));
    const former = await bytesOf(disk);
    await log.removeFile(1, true);
    expect(await disk.listFolder("log")).toEqual(["0000000001.spare", "0000000002.log"]);
    for (let n = 3; n < 5; n++) await log.append(frameOf(n, textOf(n)));
    expect(await disk.listFolder("log")).toEqual(["0000000002.log", "0000000003.log"]);
    expect((await bytesOf(disk, THIRD)).length).toBe(former.length);
    // The room on the disk is counted, not how far it is written.
    expect(log.bytes).toBe((await bytesOf(disk, SECOND)).length + former.length);
  });

  it("shows nothing of its former life, though an old group starts where the new ones end", async () => {
    const disk = new MemoryFileSystem();
    const { log } = await reuse(disk);
    const end = log.position.offset;
    const bytes = Buffer.from(await bytesOf(disk, THIRD));
    expect(bytes.indexOf("INSG", end - 1)).toBe(end);
    expect(bytes.includes(textOf(1))).toBe(true);
    const { texts, log: next } = await open(disk, { seed: 2 });
    expect(texts).toEqual([2, 3, 4].map(textOf));
    expect(next.recovery.cutBytes).toBe(0);
  });

  it("keeps the valid prefix when a power cut leaves any part of a group over old bytes", async () => {
    const disk = new MemoryFileSystem();
    const { log } = await reuse(disk);
    const before = await bytesOf(disk, THIRD);
    const start = log.position.offset;
    await log.append(frameOf(5, textOf(5)));
    const after = await bytesOf(disk, THIRD);
    const end = log.position.offset;
    const second = await bytesOf(disk, SECOND);
    for (let cut = 0; cut <= end; cut++) {
      const torn = Buffer.concat([after.subarray(0, cut), before.subarray(cut)]);
      const folder = await fileSystemWith(SECOND, second);
      await folder.replaceWhole(THIRD, torn);
      const { texts, log: next } = await open(folder, { seed: 2, fileBytesMax: FILE_BYTES });
      // The last bytes of a group are the same in every life.
      const isWhole = torn.subarray(0, end).equals(after.subarray(0, end));
      const kept = isWhole ? [2, 3, 4, 5] : [2, 3, 4];
      expect(texts, `cut at ${String(cut)}`).toEqual(kept.map(textOf));
      const isToldOf = !isWhole && cut >= start + 72;
      if (isToldOf) expect(next.recovery.cutBytes).toBe(end - start);
      if (cut % 50 !== 0) continue;
      await next.append(frameOf(6, "next"));
      const third = await open(folder, { seed: 3 });
      expect(third.texts).toEqual([...kept.map(textOf), "next"]);
    }
  });

  it("is not part of the log before its new header is on the disk", async () => {
    const disk = new MemoryFileSystem();
    await reuse(disk);
    const second = await bytesOf(disk, SECOND);
    const former = await open(new MemoryFileSystem(), { fileBytesMax: FILE_BYTES });
    for (let n = 0; n < 2; n++) await former.log.append(frameOf(n, textOf(n)));
    const other = new MemoryFileSystem();
    const { log } = await open(other, { fileBytesMax: FILE_BYTES });
    for (let n = 0; n < 3; n++) await log.append(frameOf(n, textOf(n)));
    const folder = await fileSystemWith(SECOND, second);
    await folder.replaceWhole(THIRD, await bytesOf(other));
    const { texts } = await open(folder, { seed: 2 });
    expect(texts).toEqual([2, 3].map(textOf));
  });

  it("is damaged, not unused, when its header is lost and groups of this life are in it", async () => {
    const disk = new MemoryFileSystem();
    await reuse(disk);
    const file = await disk.openWrite(THIRD);
    await file.write(20, Uint8Array.of(0xff));
    await file.close();
    await expect(open(disk, { seed: 2 })).rejects.toMatchObject({ code: "data_damaged" });
  });

  it("is cut off behind its footer when it is finished, and counts what it then has", async () => {
    const disk = new MemoryFileSystem();
    const { log } = await reuse(disk);
    const former = (await bytesOf(disk, THIRD)).length;
    const second = (await bytesOf(disk, SECOND)).length;
    await log.close();
    const cut = (await bytesOf(disk, THIRD)).length;
    expect(cut).toBeLessThan(former);
    expect(log.bytes).toBe(second + cut);
    const { texts, log: next } = await open(disk, { seed: 2 });
    expect(texts).toEqual([2, 3, 4].map(textOf));
    expect((await next.readFooter(3)).count).toBe(1);
  });

  it("has a footer that is found though it was not cut off, before the old bytes or behind", async () => {
    for (const extra of [0, 3]) {
      const disk = new MemoryFileSystem();
      const faults = [{ kinds: ["truncate"], nth: 1, effect: "EIO" }] as const;
      const { log } = await reuse(new FaultyFileSystem(disk, faults));
      await Promise.all(Array.from({ length: extra }, (_, i) => log.append(frameOf(5 + i, "y"))));
      const former = (await bytesOf(disk, THIRD)).length;
      await log.close();
      expect((await bytesOf(disk, THIRD)).length > former).toBe(extra > 0);
      const next = await open(disk, { seed: 2 });
      const count = 1 + extra;
      expect((await next.log.readFooter(3)).count).toBe(count);
      // By the footer, not by walking: a lost group header does not matter.
      const file = await disk.openWrite(THIRD);
      await file.write(64 + 20, Uint8Array.of(0xff));
      await file.close();
      expect((await open(disk, { seed: 3 })).texts).toHaveLength(2 + count);
    }
  });

  it("is kept over a restart, one at most, and none that is too small or must not be kept", async () => {
    const disk = new MemoryFileSystem();
    const { log } = await open(disk, { fileBytesMax: FILE_BYTES });
    for (let n = 0; n < 8; n++) await log.append(frameOf(n, textOf(n)));
    expect(log.position.file).toBe(4);
    await log.removeFile(1, false);
    expect(await disk.listFolder("log")).not.toContain("0000000001.spare");
    await log.removeFile(2, true);
    await log.removeFile(3, true);
    expect(await disk.listFolder("log")).toEqual(["0000000002.spare", "0000000004.log"]);
    await disk.replaceWhole("log/0000000003.spare", new Uint8Array(900));
    const next = await open(disk, { seed: 2, fileBytesMax: FILE_BYTES });
    // The file of a start is a new one: a spare counts whole, however little comes into it.
    expect(await disk.listFolder("log")).toEqual([
      "0000000002.spare",
      "0000000004.log",
      "0000000005.log",
    ]);
    expect(next.texts).toEqual([6, 7].map(textOf));
    for (let n = 8; n < 11; n++) await next.log.append(frameOf(n, textOf(n)));
    expect(await disk.listFolder("log")).toEqual([4, 5, 6].map((n) => `000000000${String(n)}.log`));
    const large = await open(disk, { seed: 3, fileBytesMax: 1 << 20 });
    await large.log.removeFile(4, true);
    expect(await disk.listFolder("log")).not.toContain("0000000004.spare");
  });

  it("gives its room back when the disk is full", async () => {
    const disk = new MemoryFileSystem();
    const faults = [{ kinds: ["write-and-sync"], path: SECOND, nth: 3, effect: "short" }] as const;
    const { log } = await open(new FaultyFileSystem(disk, faults), { fileBytesMax: FILE_BYTES });
    for (let n = 0; n < 3; n++) await log.append(frameOf(n, textOf(n)));
    await log.removeFile(1, true);
    await expect(log.append(frameOf(3, textOf(3)))).rejects.toMatchObject({ code: "disk_full" });
    await turn();
    expect(await disk.listFolder("log")).not.toContain("0000000001.spare");
    await log.append(frameOf(4, textOf(4)));
    expect((await open(disk, { seed: 2 })).texts).toEqual([2, 4].map(textOf));
  });
});
