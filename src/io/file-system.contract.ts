/** What every file system does; run by the test file of each body. */
import { describe, expect, it } from "vitest";
import type { FileSystem } from "./file-system.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (content: Uint8Array | undefined): string | undefined =>
  content === undefined ? undefined : new TextDecoder().decode(content);

/** @param make an empty file system; called once per test. */
export function describeFileSystem(name: string, make: () => Promise<FileSystem>): void {
  describe(`${name} as a file system`, () => {
    describeContent(make);
    describeSynced(make);
    describeNames(make);
  });
}

function describeContent(make: () => Promise<FileSystem>): void {
  it("gives back what was written, at any position", async () => {
    const fileSystem = await make();
    const file = await fileSystem.create("a");
    await file.write(0, bytes("hello world"));
    await file.write(6, bytes("there"));
    await file.sync();
    await file.close();
    const reader = await fileSystem.openRead("a");
    const target = new Uint8Array(5);
    expect(await reader?.size()).toBe(11);
    expect(await reader?.read(6, target)).toBe(5);
    expect(text(target)).toBe("there");
    expect(reader?.readNow(0, target)).toBe(5);
    expect(text(target)).toBe("hello");
    const [first, second] = [new Uint8Array(2), new Uint8Array(3)];
    const pieces = [
      { position: 6, target: first },
      { position: 2, target: second },
    ];
    expect(await reader?.readMany(pieces)).toBe(5);
    expect([text(first), text(second)]).toEqual(["th", "llo"]);
    expect(await reader?.readMany([])).toBe(0);
    await reader?.close();
  });

  it("reads less at the end of the file and nothing behind it", async () => {
    const fileSystem = await make();
    await fileSystem.replaceWhole("a", bytes("12345"));
    const reader = await fileSystem.openRead("a");
    expect(await reader?.read(3, new Uint8Array(10))).toBe(2);
    expect(await reader?.read(100, new Uint8Array(10))).toBe(0);
    const beyond = [0, 4, 100].map((position) => ({ position, target: new Uint8Array(2) }));
    expect(await reader?.readMany(beyond)).toBe(2 + 1 + 0);
    expect(reader?.readNow(3, new Uint8Array(10))).toBe(2);
    expect(reader?.readNow(100, new Uint8Array(10))).toBe(0);
    await reader?.close();
  });

  it("fills a gap with zeros", async () => {
    const fileSystem = await make();
    const file = await fileSystem.create("a");
    await file.write(4, bytes("x"));
    await file.close();
    expect(text(await fileSystem.readWhole("a"))).toBe("\0\0\0\0x");
  });

  it("empties an existing file when it is created again, and keeps it when opened to write", async () => {
    const fileSystem = await make();
    await fileSystem.replaceWhole("a", bytes("12345"));
    const kept = await fileSystem.openWrite("a");
    await kept.write(1, bytes("x"));
    await kept.close();
    expect(text(await fileSystem.readWhole("a"))).toBe("1x345");
    await (await fileSystem.create("a")).close();
    expect(await fileSystem.readWhole("a")).toHaveLength(0);
  });

  it("keeps an opened file readable after it was unlinked", async () => {
    const fileSystem = await make();
    await fileSystem.replaceWhole("a", bytes("12345"));
    const reader = await fileSystem.openRead("a");
    await fileSystem.unlink("a");
    expect(await reader?.read(0, new Uint8Array(5))).toBe(5);
    await reader?.close();
    expect(await fileSystem.exists("a")).toBe(false);
  });

  it("hands over whole content that the caller may change", async () => {
    const fileSystem = await make();
    await fileSystem.replaceWhole("a", bytes("12345"));
    (await fileSystem.readWhole("a"))?.fill(0);
    expect(text(await fileSystem.readWhole("a"))).toBe("12345");
  });
}

