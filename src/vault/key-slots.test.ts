import { describe, expect, it } from "vitest";
import {
  FileHandles,
  InterceptedFileSystem,
  ManualClock,
  MemoryFileSystem,
  SeededRandom,
  type FileCall,
  type FileSystem,
  readBy,
  type ReadableFile,
} from "../io/index.ts";
import type { KeySlots } from "./key-slots.ts";
import { SLOTS_PER_FILE, slotFilePath } from "./slot-file.ts";
import { Vault } from "./vault.ts";

/** Between the system and the reader: what was read already is held up, or changed. */
class SlowReads extends MemoryFileSystem {
  /** Set: reads wait for it with what they have read, and say so. */
  until: Promise<void> | undefined;
  whenRead: () => void = () => undefined;
  /** The next read comes with one bit turned. */
  isAstray = false;

  override async openRead(path: string): Promise<ReadableFile | undefined> {
    const file = await super.openRead(path);
    if (file === undefined) return undefined;
    return readBy(file, async (position, target) => {
      const count = await file.read(position, target);
      if (this.isAstray) for (let at = 80; at < count; at += 64) target[at]! ^= 1;
      this.isAstray = false;
      this.whenRead();
      await this.until;
      return count;
    });
  }
}

async function open(fileSystem: FileSystem, files?: FileHandles): Promise<KeySlots> {
  const vault = await Vault.open({
    ...{ fileSystem, random: new SeededRandom(3), clock: new ManualClock() },
    files: files ?? new FileHandles(fileSystem, 2),
  });
  return vault.slots;
}

/** A folder of so many files of slots. */
async function folderOf(files: number): Promise<MemoryFileSystem> {
  const folder = new MemoryFileSystem();
  const slots = await open(folder);
  for (let file = 0; file < files; file++) {
    slots.startAt(file * SLOTS_PER_FILE + 1);
    await slots.take();
  }
  return folder;
}

describe("a key", () => {
  it("costs one read of its page, and those beside it, before or at once, none", async () => {
    const calls: FileCall[] = [];
    const folder = new InterceptedFileSystem(await folderOf(1), (call) => {
      if (call.path === slotFilePath(1)) calls.push(call);
      return Infinity;
    });
    const slots = await open(folder);
    const opened = calls.length;
    await Promise.all([64, 65, 100, 127].map((slot) => slots.key(slot)));
    for (let slot = 64; slot < 128; slot++) await slots.key(slot);
    await slots.key(128);
    expect(calls.slice(opened)).toEqual(
      [4_096, 8_192].map((position) => ({
        ...{ kind: "read", path: slotFilePath(1) },
        ...{ position, length: 4_096 },
      })),
    );
  });

  it("is read from a file that stays open, of which there are no more than the bound", async () => {
    let opens = 0;
    const folder = new InterceptedFileSystem(await folderOf(5), ({ kind }) => {
      opens += +(kind === "open-read");
      return Infinity;
    });
    const files = new FileHandles(folder, 3);
    const slots = await open(folder, files);
    opens = 0;
    for (let round = 0; round < 3; round++) {
      for (const file of [0, 1, 2]) await slots.key(file * SLOTS_PER_FILE + 100 + round * 64);
    }
    expect(opens).toBe(3);
    for (const file of [3, 4]) await slots.key(file * SLOTS_PER_FILE + 1);
    expect(files.count).toBe(3);
  });

  it("that was being read while its slot was overwritten opens nothing afterwards", async () => {
    const folder = new SlowReads();
    const slots = await open(folder);
    await slots.take();
    let go = (): void => undefined;
    folder.until = new Promise((resolve) => {
      go = resolve;
    });
    const hasRead = new Promise<void>((resolve) => {
      folder.whenRead = resolve;
    });
    const before = [slots.key(70), slots.key(71)];
    await hasRead;
    await slots.erase([70]);
    const refused = expect(slots.key(70)).rejects.toMatchObject({ code: "data_damaged" });
    go();
    // Who asked before the erasure may have been answered before it, too.
    await Promise.all(before);
    await refused;
    await expect(slots.key(70)).rejects.toMatchObject({ code: "data_damaged" });
    await slots.key(71);
  });

  it("that came damaged out of a read is read again when it is asked for again", async () => {
    const folder = new SlowReads();
    const slots = await open(folder);
    await slots.take();
    await slots.key(1);
    folder.isAstray = true;
    await expect(slots.key(200)).rejects.toMatchObject({ code: "data_damaged" });
    await slots.key(200);
  });

  it("whose read failed is read again, by whoever asks next", async () => {
    let isFailing = false;
    const folder = new InterceptedFileSystem(await folderOf(1), ({ kind }) => {
      if (kind === "read" && isFailing) throw new Error("the disk is away");
      return Infinity;
    });
    const slots = await open(folder);
    isFailing = true;
    await expect(slots.key(300)).rejects.toThrow("the disk is away");
    isFailing = false;
    await slots.key(300);
  });
});
