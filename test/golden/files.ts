/** Folders as maps of paths to bytes: between disks, file systems in memory and comparisons. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { MemoryFileSystem, type FileSystem } from "../../src/io/index.ts";

/** Relative path to content, sorted by path. */
export type Files = ReadonlyMap<string, Uint8Array>;

export async function filesOf(fileSystem: FileSystem, folder = ""): Promise<Files> {
  const found = new Map<string, Uint8Array>();
  for (const name of [...(await fileSystem.listFolder(folder))].sort()) {
    const path = folder === "" ? name : `${folder}/${name}`;
    const bytes = await fileSystem.readWhole(path);
    if (bytes !== undefined) found.set(path, bytes);
    else for (const [inner, content] of await filesOf(fileSystem, path)) found.set(inner, content);
  }
  return found;
}

export async function toMemory(files: Files): Promise<MemoryFileSystem> {
  const memory = new MemoryFileSystem();
  for (const [path, bytes] of files) {
    const folder = path.slice(0, Math.max(0, path.lastIndexOf("/")));
    if (folder !== "") await memory.makeFolder(folder);
    await (await memory.create(path)).write(0, bytes);
  }
  return memory;
}

export function readFiles(folder: string): Files {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true });
  const paths = names
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
  return new Map(paths.map((path) => [path, new Uint8Array(readFileSync(join(folder, path)))]));
}

export function writeFiles(folder: string, files: Files): void {
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), bytes, { mode: 0o600 });
  }
}
