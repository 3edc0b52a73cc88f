import { describe, expect, it } from "vitest";
import { describeFileSystem } from "../file-system.contract.ts";
import { MemoryFileSystem } from "../memory/file-system.ts";
import { CountingFileSystem } from "./counting-file-system.ts";
import { FaultyFileSystem } from "./faulty-file-system.ts";

describeFileSystem("a faulty one without faults", () =>
  Promise.resolve(new FaultyFileSystem(new MemoryFileSystem(), [])),
);
describeFileSystem("a counting one", () =>
  Promise.resolve(new CountingFileSystem(new MemoryFileSystem())),
);

describe("FaultyFileSystem", () => {
  it("fails the n-th call of the kinds and paths chosen, and no other", async () => {
    const fileSystem = new FaultyFileSystem(new MemoryFileSystem(), [
      { kinds: ["create", "exists"], path: "b", nth: 2, count: 2, effect: "EIO" },
    ]);
    await fileSystem.create("a");
    await fileSystem.create("b");
    await expect(fileSystem.exists("b")).rejects.toMatchObject({ code: "io_failed" });
    expect(await fileSystem.exists("a")).toBe(true);
    await expect(fileSystem.create("b")).rejects.toMatchObject({ details: { systemCode: "EIO" } });
    expect(await fileSystem.exists("b")).toBe(true);
  });

  it("keeps a file dead after one failed write or sync", async () => {
    const disk = new MemoryFileSystem();
    const fileSystem = new FaultyFileSystem(disk, [{ kinds: ["sync"], nth: 1, effect: "ENOSPC" }]);
    const file = await fileSystem.create("a");
    await file.write(0, new Uint8Array(4));
    for (let i = 0; i < 2; i++)
      await expect(file.sync()).rejects.toMatchObject({ code: "disk_full" });
    await expect(file.write(0, new Uint8Array(9))).rejects.toMatchObject({ code: "disk_full" });
    expect(await disk.readWhole("a")).toHaveLength(4);
  });

  it("shortens reads and writes", async () => {
    const disk = new MemoryFileSystem();
    const fileSystem = new FaultyFileSystem(disk, [
      { kinds: ["write", "write-and-sync", "read"], nth: 1, count: Infinity, effect: "short" },
    ]);
    const file = await fileSystem.create("a");
    await expect(file.write(0, new Uint8Array(8).fill(1))).rejects.toMatchObject({
      code: "disk_full",
    });
    expect(await disk.readWhole("a")).toHaveLength(4);
    const synced = await fileSystem.openSynced("b");
    await expect(synced.writeAndSync(0, [new Uint8Array(3), new Uint8Array(3)])).rejects.toThrow();
    expect(await disk.readWhole("b")).toHaveLength(3);
    const reader = await fileSystem.openRead("a");
    expect(await reader?.read(0, new Uint8Array(4))).toBe(2);
  });

  it("leaves the old content when a replacement fails at any step", async () => {
    for (const kinds of [["create"], ["write"], ["sync"], ["rename"]] as const) {
      const disk = new MemoryFileSystem();
      await disk.replaceWhole("a", Buffer.from("old"));
      const fileSystem = new FaultyFileSystem(disk, [{ kinds, nth: 1, effect: "EIO" }]);
      await expect(fileSystem.replaceWhole("a", Buffer.from("new"))).rejects.toThrow();
      expect(Buffer.from((await disk.readWhole("a")) ?? []).toString()).toBe("old");
    }
  });
});

describe("CountingFileSystem", () => {
  it("records the ranges read and the calls made", async () => {
    const fileSystem = new CountingFileSystem(new MemoryFileSystem());
    await fileSystem.replaceWhole("a", new Uint8Array(100));
    const file = await fileSystem.openRead("a");
    await file?.read(10, new Uint8Array(20));
    file?.readNow(50, new Uint8Array(5));
    expect(fileSystem.reads("a").map(({ position, length }) => [position, length])).toEqual([
      [10, 20],
      [50, 5],
    ]);
    expect(fileSystem.readBytes("a")).toBe(25);
    expect(fileSystem.readBytes("b")).toBe(0);
    expect([
      fileSystem.count("open-read"),
      fileSystem.count("rename"),
      fileSystem.count("sync-folder"),
    ]).toEqual([1, 1, 1]);
    fileSystem.reset();
    expect(fileSystem.calls).toEqual([]);
  });
});
