/**
 * Takes damaged shards out of service, so that damage stays with the tenant it met.
 *
 * What a call found is looked at again before anything is decided: everything the shard has on disk
 * is read. Damage that is still there is written into the shard's row, durably; from then on every
 * call on it fails with the same sentence, until the shard is deleted. A read that went astray and
 * cannot be found again changes nothing.
 */
import { toHex, type ShardUid } from "../base/brands.ts";
import { InsulaError } from "../base/errors.ts";
import {
  auditShard,
  isStillNamed,
  quarantineError,
  type ShardAuditDoors,
  type ShardDamage,
  type ShardState,
} from "../shard/index.ts";
import { garbageCollectionKey } from "./catalog-keys.ts";
import type { Catalog } from "./catalog.ts";

/** Looks at a shard whose segments are replaced while it is looked at. */
const LOOKS_MAX = 5;

export interface QuarantineDoors extends Omit<ShardAuditDoors, "pace"> {
  readonly catalog: Catalog;
  readonly pause: () => Promise<void>;
  /** Waits for the shard's users, lets go of it without a flush, then runs `commit`. */
  readonly release: (uid: ShardUid, commit: () => Promise<void>) => Promise<void>;
  /** A shard was taken out of service. */
  readonly onDamage: (error: InsulaError) => void;
}

export class Quarantine {
  readonly #doors: QuarantineDoors;
  /** One examination per shard, whoever asks. */
  readonly #running = new Map<string, Promise<InsulaError | undefined>>();

  constructor(doors: QuarantineDoors) {
    this.#doors = doors;
  }

  /**
   * A call on the shard failed with `cause`.
   *
   * @param isCertain true when the shard was found sound before and its data cannot be used
   *   nevertheless.
   * @throws InsulaError `data_damaged` as every later call will; `cause` when nothing can be said.
   */
  async examine(uid: ShardUid, cause: unknown, isCertain: boolean): Promise<void> {
    const verdict = await this.#once(uid, async () => {
      const state = await this.#doors.catalog.readShard(uid);
      if (state !== undefined && state.quarantine !== "") return quarantineError(state.quarantine);
      if (state !== undefined && (await this.#isGoing(state))) return goneError();
      const found = await this.findDamage(uid, this.#doors.pause);
      const now = found === undefined ? await this.#doors.catalog.readShard(uid) : state;
      if (now === undefined || (await this.#isGoing(now))) return goneError();
      if (found === undefined && !isCertain) return undefined;
      const reason = cause instanceof Error ? cause.message : String(cause);
      return this.#confine(uid, found ?? { file: "", reason, part: undefined });
    });
    if (verdict !== undefined) throw verdict;
  }

  /**
   * Takes a shard out of service that somebody else has found damaged.
   *
   * @param name of the shard for people: nothing in its row says it.
   * @returns false when it turns out to be gone, or going.
   */
  async confine(uid: ShardUid, damage: ShardDamage, name: string): Promise<boolean> {
    const verdict = await this.#once(uid, () => this.#confine(uid, damage, name));
    return verdict?.code === "data_damaged";
  }

  /**
   * Reads the whole shard; undefined when it is sound, gone or going, or out of service already.
   */
  async findDamage(uid: ShardUid, pace: ShardAuditDoors["pace"]): Promise<ShardDamage | undefined> {
    const { catalog } = this.#doors;
    for (let look = 0; look < LOOKS_MAX; look++) {
      const state = await catalog.readShard(uid);
      if (state === undefined) return undefined;
      if (state.quarantine !== "") return undefined;
      const damage = await auditShard({ ...this.#doors, pace }, state);
      if (damage === undefined) return undefined;
      const now = await catalog.readShard(uid);
      if (now === undefined || (await this.#isGoing(now))) return undefined;
      if (isStillNamed(damage, now)) return damage;
    }
    return undefined;
  }

  /** Its collection is deleted: its key may be gone already, its row not yet. */
  async #isGoing({ collectionNumber }: Pick<ShardState, "collectionNumber">): Promise<boolean> {
    const row = await this.#doors.catalog.get(garbageCollectionKey(collectionNumber));
    return row !== undefined;
  }

  async #confine(
    uid: ShardUid,
    damage: ShardDamage,
    name?: string,
  ): Promise<InsulaError | undefined> {
    const { catalog, onDamage } = this.#doors;
    const { file, reason } = damage;
    const text = file === "" ? reason : `${file}: ${reason}`;
    const whose = name === undefined ? "" : ` of ${name}`;
    let verdict: InsulaError | undefined;
    await this.#doors.release(uid, async () => {
      const state = await catalog.readShard(uid);
      if (state === undefined) return;
      if (await this.#isGoing(state)) {
        verdict = goneError();
        return;
      }
      verdict = quarantineError(state.quarantine === "" ? text : state.quarantine);
      if (state.quarantine !== "") return;
      // Told also when it cannot be written down: the damage is met again, then.
      onDamage(
        new InsulaError("data_damaged", `Shard ${toHex(uid)}${whose} is out of service: ${text}`, {
          details: { shard: toHex(uid), file },
        }),
      );
      await catalog.commit([{ kind: "quarantine", shard: uid, reason: text }]);
    });
    return verdict;
  }

  #once(
    uid: ShardUid,
    look: () => Promise<InsulaError | undefined>,
  ): Promise<InsulaError | undefined> {
    const id = toHex(uid);
    const running = this.#running.get(id) ?? look().finally(() => this.#running.delete(id));
    this.#running.set(id, running);
    return running;
  }
}

function goneError(): InsulaError {
  return new InsulaError("tenant_not_found", "Cannot use the data: they were just deleted.");
}
