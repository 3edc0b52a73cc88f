/**
 * One world of the neutrality bench: a process of its own with an engine, one tenant that is
 * measured and, when asked, very many others. It does what its parent sends.
 */
import type { Place, Query } from "../../src/model/index.ts";
import { clusteredVectors } from "./clustered-vectors.ts";
import { Comers } from "./comers.ts";
import { EngineFolder, putRows } from "./engine-folder.ts";
import { runConcurrently, timeMs } from "./samples.ts";

const DATABASE = "neutral";
const COLLECTION = "c";
const DIMENSION = 384;
const ROWS = 1_000;
const NAMES_AT_ONCE = 10_000;
const WRITES_AT_ONCE = 512;
const PLACE: Place = { database: DATABASE, collection: COLLECTION, tenant: "me" };

/** In the order in which a round makes them: what is created is deleted again. */
export const CALL_KINDS = ["create", "read", "update", "search", "delete"] as const;
export type CallKind = (typeof CALL_KINDS)[number];

export type WorldOrder =
  | { readonly order: "prepare" }
  /** So many calls of a kind, one after the other; answers their times in ms. */
  | { readonly order: "calls"; readonly kind: CallKind; readonly count: number }
  /** Flushes and merges the tenant that is measured. */
  | { readonly order: "settle" }
  | { readonly order: "fill"; readonly tenants: number }
  | { readonly order: "change schema" }
  | { readonly order: "start comers"; readonly perSecond: number }
  /** Answers how many were made and erased in a second. */
  | { readonly order: "stop comers" }
  | { readonly order: "end" };

const folder = new EngineFolder();
const engine = await folder.open();
const source = clusteredVectors(DIMENSION, 20_000, 5);
const values = source.next(1);
const query: Query = {
  field: "",
  vector: source.next(1),
  topK: 10,
  include: { vectors: false, metadata: true },
};
let comers: Comers | undefined;

process.on("message", (order: WorldOrder) => {
  void obey(order).then((answer) => {
    process.send?.({ answer });
    if (order.order === "end") process.disconnect();
  });
});

async function obey(order: WorldOrder): Promise<unknown> {
  switch (order.order) {
    case "prepare":
      return prepare();
    case "calls":
      return measure(order.kind, order.count);
    case "settle":
      await engine.flush(PLACE);
      return engine.compact(PLACE);
    case "fill":
      return fill(order.tenants);
    case "change schema":
      return changeSchema();
    case "start comers":
      comers = new Comers(engine, PLACE, order.perSecond);
      return undefined;
    case "stop comers":
      return comers?.stop();
    case "end":
      await engine.close();
      folder.remove();
      return undefined;
  }
}

async function prepare(): Promise<void> {
  await engine.createDatabase(DATABASE);
  const vectors = [{ name: "", dimension: DIMENSION, metric: "cosine" as const }];
  const schema = { vectors, identity: "key" as const, unfilterable: [] };
  await engine.createCollection(DATABASE, COLLECTION, { schema, tenancy: "multi" });
  const keys = Array.from({ length: ROWS }, (_, row) => keyOf(row));
  await putRows(engine, PLACE, keys, source.next(ROWS));
  await engine.flush(PLACE);
}

function keyOf(row: number): string {
  return `k${String(row).padStart(6, "0")}`;
}

async function measure(kind: CallKind, count: number): Promise<readonly number[]> {
  const put = (i: number) => (): Promise<unknown> =>
    putRows(engine, PLACE, [keyOf(ROWS + i)], values);
  const calls: Readonly<Record<CallKind, (i: number) => () => Promise<unknown>>> = {
    create: put,
    read: (i) => () => engine.get(PLACE, [keyOf((i * 7) % ROWS)], query.include),
    update: put,
    search: () => () => engine.query(PLACE, query),
    delete: (i) => () => engine.delete(PLACE, [keyOf(ROWS + i)]),
  };
  const times: number[] = [];
  for (let i = 0; i < count; i++) times.push(await timeMs(calls[kind](i)));
  return times;
}

async function fill(count: number): Promise<void> {
  const names = Array.from({ length: count }, (_, i) => `t${String(i).padStart(7, "0")}`);
  for (let first = 0; first < count; first += NAMES_AT_ONCE) {
    await engine.createTenants(DATABASE, COLLECTION, names.slice(first, first + NAMES_AT_ONCE));
  }
  await runConcurrently(count, WRITES_AT_ONCE, (i) =>
    putRows(engine, { ...PLACE, tenant: names[i] ?? "" }, ["k"], values),
  );
  await engine.flush(PLACE);
}

/** All tenants but those that are awake sleep through it. @returns its longest time, in ms. */
async function changeSchema(): Promise<{ readonly ms: number; readonly woken: number }> {
  const before = engine.stats();
  const times: number[] = [];
  for (const recall of [0.9, 0.99, 0.95]) {
    const patch = { vectors: [{ name: "", recall }], policy: { inactiveAfter: "3650d" } };
    times.push(await timeMs(() => engine.updateCollection(DATABASE, COLLECTION, patch)));
  }
  const woken = engine.stats().usage.activations - before.usage.activations;
  return { ms: Math.max(...times), woken };
}
