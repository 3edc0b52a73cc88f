/** Names by folder of a set of paths, so that a listing costs what is in the folder. */
import { parentFolder } from "../io/index.ts";

const NONE: ReadonlySet<string> = new Set();

export class FolderNames {
  /** No folder without names; "" is the top. */
  readonly #names = new Map<string, Set<string>>();

  add(path: string): void {
    for (let child = path; ; child = parentFolder(child)) {
      const folder = parentFolder(child);
      const names = this.#names.get(folder);
      if (names !== undefined) {
        names.add(nameIn(folder, child));
        return;
      }
      this.#names.set(folder, new Set([nameIn(folder, child)]));
      if (folder === "") return;
    }
  }

  /** Folders that are empty then go, too. */
  delete(path: string): void {
    for (let child = path; ; child = parentFolder(child)) {
      const folder = parentFolder(child);
      const names = this.#names.get(folder);
      names?.delete(nameIn(folder, child));
      if (names === undefined || names.size > 0) return;
      this.#names.delete(folder);
      if (folder === "") return;
    }
  }

  /** Of files and of folders directly in the folder; changes with what is added and deleted. */
  in(folder: string): ReadonlySet<string> {
    return this.#names.get(folder) ?? NONE;
  }
}

function nameIn(folder: string, path: string): string {
  return folder === "" ? path : path.slice(folder.length + 1);
}
