/**
 * The quotas and rates of a vendor account, enforced only when the server is told to imitate the
 * vendors (`ossQuotas: "seed"`). Otherwise a bucket holds as many indexes as the engine can.
 */
import { InsulaError } from "../../../base/errors.ts";
import { KeyedLock } from "../../../base/keyed-lock.ts";
import { S3_QUOTAS } from "./limits.ts";

/** Indexes whose rates are remembered; the longest silent is forgotten. Source: ours. */
const INDEXES_MAX = 1_024;
const SECOND_MS = 1_000;

/** Writes to one index in one second. */
interface IndexUse {
  readonly startMs: number;
  calls: number;
  vectors: number;
}

/** Says no in time. One per server. */
export class S3Quotas {
  readonly isOn: boolean;
  readonly #clock: { monotonicMs(): number };
  readonly #indexes = new Map<string, IndexUse>();
  readonly #creating = new KeyedLock();

  constructor(quotas: "off" | "seed", clock: { monotonicMs(): number }) {
    this.isOn = quotas === "seed";
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
    if (!this.isOn || bucketCount < S3_QUOTAS.bucketsMax) return;
    throw new InsulaError(
      "database_quota_exceeded",
      `An account has at most ${String(S3_QUOTAS.bucketsMax)} vector buckets in one region`,
    );
  }

  /** @throws InsulaError `collection_quota_exceeded` */
  checkIndexes(indexCount: number): void {
    if (!this.isOn || indexCount < S3_QUOTAS.indexesPerBucketMax) return;
    throw new InsulaError(
      "collection_quota_exceeded",
      `A vector bucket has at most ${String(S3_QUOTAS.indexesPerBucketMax)} indexes`,
    );
  }

  /**
   * @param rowCount  vectors in the index now; replaced ones count as added, the quota is not that
   * exact.
   * @throws InsulaError `record_quota_exceeded`
   */
  checkVectors(rowCount: number, addedCount: number): void {
    if (!this.isOn || rowCount + addedCount <= S3_QUOTAS.vectorsPerIndexMax) return;
    throw new InsulaError(
      "record_quota_exceeded",
      `An index holds at most ${String(S3_QUOTAS.vectorsPerIndexMax)} vectors`,
    );
  }

  /** Counts one PutVectors or DeleteVectors call. @throws InsulaError `rate_exceeded` */
  countWrite(
    place: { readonly database: string; readonly collection: string },
    vectors: number,
  ): void {
    if (!this.isOn) return;
    const use = this.#useOf(`${place.database}/${place.collection}`);
    const calls = use.calls + 1;
    const written = use.vectors + vectors;
    if (
      calls > S3_QUOTAS.writeCallsPerSecondMax ||
      written > S3_QUOTAS.writtenVectorsPerSecondMax
    ) {
      throw new InsulaError("rate_exceeded", "Too many writes to the index in one second", {
        retryAfterMs: SECOND_MS - (this.#clock.monotonicMs() - use.startMs),
      });
    }
    use.calls = calls;
    use.vectors = written;
  }

  #useOf(name: string): IndexUse {
    const nowMs = this.#clock.monotonicMs();
    const kept = this.#indexes.get(name);
    const isCurrent = kept !== undefined && nowMs - kept.startMs < SECOND_MS;
    const use = isCurrent ? kept : { startMs: nowMs, calls: 0, vectors: 0 };
    this.#indexes.delete(name);
    this.#indexes.set(name, use);
    const [silent] = this.#indexes.keys();
    if (this.#indexes.size > INDEXES_MAX && silent !== undefined) this.#indexes.delete(silent);
    return use;
  }
}