function describeSynced(make: () => Promise<FileSystem>): void {
  it("writes scattered parts one after the other into a synced file", async () => {
    const fileSystem = await make();
    const file = await fileSystem.openSynced("log");
    const block = bytes("..middle..");
    await file.writeAndSync(0, [bytes("one "), block.subarray(2, 8), bytes(" three")]);
    await Promise.all([file.writeAndSync(16, [bytes("A")]), file.writeAndSync(17, [bytes("B")])]);
    await file.close();
    expect(text(await fileSystem.readWhole("log"))).toBe("one middle threeAB");
  });

  it("keeps what is in a file that is opened synced", async () => {
    const fileSystem = await make();
    await fileSystem.replaceWhole("log", bytes("12345"));
    const file = await fileSystem.openSynced("log");
    await file.writeAndSync(1, [bytes("x")]);
    await file.close();
    expect(text(await fileSystem.readWhole("log"))).toBe("1x345");
  });

  it("serves several synced files, also after all of them were closed once", async () => {
    const fileSystem = await make();
    for (let round = 0; round < 2; round++) {
      const files = await Promise.all([fileSystem.openSynced("a"), fileSystem.openSynced("b")]);
      await Promise.all(files.map((file, i) => file.writeAndSync(0, [bytes(`file ${String(i)}`)])));
      await Promise.all(files.map((file) => file.close()));
    }
    expect(text(await fileSystem.readWhole("a"))).toBe("file 0");
    expect(text(await fileSystem.readWhole("b"))).toBe("file 1");
  });
}

function describeNames(make: () => Promise<FileSystem>): void {
  it("answers undefined, false or nothing for what is not there", async () => {
    const fileSystem = await make();
    expect(await fileSystem.openRead("none")).toBeUndefined();
    expect(await fileSystem.readWhole("none/none")).toBeUndefined();
    expect(await fileSystem.exists("none")).toBe(false);
    expect(await fileSystem.listFolder("none")).toEqual([]);
    await expect(fileSystem.unlink("none")).resolves.toBeUndefined();
  });

  it("refuses to write where there is no folder or no file", async () => {
    const fileSystem = await make();
    const failure = { name: "InsulaError", code: "io_failed" };
    await expect(fileSystem.create("none/a")).rejects.toMatchObject(failure);
    await expect(fileSystem.openSynced("none/a")).rejects.toMatchObject(failure);
    await expect(fileSystem.openWrite("none")).rejects.toMatchObject(failure);
    await expect(fileSystem.rename("none", "b")).rejects.toMatchObject(failure);
    await expect(fileSystem.syncFolder("none")).rejects.toMatchObject(failure);
  });

  it("makes folders with their parents and lists names in order", async () => {
    const fileSystem = await make();
    await fileSystem.makeFolder("a/b/c");
    await fileSystem.makeFolder("a/b/c");
    await fileSystem.replaceWhole("a/b/z", bytes("1"));
    await fileSystem.replaceWhole("a/b/B", bytes("1"));
    expect(await fileSystem.listFolder("a/b")).toEqual(["B", "c", "z"]);
    expect(await fileSystem.listFolder("")).toEqual(["a"]);
    expect(await fileSystem.exists("a/b/c")).toBe(true);
    await fileSystem.syncFolder("a/b");
    await fileSystem.syncFolder("");
  });

  it("renames across folders and over an existing file", async () => {
    const fileSystem = await make();
    await fileSystem.makeFolder("a");
    await fileSystem.makeFolder("b");
    await fileSystem.replaceWhole("a/x", bytes("new"));
    await fileSystem.replaceWhole("b/y", bytes("old"));
    await fileSystem.rename("a/x", "b/y");
    expect(text(await fileSystem.readWhole("b/y"))).toBe("new");
    expect(await fileSystem.exists("a/x")).toBe(false);
  });

  it("cuts a file off, behind which zeros grow again", async () => {
    const fileSystem = await make();
    await fileSystem.replaceWhole("a", bytes("content"));
    await fileSystem.truncate("a", 4);
    expect(text(await fileSystem.readWhole("a"))).toBe("cont");
    const file = await fileSystem.openWrite("a");
    await file.write(6, bytes("!"));
    await file.close();
    expect(text(await fileSystem.readWhole("a"))).toBe("cont\0\0!");
    await expect(fileSystem.truncate("none", 0)).rejects.toMatchObject({ code: "io_failed" });
  });

  it("replaces whole files and leaves no temporary name", async () => {
    const fileSystem = await make();
    await fileSystem.replaceWhole("a", bytes("a long first content"));
    await fileSystem.replaceWhole("a", bytes("second"));
    expect(text(await fileSystem.readWhole("a"))).toBe("second");
    expect(await fileSystem.listFolder("")).toEqual(["a"]);
  });

  it("gives a folder to one holder at a time", async () => {
    const fileSystem = await make();
    await fileSystem.makeFolder("data");
    const lock = await fileSystem.lock("data");
    await expect(fileSystem.lock("data")).rejects.toMatchObject({ code: "data_folder_locked" });
    await lock.release();
    await lock.release();
    await (await fileSystem.lock("data")).release();
  });
}
