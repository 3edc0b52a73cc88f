/** Which files are still in a mirror: names by folder, and what arrives, goes and waits. */
import { describe, expect, it } from "vitest";
import { FaultyFileSystem, MemoryFileSystem, type FileSystem } from "../io/index.ts";
import type { MirroredFile } from "./mirror-state.ts";
import { RemoteList, writeRemote } from "./remote-list.ts";

const SOURCE = { target: "memory", mirror: "ab".repeat(16), isSealed: false };
const FILE: MirroredFile = { bytes: 0, ranges: [] };

async function listOf(paths: readonly string[], files?: FileSystem): Promise<RemoteList> {
  const folder = files ?? new MemoryFileSystem();
  await folder.makeFolder("mirror");
  await writeRemote(folder, SOURCE, new Map(paths.map((path) => [path, FILE])));
  return RemoteList.open(folder);
}

const PATHS = ["pack/1", "seg/00/a", "seg/00/b", "seg/ff/c", "seg/deep/er/d", "top"];

describe("names of a folder", () => {
  it("are of files and of folders with files, each once", async () => {
    const list = await listOf(PATHS);
    const names = (folder: string): readonly string[] => [...list.namesIn(folder)].toSorted();
    expect(names("")).toEqual(["pack", "seg", "top"]);
    expect(names("seg")).toEqual(["00", "deep", "ff"]);
    expect(names("seg/00")).toEqual(["a", "b"]);
    expect(names("seg/deep")).toEqual(["er"]);
    expect(names("se")).toEqual([]);
    expect(names("seg/00/a")).toEqual([]);
    expect(names("nowhere")).toEqual([]);
  });

  it("go with the last file in them, and come back when a removal could not be written down", async () => {
    const memory = new MemoryFileSystem();
    const files = new FaultyFileSystem(memory, [
      { kinds: ["write-and-sync"], path: "mirror/gone", nth: 1, effect: "EIO" },
    ]);
    const list = await listOf(PATHS, files);
    await expect(list.remove("seg/ff/c")).rejects.toMatchObject({ code: "io_failed" });
    expect([...list.namesIn("seg")].toSorted()).toEqual(["00", "deep", "ff"]);
    list.arrived("seg/00/a");
    list.arrived("seg/00/a");
    list.arrived("never there");
    expect([...list.namesIn("seg/00")]).toEqual(["b"]);
    await list.remove("seg/ff/c");
    await list.remove("seg/deep/er/d");
    list.arrived("seg/00/b");
    expect([...list.namesIn("seg")]).toEqual([]);
    expect([...list.namesIn("")].toSorted()).toEqual(["pack", "top"]);
    await list.close();
  });

  it("are kept by folder, not gathered from all files for each question", async () => {
    const list = await listOf(PATHS);
    expect(list.namesIn("seg/00")).toBe(list.namesIn("seg/00"));
    expect(list.namesIn("seg")).toBe(list.namesIn("seg"));
  });
});

describe("paths that wait", () => {
  it("are gone through once, those put off last, also when they change meanwhile", async () => {
    const list = await listOf(PATHS);
    const seen: string[] = [];
    for (const path of list.paths()) {
      seen.push(path);
      if (path === "seg/00/a" && seen.filter((one) => one === path).length === 1) list.defer(path);
      else list.arrived(path);
      if (path === "seg/00/b") list.arrived("top");
    }
    expect(seen).toEqual([
      "pack/1",
      "seg/00/a",
      "seg/00/b",
      "seg/ff/c",
      "seg/deep/er/d",
      "seg/00/a",
    ]);
    expect(list.size).toBe(0);
  });
});
