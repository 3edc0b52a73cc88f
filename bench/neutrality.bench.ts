/**
 * One tenant alone, the same among very many that sleep, and the same while others are made and
 * erased all the time: what each kind of its calls takes, and what a change of the schema of all of
 * them does.
 *
 *   npm run bench -- neutrality --quick
 *
 * The engine in this process, durable, the calls one after the other: what is compared is the rest
 * of the world, not the machine.
 */
import type { Place, Query } from "../src/model/index.ts";
import { clusteredVectors } from "./support/clustered-vectors.ts";
import { Comers } from "./support/comers.ts";
import { EngineFolder, putRows } from "./support/engine-folder.ts";
import { openReport, type Row } from "./support/report.ts";
import { quantiles, runConcurrently, timeMs } from "./support/samples.ts";

const DATABASE = "neutral";
const COLLECTION = "c";
const DIMENSION = 384;
const ROWS = 1_000;
const NAMES_AT_ONCE = 10_000;
const WRITES_AT_ONCE = 512;
const RATIO_MAX = 1.2;

const report = openReport({
  path: "bench/neutrality.bench.ts",
  purpose: "One tenant alone, among many, and while others come and go.",
  example: "npm run bench -- neutrality --tenants 100000 --samples 1000",
  sizes: {
    tenants: { description: "others, asleep, with a record each", full: 100_000, quick: 2_000 },
    samples: { description: "calls of each kind in each world", full: 1_000, quick: 50 },
    comers: { description: "tenants made and erased in a second", full: 1_000, quick: 100 },
  },
  remarks: ["Milliseconds; the same tenant of 1,000 × 384 in every world.", ""],
});
const sampleCount = report.size("samples");
const source = clusteredVectors(DIMENSION, 20_000, 5);
const PLACE: Place = { database: DATABASE, collection: COLLECTION, tenant: "me" };

interface World {
  readonly name: string;
  readonly times: ReadonlyMap<string, readonly number[]>;
}

const folder = new EngineFolder();
const engine = await folder.open();
try {
  await prepare();
  await measure("warming up");
  const alone = await measure("alone");
  await fillOthers();
  await changeSchema();
  const many = await measure(`among ${String(report.size("tenants"))}`);
  const comers = new Comers(
    engine,
    { database: DATABASE, collection: COLLECTION },
    report.size("comers"),
  );
  const busy = await measure("while others come and go");
  const rate = await comers.stop();
  compare(alone, [many, busy]);
  report.figure("tenants made and erased meanwhile", rate, "/s");
} finally {
  await engine.close();
  folder.remove();
}
report.finish();

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

/** Each kind one after the other; what is created is deleted again. */
async function measure(name: string): Promise<World> {
  report.progress(name);
  const query: Query = {
    field: "",
    vector: source.next(1),
    topK: 10,
    include: { vectors: false, metadata: true },
  };
  const values = source.next(1);
  const put = (row: number) => (): Promise<unknown> => putRows(engine, PLACE, [keyOf(row)], values);
  const calls: Readonly<Record<string, (i: number) => () => Promise<unknown>>> = {
    create: (i) => put(ROWS + i),
    read: (i) => () => engine.get(PLACE, [keyOf(i % ROWS)], query.include),
    update: (i) => put(ROWS + i),
    search: () => () => engine.query(PLACE, query),
    delete: (i) => () => engine.delete(PLACE, [keyOf(ROWS + i)]),
  };
  const times = new Map<string, readonly number[]>();
  for (const [kind, call] of Object.entries(calls)) {
    const samples: number[] = [];
    for (let i = 0; i < sampleCount; i++) samples.push(await timeMs(call(i)));
    times.set(kind, samples);
  }
  await engine.flush(PLACE);
  await engine.compact(PLACE);
  return { name, times };
}

async function fillOthers(): Promise<void> {
  const count = report.size("tenants");
  report.progress(`making ${String(count)} others`);
  const names = Array.from({ length: count }, (_, i) => `t${String(i).padStart(7, "0")}`);
  for (let first = 0; first < count; first += NAMES_AT_ONCE) {
    await engine.createTenants(DATABASE, COLLECTION, names.slice(first, first + NAMES_AT_ONCE));
  }
  const values = source.next(1);
  await runConcurrently(count, WRITES_AT_ONCE, (i) =>
    putRows(engine, { ...PLACE, tenant: names[i] ?? "" }, ["k"], values),
  );
  await engine.flush(PLACE);
}

/** All tenants but those that are awake sleep through it. */
async function changeSchema(): Promise<void> {
  const before = engine.stats();
  const times: number[] = [];
  for (const recall of [0.9, 0.99, 0.95]) {
    const patch = { vectors: [{ name: "", recall }], policy: { inactiveAfter: "3650d" } };
    times.push(await timeMs(() => engine.updateCollection(DATABASE, COLLECTION, patch)));
  }
  const woken = engine.stats().usage.activations - before.usage.activations;
  report.figure("a change of the schema of all", Math.max(...times), "ms", { max: 100 });
  report.figure("tenants woken by it", woken, "", { max: 0 });
}

function compare(alone: World, others: readonly World[]): void {
  const rows: Row[] = [];
  for (const [kind, samples] of alone.times) {
    const base = quantiles(samples);
    rows.push({ call: kind, world: alone.name, p50: base.p50, p99: base.p99, ratio: 1 });
    for (const { name, times } of others) {
      const { p50, p99 } = quantiles(times.get(kind) ?? []);
      rows.push({ call: kind, world: name, p50, p99, ratio: p50 / base.p50 });
    }
  }
  report.table("Calls of one tenant, ms", rows);
  const [many] = others;
  for (const [kind, samples] of alone.times) {
    const ratio = quantiles(many?.times.get(kind) ?? []).p50 / quantiles(samples).p50;
    report.figure(`${kind}, among many against alone, p50`, ratio, "×", { max: RATIO_MAX });
  }
}
