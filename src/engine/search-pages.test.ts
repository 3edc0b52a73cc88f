/**
 * Searches read page by page: one state for all pages, whatever happens meanwhile; how long they
 * are kept, how many, and for whom.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { SEARCHES_KEPT_MAX, SEARCHES_KEPT_OF_SHARD_MAX, SEARCH_KEPT_MS } from "../base/limits.ts";
import { ManualClock, MemoryFileSystem, SeededRandom } from "../io/index.ts";
import type { Hit, Query } from "../model/index.ts";
import { openEngine, type Engine, type TenantPlace } from "./index.ts";

const PLACE: TenantPlace = placeOf("t");
const ROWS = 60;
const KEYS = Array.from({ length: ROWS }, (_, i) => `k${String(i).padStart(2, "0")}`);
const ALL = { vectors: true, metadata: true };

let engine: Engine;
let clock: ManualClock;

beforeEach(async () => {
  clock = new ManualClock();
  engine = await openEngine({
    files: new MemoryFileSystem(),
    clock,
    random: new SeededRandom(1),
    workerCount: 0,
    policy: { packedBytesMax: 0, mergeFanIn: 1_000, smallShardBytes: 0 },
  });
  await engine.createDatabase("db");
  const vectors = [{ name: "", dimension: 2, metric: "euclidean" as const }];
  const schema = { vectors, identity: "key" as const, unfilterable: [] };
  await engine.createCollection("db", "c", { schema, tenancy: "multi", createsTenants: true });
  await write(0, KEYS.slice(0, 20));
  await engine.flush(PLACE);
  await write(0, KEYS.slice(20));
});

afterEach(async () => {
  await engine.close();
});

function placeOf(tenant: string): TenantPlace {
  return { database: "db", collection: "c", tenant };
}

async function write(version: number, keys: readonly string[], place = PLACE): Promise<void> {
  const values = keys.flatMap((key) => [version, Number(key.slice(1)) * 1.5]);
  await engine.upsert(place, {
    keys,
    vectors: [{ field: "", values: Float32Array.from(values) }],
    metadata: keys.map(() => ({ version })),
  });
}

function asked(more: Partial<Query> = {}): Query {
  return { field: "", vector: Float32Array.of(0, 40), topK: 50, include: ALL, ...more };
}

async function rest(cursor: string | undefined): Promise<readonly Hit[]> {
  const hits: Hit[] = [];
  for (let next = cursor; next !== undefined;) {
    const page = await engine.nextHits(PLACE, next);
    hits.push(...page.hits);
    next = page.cursor;
  }
  return hits;
}

async function keep(place = PLACE): Promise<string> {
  const { cursor } = await engine.keepQuery(place, asked(), 7);
  return cursor ?? "";
}

describe("pages of a search", () => {
  it("are together what one search finds, whatever is written, flushed and merged meanwhile", async () => {
    const whole = await engine.query(PLACE, asked());
    const first = await engine.keepQuery(PLACE, asked(), 7);
    expect(first.hits).toEqual(whole.hits.slice(0, 7));
    expect(first).toMatchObject({ activation: { state: "ACTIVE" }, plan: { path: "codes" } });
    await write(1, KEYS);
    await engine.flush(PLACE);
    await engine.delete(PLACE, KEYS.slice(30));
    await engine.flush(PLACE);
    await engine.compact(PLACE);
    await engine.deleteAll(PLACE);
    expect([...first.hits, ...(await rest(first.cursor))]).toEqual(whole.hits);
  });

  it("are the same when they are asked for again", async () => {
    const cursor = await keep();
    const once = await engine.nextHits(PLACE, cursor);
    await engine.nextHits(PLACE, once.cursor ?? "");
    expect(await engine.nextHits(PLACE, cursor)).toEqual(once);
  });

  it("end with the last hit, and nothing is kept for a search of one page", async () => {
    const last = await engine.keepQuery(PLACE, asked({ topK: 100 }), ROWS);
    expect([last.hits.length, last.cursor]).toEqual([ROWS, undefined]);
    const near = await engine.keepQuery(PLACE, asked({ maxDistance: 3 }), 10);
    expect([near.hits.length, near.cursor]).toEqual([4, undefined]);
    const nobody = await engine.keepQuery(placeOf("nobody"), asked(), 10);
    expect([nobody.hits, nobody.cursor]).toEqual([[], undefined]);
  });

  it("without a record that was searched by", async () => {
    const like = { key: "k30", isLeftOut: true };
    const { vector: _, ...query } = asked({ like });
    const first = await engine.keepQuery(PLACE, { ...query, topK: ROWS }, 7);
    const keys = [...first.hits, ...(await rest(first.cursor))].map(({ key }) => key);
    expect(keys).not.toContain("k30");
    expect(keys).toHaveLength(ROWS - 1);
  });

  it("are refused with mmr, of no hit, and of more than all", async () => {
    const diverse = asked({ mmr: { lambda: 0.5 } });
    for (const [query, pageSize] of [
      [diverse, 7],
      [asked(), 0],
      [asked(), 51],
      [asked(), 1.5],
    ] as const) {
      await expect(engine.keepQuery(PLACE, query, pageSize)).rejects.toMatchObject({
        code: "argument_invalid",
      });
    }
  });
});

describe("a search that is kept", () => {
  const missing = { code: "search_not_found", kind: "not_found" };

  it("is of its tenant only", async () => {
    const cursor = await keep();
    await write(0, KEYS, placeOf("other"));
    for (const place of [placeOf("other"), placeOf("nobody")]) {
      await expect(engine.nextHits(place, cursor)).rejects.toMatchObject(missing);
      await engine.forgetQuery(place, cursor);
    }
    expect((await engine.nextHits(PLACE, cursor)).hits).toHaveLength(7);
  });

  it.each(["", "x", `${"0".repeat(32)}-`, `${"0".repeat(32)}-123456`, `${"0".repeat(31)}g-7`])(
    "is not named by %j",
    async (cursor) => {
      const refused = { code: "page_token_invalid" };
      await expect(engine.nextHits(PLACE, cursor)).rejects.toMatchObject(refused);
      await expect(engine.forgetQuery(PLACE, cursor)).rejects.toMatchObject(refused);
    },
  );

  it("is forgotten a while after its last page, and gives its memory back", async () => {
    const usedBytes = async (): Promise<number> => {
      await engine.deleteAll(PLACE);
      return engine.stats().arenaBytesUsed;
    };
    const cursor = await keep();
    clock.advance(SEARCH_KEPT_MS - 1);
    await engine.nextHits(PLACE, cursor);
    clock.advance(SEARCH_KEPT_MS - 1);
    await engine.nextHits(PLACE, cursor);
    const held = await usedBytes();
    clock.advance(SEARCH_KEPT_MS + 1);
    await expect(engine.nextHits(PLACE, cursor)).rejects.toMatchObject(missing);
    expect(await usedBytes()).toBeLessThan(held);
  });

  it("is forgotten when that is asked for, when its tenant sleeps, and when it is erased", async () => {
    for (const end of [
      (cursor: string) => engine.forgetQuery(PLACE, cursor),
      () => engine.deactivate(PLACE),
      () => engine.setTenantState(PLACE, "INACTIVE"),
      () => engine.eraseTenant(PLACE),
    ]) {
      await engine.setTenantState(PLACE, "ACTIVE");
      const cursor = await keep();
      await end(cursor);
      await expect(engine.nextHits(PLACE, cursor)).rejects.toMatchObject(missing);
    }
  });

  it("gives way to newer ones: of its tenant first", async () => {
    const others = await Promise.all(
      Array.from({ length: SEARCHES_KEPT_OF_SHARD_MAX }, () => keep()),
    );
    const [first = "", second = ""] = others;
    await engine.nextHits(PLACE, first);
    await keep();
    await expect(engine.nextHits(PLACE, second)).rejects.toMatchObject(missing);
    expect((await engine.nextHits(PLACE, first)).hits).toHaveLength(7);
    const tenants = Array.from({ length: SEARCHES_KEPT_MAX }, (_, i) => placeOf(`o${String(i)}`));
    const cursors: string[] = [];
    for (const place of tenants) {
      await write(0, KEYS.slice(0, 10), place);
      cursors.push(await keep(place));
    }
    await expect(engine.nextHits(PLACE, first)).rejects.toMatchObject(missing);
    const [eldest] = tenants;
    expect(eldest && (await engine.nextHits(eldest, cursors[0] ?? "")).hits).toHaveLength(3);
  });
});
