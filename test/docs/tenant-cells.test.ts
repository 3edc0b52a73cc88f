/**
 * Every cell of the tables at the end of docs/tenant-states.md is run: eight calls of a tenant in
 * six states, where its collection does things by itself and where it does not. A cell says what
 * comes of the call, the state it leaves, and what the call read of files and of the object store.
 * `RECORD=1` writes the tables anew.
 */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, expect, it } from "vitest";
import { isInsulaError } from "../../src/base/errors.ts";
import { openEngine, type Engine } from "../../src/engine/index.ts";
import {
  CountingFileSystem,
  ManualClock,
  MemoryFileSystem,
  MemoryObjectStore,
  SeededRandom,
  type ByteRange,
} from "../../src/io/index.ts";
import type { Filter, Query, TenantState, WriteBatch } from "../../src/model/index.ts";
import { rowsOf } from "./tables.ts";

const DIMENSION = 64;
const ROWS = 1_000;
/** A call that is not answered in so many waits for something else. */
const WORKING_TURNS = 2_000;
const PLACE = { database: "d", collection: "c", tenant: "t" };
const INCLUDE = { vectors: false, metadata: true };
const FILTER: Filter = { kind: "equal", property: "year", value: 7 };
const QUERY: Query = { field: "", vector: rowOf(3), topK: 5, include: INCLUDE };
const STATES = ["ACTIVE", "INACTIVE", "OFFLOADED", "missing", "ONLOADING", "OFFLOADING"] as const;
type Start = (typeof STATES)[number];

function rowOf(i: number): Float32Array {
  return Float32Array.from({ length: DIMENSION }, (_, j) => Math.sin(i * DIMENSION + j));
}

function batchOf(first: number, count: number): WriteBatch {
  const rows = Array.from({ length: count }, (_, i) => first + i);
  const values = new Float32Array(count * DIMENSION);
  for (const [i, row] of rows.entries()) values.set(rowOf(row), i * DIMENSION);
  const keys = rows.map((row) => `k${String(row).padStart(5, "0")}`);
  return { keys, vectors: [{ field: "", values }], metadata: rows.map((year) => ({ year })) };
}

/** Each answers how many records it found or changed. */
const CALLS: Readonly<Record<string, (engine: Engine) => Promise<number>>> = {
  search: async (engine) => (await engine.query(PLACE, QUERY)).hits.length,
  get: async (engine) =>
    (await engine.get(PLACE, ["k00007"], INCLUDE)).filter((found) => found !== undefined).length,
  filter: async (engine) => (await engine.query(PLACE, { ...QUERY, filter: FILTER })).hits.length,
  upsert: async (engine) => (await engine.upsert(PLACE, batchOf(ROWS, 1))).rowsAdded,
  update: async (engine) =>
    (await engine.update(PLACE, [{ key: "k00007", metadata: { year: 8 } }])).rowsReplaced,
  delete: async (engine) => (await engine.delete(PLACE, ["k00007"])).rowsReplaced,
  list: async (engine) => (await engine.list(PLACE, { include: INCLUDE, limit: 5 })).items.length,
  count: (engine) => engine.count(PLACE),
};

/** Tells the reads of calls from those of a move, and holds moves up while it is told to. */
class MeteredStore extends MemoryObjectStore {
  bytesRead = 0;
  held: "reads" | "writes" | undefined;
  readonly #waiting: (() => void)[] = [];

  override async get(
    key: string,
    range?: ByteRange,
    signal?: AbortSignal,
  ): Promise<Uint8Array | undefined> {
    // Who moves a tenant says when it is given up; a call about its records does not.
    if (signal !== undefined) await this.#pass("reads");
    const bytes = await super.get(key, range);
    if (signal === undefined) this.bytesRead += bytes?.length ?? 0;
    return bytes;
  }

  override async putIfAbsent(key: string, body: Uint8Array): Promise<boolean> {
    await this.#pass("writes");
    return super.putIfAbsent(key, body);
  }

  release(): void {
    this.held = undefined;
    for (const go of this.#waiting.splice(0)) go();
  }

  async #pass(kind: "reads" | "writes"): Promise<void> {
    if (this.held === kind) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }
}

interface Bench {
  readonly engine: Engine;
  readonly files: CountingFileSystem;
  readonly store: MeteredStore;
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await new Promise(setImmediate);
}

async function stateOf({ engine }: Bench): Promise<TenantState | undefined> {
  return (await engine.getTenant(PLACE))?.state;
}

