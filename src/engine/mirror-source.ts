/** The data folder as a mirror sees it: what counts at one moment, and what changed since. */
import type { FileSystem } from "../io/index.ts";
import type { FolderImage, LazyFileSystem, MirrorSource } from "../mirror/index.ts";
import { packPath } from "../storage/index.ts";
import { ROOT_PATH } from "../vault/index.ts";
import type { NodeContext } from "./node-context.ts";

/** Secrets besides the slots. They are small and looked at for each point. */
const SECRETS = [ROOT_PATH, "access.key"];
/** Gives rights, not only data: it goes along only when it is sealed. */
const ADMIN_SECRET = "admin-secret";

export interface FolderSourceDoors {
  readonly node: NodeContext;
  readonly fileSystem: FileSystem;
  /** When files of the folder are still in a mirror. */
  readonly lazy: LazyFileSystem | undefined;
}

export class FolderSource implements MirrorSource {
  readonly #doors: FolderSourceDoors;

  constructor(doors: FolderSourceDoors) {
    this.#doors = doors;
  }

  async list(): Promise<Pick<FolderImage, "segments" | "packs" | "secrets">> {
    const { node, fileSystem } = this.#doors;
    // Watched first: what changes while it is listed is told by the next image.
    node.shards.segmentFolders.watchChanges();
    node.shards.packs.watchChanges();
    node.vault?.slots.watchChanges();
    const segments = new Map<string, boolean>();
    for (const folder of await fileSystem.listFolder("seg")) {
      for (const name of await fileSystem.listFolder(`seg/${folder}`)) {
        segments.set(`seg/${folder}/${name}`, true);
      }
    }
    const packs = new Map<string, number>();
    for (const name of await fileSystem.listFolder("pack")) {
      const path = `pack/${name}`;
      const bytes = await this.#sizeOf(path);
      if (bytes !== undefined) packs.set(path, bytes);
    }
    const secrets = new Set(this.#smallSecrets());
    for (const name of await fileSystem.listFolder("keys")) secrets.add(`keys/${name}`);
    return { segments, packs, secrets };
  }

  capture(): FolderImage {
    const { node } = this.#doors;
    const { segmentFolders, packs } = node.shards;
    const endHolds = [node.sweeper.holdAll(), node.logHolds.hold(() => true)];
    const catalog = node.store.image();
    endHolds.push(() => {
      catalog.release();
    });
    const { placed, settled } = segmentFolders.takeChanges();
    const grown = new Map(
      Array.from(packs.takeChanges(), ([pack, bytes]) => [packPath(pack), bytes] as const),
    );
    return {
      whole: [...node.log.extents(), ...catalog.tables],
      replaced: [catalog.manifest],
      placed,
      segments: settled,
      packs: grown,
      secrets: new Set([...this.#smallSecrets(), ...(node.vault?.slots.takeChanges() ?? [])]),
      release: () => {
        for (const end of endHolds.splice(0)) end();
      },
    };
  }

  #smallSecrets(): readonly string[] {
    return this.#doors.node.vault === undefined ? SECRETS : [...SECRETS, ADMIN_SECRET];
  }

  /** Without fetching it. */
  async #sizeOf(path: string): Promise<number | undefined> {
    const { fileSystem, lazy } = this.#doors;
    const remote = lazy?.remoteBytesOf(path);
    if (remote !== undefined) return remote;
    const file = await fileSystem.openRead(path);
    try {
      return await file?.size();
    } finally {
      await file?.close();
    }
  }
}
