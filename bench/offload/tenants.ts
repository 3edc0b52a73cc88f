/** The tenants of the offload: written by the calls for many, hashed with all that they hold. */
import { createHash } from "node:crypto";
import type { Engine, TenantPlace } from "../../src/engine/index.ts";
import type { Place } from "../../src/model/index.ts";
import { clusteredVectors } from "../support/clustered-vectors.ts";
import { nearestQuery, patiently, rowOf } from "../support/engine-folder.ts";
import { runConcurrently } from "../support/samples.ts";

const DATABASE = "offload";
const COLLECTION = "tenants";
const DIMENSION = 64;
const ROWS_MIN = 4;
const NAMES_AT_ONCE = 10_000;
const WRITES_AT_ONCE = 256;
const READS_AT_ONCE = 32;
const BATCH_ROWS_MAX = 2_000;
const PAGE_ROWS = 1_000;
/** Of one slice of a change of all. */
const SLICE = 1_000;
const TOP_K = 10;
/** Beginnings of batches in the numbers that all of them share. */
const STARTS = 1_024;
const QUERIES = clusteredVectors(DIMENSION, 4_000, 23).next(16);

export class Tenants {
  readonly count: number;
  readonly #rowsMax: number;

  constructor(count: number, rowsMax: number) {
    this.count = count;
    this.#rowsMax = rowsMax;
  }

  /** By Zipf's law; the first is the largest. */
  rowsOf(i: number): number {
    return Math.max(ROWS_MIN, Math.floor(this.#rowsMax / (i + 1)));
  }

  async write(engine: Engine): Promise<number> {
    const vectors = [{ name: "", dimension: DIMENSION, metric: "cosine" as const }];
    const schema = { vectors, identity: "key" as const, unfilterable: [] };
    await engine.createDatabase(DATABASE);
    await engine.createCollection(DATABASE, COLLECTION, {
      schema,
      tenancy: "multi",
      activatesTenants: true,
    });
    for (let first = 0; first < this.count; first += NAMES_AT_ONCE) {
      const names = Array.from({ length: Math.min(NAMES_AT_ONCE, this.count - first) }, (_, i) =>
        nameOf(first + i),
      );
      await engine.createTenants(DATABASE, COLLECTION, names);
    }
    const block = clusteredVectors(DIMENSION, 4_000, 22).next(BATCH_ROWS_MAX + STARTS);
    let rows = 0;
    await runConcurrently(this.count, WRITES_AT_ONCE, async (i) => {
      for (let first = 0; first < this.rowsOf(i); first += BATCH_ROWS_MAX) {
        const count = Math.min(BATCH_ROWS_MAX, this.rowsOf(i) - first);
        const start = ((i + first) % STARTS) * DIMENSION;
        const keys = Array.from({ length: count }, (_, row) => `k${String(first + row)}`);
        await patiently(() =>
          engine.upsert(placeOf(i), {
            keys,
            vectors: [{ field: "", values: block.subarray(start, start + count * DIMENSION) }],
            metadata: keys.map((key, row) => ({ tenant: nameOf(i), key, year: row % 10 })),
          }),
        );
        rows += count;
      }
    });
    return rows;
  }

  /** SHA-256 of keys, vectors and metadata of each, in the order of the keys. */
  async hashAll(engine: Engine): Promise<readonly string[]> {
    const hashes: string[] = [];
    await runConcurrently(this.count, READS_AT_ONCE, async (i) => {
      hashes[i] = await hashOf(engine, placeOf(i));
    });
    return hashes;
  }

  /** All of them, slice by slice. @returns how many could not be changed. */
  async become(engine: Engine, state: "ACTIVE" | "OFFLOADED"): Promise<number> {
    let failed = 0;
    for (let after: string | undefined; ;) {
      const slice = await engine.setTenantStates(DATABASE, COLLECTION, {
        ...{ pattern: "*", state, limit: SLICE },
        ...(after === undefined ? {} : { after }),
      });
      failed += slice.failed;
      if (slice.next === undefined) return failed;
      after = slice.next;
    }
  }
}

export function placeOf(i: number): TenantPlace {
  return { database: DATABASE, collection: COLLECTION, tenant: nameOf(i) };
}

/** A search of one tenant: its hits as a text, to be compared. */
export async function searchIn(engine: Engine, i: number): Promise<string> {
  const query = nearestQuery(rowOf(QUERIES, DIMENSION, i % 16), TOP_K);
  const include = { vectors: false, metadata: true };
  return JSON.stringify((await engine.query(placeOf(i), { ...query, include })).hits);
}

function nameOf(i: number): string {
  return `t${String(i).padStart(7, "0")}`;
}

async function hashOf(engine: Engine, place: Place): Promise<string> {
  const hash = createHash("sha256");
  const include = { vectors: true, metadata: true };
  for (let after: string | undefined; ;) {
    const { items, hasMore } = await engine.list(place, {
      ...{ limit: PAGE_ROWS, include },
      ...(after === undefined ? {} : { after }),
    });
    for (const { key, metadata, vectors } of items) {
      hash.update(JSON.stringify([key, metadata]));
      for (const [field, vector] of vectors ?? []) hash.update(field).update(vector);
    }
    if (!hasMore) return hash.digest("base64");
    after = items.at(-1)?.key;
  }
}
