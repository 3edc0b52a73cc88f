/**
 * Names of the simulated disk. A name is durable only after its folder was synced; until then a
 * power cut may keep or lose each change on its own. The strictest reading of POSIX: syncing a file
 * says nothing about its name, syncing a folder nothing about the folder's own name.
 */
import { parentFolder } from "../replace-whole.ts";
import type { DiskInode } from "./disk-inode.ts";
import type { SeededRandom } from "./seeded-random.ts";

/** A file, or a folder: the latter is only a mark, its entries are names of their own. */
export type NameTarget = DiskInode | "folder";

interface NameChange {
  readonly folder: string;
  /** Names set (or, with undefined, removed) together: a rename within one folder is one step. */
  readonly entries: readonly (readonly [name: string, target: NameTarget | undefined])[];
  /** Must be there before this one: losing the old name of a file requires the new one. */
  readonly after: NameChange | undefined;
}

export class DiskNames {
  readonly #current = new Map<string, NameTarget>();
  readonly #synced = new Map<string, NameTarget>();
  #unsynced: NameChange[] = [];

  constructor(synced: ReadonlyMap<string, NameTarget> = new Map()) {
    for (const [path, target] of synced) {
      this.#current.set(path, target);
      this.#synced.set(path, target);
    }
  }

  get(path: string): NameTarget | undefined {
    return path === "" ? "folder" : this.#current.get(path);
  }

  list(folder: string): readonly string[] {
    const names: string[] = [];
    for (const path of this.#current.keys()) {
      if (parentFolder(path) === folder) names.push(path.slice(path.lastIndexOf("/") + 1));
    }
    return names.sort();
  }

  set(path: string, target: NameTarget | undefined): void {
    this.#change({ folder: parentFolder(path), entries: [[path, target]], after: undefined });
  }

  rename(source: string, target: string, inode: NameTarget): void {
    const sourceFolder = parentFolder(source);
    const targetFolder = parentFolder(target);
    if (sourceFolder === targetFolder) {
      const entries = [
        [target, inode],
        [source, undefined],
      ] as const;
      this.#change({ folder: targetFolder, entries, after: undefined });
      return;
    }
    const added: NameChange = {
      folder: targetFolder,
      entries: [[target, inode]],
      after: undefined,
    };
    this.#change(added);
    this.#change({ folder: sourceFolder, entries: [[source, undefined]], after: added });
  }

  sync(folder: string): void {
    const durable = new Set<NameChange>();
    for (const change of this.#unsynced) {
      if (change.folder !== folder) continue;
      durable.add(change);
      if (change.after !== undefined) durable.add(change.after);
    }
    for (const change of this.#unsynced) if (durable.has(change)) apply(this.#synced, change);
    this.#unsynced = this.#unsynced.filter((change) => !durable.has(change));
  }

  /** One legal set of names after a power cut. */
  crash(random: SeededRandom): ReadonlyMap<string, NameTarget> {
    const names = new Map(this.#synced);
    const manner = random.below(4);
    const fullCount =
      manner === 2 ? random.below(this.#unsynced.length + 1) : this.#unsynced.length;
    const lost = new Set<NameChange>();
    for (const [i, change] of this.#unsynced.entries()) {
      const isLost = manner === 0 || i >= fullCount || (manner === 3 && random.below(2) === 0);
      if (isLost || (change.after !== undefined && lost.has(change.after))) lost.add(change);
      else apply(names, change);
    }
    return withoutOrphans(names);
  }

  #change(change: NameChange): void {
    apply(this.#current, change);
    this.#unsynced.push(change);
  }
}

function apply(names: Map<string, NameTarget>, change: NameChange): void {
  for (const [path, target] of change.entries) {
    if (target === undefined) names.delete(path);
    else names.set(path, target);
  }
}

/** What lies in a folder whose own name was lost cannot be reached any more. */
function withoutOrphans(names: ReadonlyMap<string, NameTarget>): ReadonlyMap<string, NameTarget> {
  const kept = new Map<string, NameTarget>();
  for (const [path, target] of names) {
    let folder = parentFolder(path);
    while (folder !== "" && names.get(folder) === "folder") folder = parentFolder(folder);
    if (folder === "") kept.set(path, target);
  }
  return kept;
}
