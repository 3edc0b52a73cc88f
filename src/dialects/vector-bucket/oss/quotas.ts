/**
 * The quotas and rates of a vendor account, enforced only when the server is told to imitate them
 * (`ossQuotas: "seed"`). Otherwise a bucket holds as many indexes as the engine can.
 */
import { InsulaError } from "../../../base/errors.ts";
import { KeyedLock } from "../../../base/keyed-lock.ts";
import { OSS_LIMITS, OSS_SEED_QUOTAS } from "./limits.ts";

/** Accounts whose rates are remembered; the longest silent is forgotten. Source: ours. */
const ACCOUNTS_MAX = 1_024;
const SECOND_MS = 1_000;

/** Counts of one account. */
interface AccountUse {
  /** Times of the last index creations, oldest first, at most one second old. */
  creationsAtMs: number[];
  runningIndexLists: number;
}

/** Says no in time. One per server. */
export class OssQuotas {
  readonly isOn: boolean;
  readonly topKMax: number;
  readonly #clock: { monotonicMs(): number };
  readonly #accounts = new Map<string, AccountUse>();
  readonly #creating = new KeyedLock();

  constructor(quotas: "off" | "seed", clock: { monotonicMs(): number }) {
    this.isOn = quotas === "seed";
    this.topKMax = this.isOn ? OSS_SEED_QUOTAS.topKMax : OSS_LIMITS.topKMax;
    this.#clock = clock;
  }

  /**
   * Runs counting and creating as one step, so that two callers cannot both take the last place.
   * Off: runs at once.
   */
  async alone<T>(create: () => Promise<T>): Promise<T> {
    return this.isOn ? this.#creating.run("", create) : create();
  }

  /** @throws InsulaError `database_quota_exceeded` */
  checkBuckets(bucketCount: number): void {
    if (!this.isOn || bucketCount < OSS_SEED_QUOTAS.bucketsMax) return;
    throw new InsulaError(
      "database_quota_exceeded",
      `Cannot create the bucket: an account has at most ${String(OSS_SEED_QUOTAS.bucketsMax)} in one region.`,
    );
  }

  /** @throws InsulaError `collection_quota_exceeded` */
  checkIndexes(indexCount: number): void {
    if (!this.isOn || indexCount < OSS_SEED_QUOTAS.indexesPerBucketMax) return;
    throw new InsulaError(
      "collection_quota_exceeded",
      `Cannot create the vector index: a bucket has at most ${String(OSS_SEED_QUOTAS.indexesPerBucketMax)}.`,
    );
  }

  /**
   * @param rowCount  vectors in the index now; replaced ones count as added, the quota is not that
   * exact.
   * @throws InsulaError `record_quota_exceeded`
   */
  checkVectors(rowCount: number, addedCount: number): void {
    if (!this.isOn || rowCount + addedCount <= OSS_SEED_QUOTAS.vectorsPerIndexMax) return;
    throw new InsulaError(
      "record_quota_exceeded",
      `Cannot write the vectors: an index holds at most ${String(OSS_SEED_QUOTAS.vectorsPerIndexMax)}.`,
    );
  }

  /** Counts one PutVectorIndex call. @throws InsulaError `rate_exceeded` */
  countIndexCreation(accountId: string): void {
    if (!this.isOn) return;
    const use = this.#useOf(accountId);
    const nowMs = this.#clock.monotonicMs();
    use.creationsAtMs = use.creationsAtMs.filter((atMs) => nowMs - atMs < SECOND_MS);
    const [oldestAtMs] = use.creationsAtMs;
    if (
      oldestAtMs !== undefined &&
      use.creationsAtMs.length >= OSS_SEED_QUOTAS.indexCreationsPerSecondMax
    ) {
      throw tooFast("index creations a second", SECOND_MS - (nowMs - oldestAtMs));
    }
    use.creationsAtMs.push(nowMs);
  }

  /** Runs one ListVectorIndexes call. @throws InsulaError `rate_exceeded` when too many run. */
  async listIndexes<T>(accountId: string, list: () => Promise<T>): Promise<T> {
    if (!this.isOn) return list();
    const use = this.#useOf(accountId);
    if (use.runningIndexLists >= OSS_SEED_QUOTAS.concurrentIndexListsMax) {
      throw tooFast("listings of indexes at the same time", SECOND_MS);
    }
    use.runningIndexLists++;
    try {
      return await list();
    } finally {
      use.runningIndexLists--;
    }
  }

  #useOf(accountId: string): AccountUse {
    const use = this.#accounts.get(accountId) ?? { creationsAtMs: [], runningIndexLists: 0 };
    this.#accounts.delete(accountId);
    this.#accounts.set(accountId, use);
    if (this.#accounts.size > ACCOUNTS_MAX) {
      for (const [silent, { runningIndexLists }] of this.#accounts) {
        if (runningIndexLists > 0) continue;
        this.#accounts.delete(silent);
        break;
      }
    }
    return use;
  }
}

function tooFast(what: string, retryAfterMs: number): InsulaError {
  return new InsulaError("rate_exceeded", `Cannot take the request: too many ${what}.`, {
    retryAfterMs,
  });
}
