/**
 * Ports of indexes: of a range of ports each index has one of its own, by which calls reach it that
 * say neither a path nor a name.
 *
 * An index keeps its port as long as it is there, over restarts too. One that is deleted by the
 * vendor's call gives it back at once; one that another interface has deleted when no port is left.
 *
 * ON DISK: the setting {@link SETTING} of the engine, JSON: a list of `[port, database,
 * collection]`.
 */
import { InsulaError } from "../../base/errors.ts";
import { KeyedLock } from "../../base/keyed-lock.ts";
import type { Engine } from "../../engine/api.ts";
import { isInRange, type PortRange } from "../../wire/index.ts";

const SETTING = "pinecone/index-ports";

/** Which index: its database and its collection. */
export interface PortOwner {
  readonly project: string;
  readonly name: string;
}

type Doors = Pick<Engine, "readSetting" | "writeSetting" | "getCollection">;

export class IndexPorts {
  readonly #engine: Doors;
  readonly #range: PortRange;
  readonly #lock = new KeyedLock();
  /** Indexes that are being made, and how often. */
  readonly #claims = new Map<string, number>();
  #owners: Promise<Map<number, PortOwner>> | undefined;

  constructor(engine: Doors, range: PortRange) {
    this.#engine = engine;
    this.#range = range;
  }

  has(port: number): boolean {
    return isInRange(this.#range, port);
  }

  /** Whose port it is; undefined: nobody's. */
  async ownerOf(port: number): Promise<PortOwner | undefined> {
    return this.has(port) ? (await this.#load()).get(port) : undefined;
  }

  /** The port of an index, which it is given if it has none; undefined when all are taken. */
  async portOf(owner: PortOwner): Promise<number | undefined> {
    return find(await this.#load(), owner) ?? this.#lock.run("", () => this.#assign(owner));
  }

  /**
   * Gives an index that is about to be made its port first.
   *
   * @throws InsulaError `collection_quota_exceeded` when all are taken, and what `make` throws; the
   *         port is then free again unless the index was there.
   */
  async reserve<Made>(owner: PortOwner, make: () => Promise<Made>): Promise<Made> {
    await this.claim(owner);
    try {
      return await make();
    } finally {
      await this.settle(owner);
    }
  }

  /**
   * Gives an index that is not there yet its port, which nobody takes from it until
   * {@link settle} is told that it was made or was not.
   *
   * @throws InsulaError `collection_quota_exceeded` when all are taken.
   */
  async claim(owner: PortOwner): Promise<void> {
    const key = keyOf(owner);
    this.#claims.set(key, (this.#claims.get(key) ?? 0) + 1);
    try {
      if ((await this.portOf(owner)) !== undefined) return;
      throw new InsulaError(
        "collection_quota_exceeded",
        "Cannot create the index: every port of indexPorts is another index's",
      );
    } catch (error) {
      await this.settle(owner);
      throw error;
    }
  }

  /** What was claimed is there, or its port is free again. */
  async settle(owner: PortOwner): Promise<void> {
    const key = keyOf(owner);
    const left = (this.#claims.get(key) ?? 0) - 1;
    if (left > 0) this.#claims.set(key, left);
    else this.#claims.delete(key);
    if (!(await this.#isThere(owner))) await this.release(owner);
  }

  /** The port is free for another index from now on. */
  release(owner: PortOwner): Promise<void> {
    return this.#lock.run("", async () => {
      const owners = new Map(await this.#load());
      const port = find(owners, owner);
      if (port === undefined) return;
      owners.delete(port);
      await this.#store(owners);
    });
  }

  async #assign(owner: PortOwner): Promise<number | undefined> {
    const owners = new Map(await this.#load());
    const port = find(owners, owner) ?? this.#firstFree(owners) ?? (await this.#freeOne(owners));
    if (port === undefined || owners.has(port)) return port;
    owners.set(port, owner);
    await this.#store(owners);
    return port;
  }

  #firstFree(owners: ReadonlyMap<number, PortOwner>): number | undefined {
    const { first, last } = this.#range;
    for (let port = first; port <= last; port++) if (!owners.has(port)) return port;
    return undefined;
  }

  /** Takes their ports from indexes that are no longer there. */
  async #freeOne(owners: Map<number, PortOwner>): Promise<number | undefined> {
    for (const [port, owner] of [...owners]) {
      if (!(await this.#isThere(owner))) owners.delete(port);
    }
    return this.#firstFree(owners);
  }

  /** Or is about to be. */
  async #isThere(owner: PortOwner): Promise<boolean> {
    if (this.#claims.has(keyOf(owner))) return true;
    return (await this.#engine.getCollection(owner.project, owner.name)) !== undefined;
  }

  /** Of this range alone: ports of one that was configured before are not listened on. */
  #load(): Promise<Map<number, PortOwner>> {
    this.#owners ??= this.#read().catch((error: unknown) => {
      this.#owners = undefined;
      throw error;
    });
    return this.#owners;
  }

  async #read(): Promise<Map<number, PortOwner>> {
    const bytes = await this.#engine.readSetting(SETTING);
    if (bytes === undefined) return new Map();
    const rows = JSON.parse(Buffer.from(bytes).toString()) as readonly [number, string, string][];
    return new Map(
      rows
        .filter(([port]) => this.has(port))
        .map(([port, project, name]) => [port, { project, name }]),
    );
  }

  async #store(owners: Map<number, PortOwner>): Promise<void> {
    const rows = [...owners].map(([port, { project, name }]) => [port, project, name]);
    await this.#engine.writeSetting(SETTING, Buffer.from(JSON.stringify(rows)));
    this.#owners = Promise.resolve(owners);
  }
}

function keyOf({ project, name }: PortOwner): string {
  return `${project}\0${name}`;
}

function find(owners: ReadonlyMap<number, PortOwner>, wanted: PortOwner): number | undefined {
  for (const [port, { project, name }] of owners) {
    if (project === wanted.project && name === wanted.name) return port;
  }
  return undefined;
}