/** A tenant of one segment that sleeps, in the state that is asked for. */
async function benchIn(start: Start, isAutomatic: boolean): Promise<Bench> {
  const memory = new MemoryFileSystem();
  const store = new MeteredStore();
  const common = {
    clock: new ManualClock(),
    workerCount: 0,
    masterKey: new Uint8Array(32).fill(1),
  };
  const offload = { open: () => Promise.resolve(store) };
  const first = await openEngine({
    ...common,
    files: memory,
    random: new SeededRandom(1),
    offload,
  });
  await first.createDatabase("d");
  const vectors = [{ name: "", dimension: DIMENSION, metric: "cosine" as const }];
  await first.createCollection("d", "c", {
    schema: { identity: "key", vectors, unfilterable: [] },
    tenancy: "multi",
    createsTenants: isAutomatic,
    activatesTenants: isAutomatic,
  });
  if (start !== "missing") {
    await first.createTenant(PLACE);
    await first.upsert(PLACE, batchOf(0, ROWS));
    await first.flush(PLACE);
    if (start === "INACTIVE") await first.setTenantState(PLACE, start);
    if (start === "OFFLOADED" || start === "ONLOADING") {
      await first.setTenantState(PLACE, "OFFLOADED");
    }
  }
  await first.close();
  const files = new CountingFileSystem(memory);
  const engine = await openEngine({ ...common, files, random: new SeededRandom(2), offload });
  const bench = { engine, files, store };
  if (start === "ONLOADING" || start === "OFFLOADING") {
    store.held = start === "ONLOADING" ? "reads" : "writes";
    const asked = start === "ONLOADING" ? "ACTIVE" : "OFFLOADED";
    engine.setTenantState(PLACE, asked).catch(() => undefined);
    while ((await stateOf(bench)) !== start) await settle();
    await settle();
  }
  // What the call brings back in the background has not arrived when it is answered.
  if (start === "OFFLOADED") store.held = "reads";
  files.reset();
  store.bytesRead = 0;
  return bench;
}

async function cellOf(call: string, start: Start, isAutomatic: boolean): Promise<string> {
  const bench = await benchIn(start, isAutomatic);
  const { engine, files, store } = bench;
  let waited = "";
  let isDone = false;
  try {
    const running = (CALLS[call] ?? (() => Promise.reject(new Error(call))))(engine)
      .then(
        (found) => (found > 0 ? "answered" : "finds nothing"),
        (error: unknown) => (isInsulaError(error) ? `\`${error.code}\`` : String(error)),
      )
      .finally(() => {
        isDone = true;
      });
    for (let turn = 0; turn < WORKING_TURNS && !isDone; turn++) await new Promise(setImmediate);
    if (!isDone) {
      waited = "waits, then ";
      store.release();
    }
    const outcome = await running;
    const state = await stateOf(bench);
    const read = files.calls.filter(
      ({ kind, path: file }) => kind.startsWith("read") && /^(seg|pack|log)\//.test(file),
    );
    const bytes = store.bytesRead + read.reduce((sum, { length }) => sum + length, 0);
    const read0 = bytes === 0 ? "0" : `${String(Math.ceil(bytes / 1_024))} KiB`;
    return `${waited}${outcome}, ${state === undefined ? "missing" : `\`${state}\``}, ${read0}`;
  } finally {
    store.release();
    await engine.close();
  }
}

const DOCUMENT = path.resolve(import.meta.dirname, "../../docs/tenant-states.md");
const TITLES = { on: "### By itself", off: "### Only when asked" } as const;
const cells = new Map<string, string>();

/** The table below a title, by call. */
function tableOf(title: string): ReadonlyMap<string, readonly string[]> {
  const document = readFileSync(DOCUMENT, "utf8");
  const section = document.slice(document.indexOf(title) + title.length).split(/^##/m)[0] ?? "";
  return new Map(rowsOf(section).map(([call = "", ...row]) => [call, row]));
}

function printTable(mode: string): string {
  const head = ["call", ...STATES.map((state) => (state === "missing" ? state : `\`${state}\``))];
  const rows = Object.keys(CALLS).map((call) => [
    call,
    ...STATES.map((state) => cells.get(`${mode} ${call} ${state}`) ?? ""),
  ]);
  const line = (row: readonly string[]): string => `| ${row.join(" | ")} |\n`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("");
}

afterAll(() => {
  if (process.env["RECORD"] === undefined) return;
  let text = readFileSync(DOCUMENT, "utf8");
  for (const [mode, title] of Object.entries(TITLES)) {
    const start = text.indexOf(title) + title.length;
    const next = text.slice(start).search(/\n##/);
    const end = next < 0 ? text.length : start + next;
    text = `${text.slice(0, start)}\n\n${printTable(mode)}${text.slice(end)}`;
  }
  writeFileSync(DOCUMENT, text);
});

for (const [mode, title] of Object.entries(TITLES)) {
  const isAutomatic = mode === "on";
  it.each(Object.keys(CALLS).flatMap((call) => STATES.map((state) => [call, state] as const)))(
    `${title.slice(4)}: %s of a tenant that is %s`,
    async (call, state) => {
      const cell = await cellOf(call, state, isAutomatic);
      cells.set(`${mode} ${call} ${state}`, cell);
      if (process.env["RECORD"] !== undefined) return;
      expect(cell).toBe(tableOf(title).get(call)?.[STATES.indexOf(state)]);
    },
  );
}
