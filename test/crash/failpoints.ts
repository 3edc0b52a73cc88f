/**
 * Named moments of the engine's work, as file calls: nothing in the engine knows of them. A moment
 * is a kind of call on a path, before it is carried out or when it has been.
 */
import {
  InterceptedFileSystem,
  type CreateOptions,
  type FileCall,
  type FileCallKind,
  type FileSystem,
  type SyncedFile,
  type WritableFile,
} from "../../src/io/index.ts";

export interface Failpoint {
  readonly name: string;
  readonly kind: FileCallKind;
  /** Of a rename: the old name. */
  readonly path: RegExp;
  readonly when: "before" | "after";
}

function point(name: string, kind: FileCallKind, path: RegExp): readonly Failpoint[] {
  return [
    { name: `before ${name}`, kind, path, when: "before" },
    { name: `after ${name}`, kind, path, when: "after" },
  ];
}

export const FAILPOINTS: readonly Failpoint[] = [
  // A commit: flushes, merges, names, erasures, restores and copies end with one.
  ...point("the frames of a group are durable", "write-and-sync", /^log\/\d+\.log$/),
  // A segment of its own file: built, named by the manifest's frame, then given its name.
  ...point("the bytes of a segment are synced", "sync", /^tmp\/.*\.seg$/),
  ...point("a segment named by its manifest gets its name", "rename", /^tmp\/.*\.seg$/),
  ...point("the name of a segment is durable", "sync-folder", /^seg\/..$/),
  // Garbage: its row is forgotten behind the removal.
  ...point("a segment that nobody names is removed", "unlink", /^seg\//),
  // Packs.
  ...point("entries of a pack are durable", "write-and-sync", /^pack\//),
  ...point("a pack that is mostly dead is removed", "unlink", /^pack\//),
  // The catalogue's flush and merge.
  ...point("a table of the catalogue is synced", "sync", /^catalog\/\d+\.tbl/),
  ...point("the catalogue's manifest is replaced", "rename", /^catalog\/MANIFEST\.tmp$/),
  ...point("the catalogue's new manifest is durable", "sync-folder", /^catalog$/),
  ...point("a table that was merged is removed", "unlink", /^catalog\/\d+\.tbl$/),
  // The life of the log's files.
  ...point("an old log file becomes a spare", "rename", /^log\/\d+\.log$/),
  ...point("a spare becomes the next log file", "rename", /^log\/\d+\.spare$/),
  ...point("the name of a log file is durable", "sync-folder", /^log$/),
  ...point("a finished log file is cut off", "truncate", /^log\/\d+\.log$/),
  // Keys.
  ...point("fresh keys get their name", "rename", /^keys\/\d+\.slots\.tmp$/),
  ...point("a key is overwritten", "write", /^keys\/\d+\.slots$/),
  ...point("the destruction of a key is durable", "sync", /^keys\/\d+\.slots$/),
  ...point("the root key is wrapped anew", "rename", /^keys\/root\.tmp$/),
  ...point("the folder's master key is replaced", "rename", /^master-key\.tmp$/),
  // Backups, into a folder of the same disk.
  ...point("an object of a backup gets its name", "rename", /^store\/objects\/(?!manifests)/),
  ...point("the manifest of a backup gets its name", "rename", /^store\/objects\/manifests/),
];

/** Told of each moment that has come; may throw before a call, to fail it. */
export type Watcher = (point: Failpoint) => void;

export class FailpointFileSystem extends InterceptedFileSystem {
  readonly #watch: Watcher;

  constructor(inner: FileSystem, watch: Watcher) {
    super(inner, (call) => {
      tell(watch, "before", call);
      return call.length;
    });
    this.#watch = watch;
  }

  override async rename(source: string, target: string): Promise<void> {
    await super.rename(source, target);
    this.#done("rename", source);
  }

  override async truncate(path: string, length: number): Promise<void> {
    await super.truncate(path, length);
    this.#done("truncate", path);
  }

  override async unlink(path: string): Promise<void> {
    await super.unlink(path);
    this.#done("unlink", path);
  }

  override async syncFolder(path: string): Promise<void> {
    await super.syncFolder(path);
    this.#done("sync-folder", path);
  }

  override async create(path: string, options?: CreateOptions): Promise<WritableFile> {
    return this.#writable(await super.create(path, options));
  }

  override async openWrite(path: string): Promise<WritableFile> {
    return this.#writable(await super.openWrite(path));
  }

  override async openSynced(path: string, options?: CreateOptions): Promise<SyncedFile> {
    const file = await super.openSynced(path, options);
    return {
      path,
      writeAndSync: async (position, parts) => {
        await file.writeAndSync(position, parts);
        this.#done("write-and-sync", path);
      },
      close: () => file.close(),
    };
  }

  #writable(file: WritableFile): WritableFile {
    return {
      path: file.path,
      write: async (position, source) => {
        await file.write(position, source);
        this.#done("write", file.path);
      },
      sync: async () => {
        await file.sync();
        this.#done("sync", file.path);
      },
      close: () => file.close(),
    };
  }

  #done(kind: FileCallKind, path: string): void {
    tell(this.#watch, "after", { kind, path });
  }
}

function tell(
  watch: Watcher,
  when: Failpoint["when"],
  { kind, path }: Pick<FileCall, "kind" | "path">,
): void {
  for (const each of FAILPOINTS) {
    if (each.when === when && each.kind === kind && each.path.test(path)) watch(each);
  }
}
