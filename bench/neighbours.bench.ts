/**
 * Quiet tenants beside a loud one: their latency, answers and errors alone and while another tenant
 * sends as much as it can, loads, filters with a thousand terms, asks for a thousand hits, or
 * scans; and while others are offloaded.
 *
 *   npm run bench -- neighbours --quick
 *
 * Beside each, how late the event loop of the control thread was: what a piece of work that is not
 * cut costs everybody.
 *
 * Over HTTP a server process, a process that is loud, and this one, which measures, share the
 * machine; in process the loud one and the quiet ones share a thread.
 */
import { fork, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { fileURLToPath } from "node:url";
import { isInsulaError } from "../src/base/errors.ts";
import type { Engine } from "../src/engine/index.ts";
import { FolderObjectStore, NodeFileSystem } from "../src/io/index.ts";
import { DEFAULT_VECTOR, type Filter, type Place, type Query } from "../src/model/index.ts";
import { clusteredVectors } from "./support/clustered-vectors.ts";
import { EngineFolder, rowOf } from "./support/engine-folder.ts";
import { LoadConnection } from "./support/load-client.ts";
import type { NoiseOrder, NoiseReport } from "./support/noise.ts";
import { QuietTenants, type Asked } from "./support/quiet-tenants.ts";
import { openReport, type Row } from "./support/report.ts";
import {
  buildServer,
  startServerProcess,
  type LoopDelay,
  type ServerProcess,
} from "./support/server-process.ts";

const DATABASE = "bench";
const COLLECTION = "tenants";
const LOUD = "loud";
const MOVED = "moved";
const QUERY_VECTORS = 16;
/** Of a filter, and of the hits asked for. */
const MANY = 1_000;
const LOAD_CONNECTIONS = 8;
const RATIO_MAX = 1.5;
const NOISE = fileURLToPath(new URL("./support/noise.ts", import.meta.url));

const report = openReport({
  path: "bench/neighbours.bench.ts",
  purpose: "Latency, answers and errors of quiet tenants beside a loud one.",
  example: "npm run bench -- neighbours --seconds 5 --by http",
  sizes: {
    quiet: { description: "quiet tenants", full: 99, quick: 9 },
    moved: { description: "tenants that are offloaded and come back", full: 20, quick: 3 },
    rows: { description: "records of a quiet tenant", full: 1_000, quick: 200 },
    loud: { description: "records of the loud tenant", full: 50_000, quick: 2_000 },
    dimension: { description: "numbers of a vector", full: 128, quick: 32 },
    rate: { description: "searches a second of all quiet tenants together", full: 100, quick: 50 },
    connections: { description: "connections of the loud one", full: 64, quick: 16 },
    seconds: { description: "time of each part", full: 10, quick: 1 },
  },
  texts: {
    by: { description: "http or library; default both", placeholder: "way" },
    only: { description: "the noises whose name has this text", placeholder: "text" },
  },
});
const dimension = report.size("dimension");
const quietCount = report.size("quiet");
const seconds = report.size("seconds");
const rate = report.size("rate");

interface Noise {
  readonly name: string;
  readonly connections: number;
  /** Requests of the native interface, taken in turn. */
  readonly bodies: readonly (readonly [path: string, body: unknown])[];
  /** The same for the engine. */
  run(engine: Engine, i: number): Promise<unknown>;
}

/** What a loud neighbour is started with, and ended. */
type StartNoise = (noise: Noise) => Promise<() => Promise<NoiseReport>>;

/** What is measured: those who are quiet, who is loud, and how late the loop is meanwhile. */
interface Scene {
  readonly quiet: QuietTenants;
  readonly start: StartNoise;
  /** Since it was asked last. */
  readonly loopDelay: () => Promise<LoopDelay>;
}

const source = clusteredVectors(dimension, 4_096, 5);
const queries = source.next(QUERY_VECTORS);
const folder = new EngineFolder();
const offloaded = mkdtempSync(join(tmpdir(), "insula-offloaded-"));
let worst = 0;
let errors = 0;
try {
  const way = report.text("by");
  await fill();
  if (way !== "library") await measureServer();
  if (way !== "http") await measureLibrary();
} finally {
  folder.remove();
  rmSync(offloaded, { recursive: true, force: true });
}
report.figure("errors and answers that differ", errors, "", { max: 0 });
report.finish();

async function fill(): Promise<void> {
  report.progress("writing the tenants");
  const engine = await folder.open();
  try {
    await engine.createDatabase(DATABASE);
    await engine.createCollection(DATABASE, COLLECTION, {
      schema: {
        vectors: [{ name: DEFAULT_VECTOR, dimension, metric: "cosine" }],
        identity: "key",
        unfilterable: [],
      },
      tenancy: "multi",
    });
    for (let i = 0; i < quietCount; i++) await put(engine, quietName(i), report.size("rows"));
    for (let i = 0; i < report.size("moved"); i++) {
      await put(engine, `${MOVED}-${i}`, report.size("rows"));
    }
    await put(engine, LOUD, report.size("loud"));
    await engine.flush();
  } finally {
    await engine.close();
  }
}

async function put(engine: Engine, tenant: string, count: number): Promise<void> {
  const place = placeOf(tenant);
  await engine.createTenant({ ...place, tenant });
  for (let at = 0; at < count; at += MANY) {
    const keys = Array.from({ length: Math.min(MANY, count - at) }, (_, i) => `r${at + i}`);
    await engine.upsert(place, {
      keys,
      vectors: [{ field: DEFAULT_VECTOR, values: source.next(keys.length) }],
      metadata: keys.map((_, i) => ({ n: at + i, group: (at + i) % 100 })),
    });
  }
}

async function measureServer(): Promise<void> {
  buildServer();
  const server = await startServerProcess(folder.path, { INSULA_OFFLOAD_TO: offloaded });
  try {
    const port = Number(new URL(server.access.url).port);
    const idle: LoadConnection[] = [];
    const asked = Array.from({ length: quietCount }, (_, i) =>
      requestOf(server, searchPath(quietName(i)), searchBody(i, {})),
    );
    const quiet = new QuietTenants(quietCount, async (tenant) => {
      const connection = idle.pop() ?? (await LoadConnection.open(port));
      const { status, body } = await connection.send(asked[tenant] ?? Buffer.alloc(0));
      idle.push(connection);
      if (status !== 200) throw new Error(`${status}: ${body}`);
      return JSON.stringify((JSON.parse(body) as { hits: unknown }).hits);
    });
    const start: StartNoise = async (noise) => {
      const child = await startNoise(server, port, noise);
      return () => endNoise(child);
    };
    await measure("over HTTP", { quiet, start, loopDelay: () => server.loopDelay() });
    for (const connection of idle) connection.close();
  } finally {
    await server.stop();
  }
}

async function measureLibrary(): Promise<void> {
  const store = new FolderObjectStore(new NodeFileSystem(offloaded), "");
  const engine = await folder.open({ offload: { open: () => Promise.resolve(store) } });
  try {
    const quiet = new QuietTenants(quietCount, async (i) => {
      const { hits } = await engine.query(placeOf(quietName(i)), queryOf(i, {}));
      return JSON.stringify(hits);
    });
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const loopDelay = (): Promise<LoopDelay> => {
      const since = { p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 };
      delay.reset();
      return Promise.resolve(since);
    };
    const start: StartNoise = (noise) => Promise.resolve(makeNoise(engine, noise));
    await measure("in process", { quiet, start, loopDelay });
  } finally {
    await engine.close();
  }
}

async function measure(way: string, { quiet, start, loopDelay }: Scene): Promise<void> {
  await quiet.wake();
  // Code is compiled by then.
  await quiet.askFor(seconds, rate);
  const rows: Row[] = [];
  const ask = async (): Promise<{ readonly asked: Asked; readonly row: Row }> => {
    await loopDelay();
    const asked = await quiet.askFor(seconds, rate);
    const { p99, max } = await loopDelay();
    return { asked, row: { ...rowFor(asked), "loop p99": p99, "loop max": max } };
  };
  const { asked: alone, row } = await ask();
  rows.push({ beside: "nobody", ...row, "× alone": 1, loud: 0, refused: 0 });
  errors += alone.errors;
  worst = 0;
  for (const noise of noises().filter(({ name }) => name.includes(report.text("only") ?? ""))) {
    report.progress(`${way}: ${noise.name}`);
    const end = await start(noise);
    await quiet.askFor(1, rate);
    const { asked: beside, row } = await ask();
    const { answered, refused, failed } = await end();
    const ratio = beside.p99 / alone.p99;
    worst = Math.max(worst, ratio);
    errors += beside.errors + failed;
    const shown = { "× alone": ratio, loud: answered / (seconds + 1), refused };
    rows.push({ beside: noise.name, ...row, ...shown });
  }
  const { asked: again, row: last } = await ask();
  const ratio = again.p99 / alone.p99;
  errors += again.errors;
  const shown = { "× alone": ratio, loud: 0, refused: 0 };
  rows.push({ beside: "nobody, again", ...last, ...shown });
  report.table(`Searches of quiet tenants ${way}, ms; answers of the loud one, a second`, rows);
  report.figure(`p99 ${way} beside a loud tenant / alone, the worst`, worst, "×", {
    max: RATIO_MAX,
  });
}

function rowFor({ p50, p99, count, errors: failed }: Asked): Row {
  return { p50, p99, searches: count, errors: failed };
}

function noises(): readonly Noise[] {
  const connections = report.size("connections");
  const few: Filter = {
    kind: "or",
    filters: Array.from({ length: MANY }, (_, i) => ({
      ...{ kind: "equal" as const, property: "n", value: i * 7 },
    })),
  };
  const fewBody = { $or: Array.from({ length: MANY }, (_, i) => ({ n: { $eq: i * 7 } })) };
  const include = { vectors: false, metadata: true };
  return [
    // Of a tenant as small as the others: nothing but their number is against them.
    searches("searches of a small tenant", { tenant: quietName(quietCount - 1) }),
    searches("searches of a large tenant", {}),
    searches("exact scans of a large tenant", { body: { exact: true }, query: { isExact: true } }),
    searches(`filters of ${MANY} terms`, { body: { filter: fewBody }, query: { filter: few } }),
    searches(`${MANY} hits with metadata`, {
      body: { topK: MANY, include: { metadata: true } },
      query: { topK: MANY, include },
    }),
    load("a bulk load", 200),
    load("a bulk load in large bodies", 5_000),
    offloads(),
  ];

  function searches(name: string, { tenant = LOUD, body = {}, query = {} }: SearchesSpec): Noise {
    return {
      name,
      connections,
      bodies: Array.from({ length: QUERY_VECTORS }, (_, i) => [
        searchPath(tenant),
        searchBody(i, body),
      ]),
      run: (engine, i) => engine.query(placeOf(tenant), queryOf(i, query)),
    };
  }
}

interface SearchesSpec {
  readonly tenant?: string;
  readonly body?: object;
  readonly query?: Partial<Query>;
}

function load(name: string, rowCount: number): Noise {
  const keyCount = 20_000;
  const values = source.next(rowCount);
  const keysOf = (i: number): string[] =>
    Array.from({ length: rowCount }, (_, n) => `b${(i * rowCount + n) % keyCount}`);
  const metadata = Array.from({ length: rowCount }, (_, n) => ({
    ...{ n, text: "some words that a record has" },
  }));
  return {
    name,
    connections: LOAD_CONNECTIONS,
    bodies: Array.from({ length: keyCount / rowCount }, (_, i) => [
      `${pathOf(LOUD)}/records/upsert`,
      {
        records: keysOf(i).map((key, n) => ({
          key,
          vector: [...rowOf(values, dimension, n)],
          metadata: metadata[n],
        })),
      },
    ]),
    run: (engine, i) =>
      engine.upsert(placeOf(LOUD), {
        keys: keysOf(i),
        vectors: [{ field: DEFAULT_VECTOR, values }],
        metadata,
      }),
  };
}

/** One connection: they go and come back in turn. */
function offloads(): Noise {
  const states = ["OFFLOADED", "ACTIVE"] as const;
  const path = `databases/${DATABASE}/collections/${COLLECTION}/tenant-states`;
  const pattern = `${MOVED}-*`;
  return {
    name: "others that are offloaded and come back",
    connections: 1,
    bodies: states.map((state) => [path, { state, pattern, limit: MANY }]),
    run: (engine, i) =>
      engine.setTenantStates(DATABASE, COLLECTION, {
        state: states[i % 2] ?? "ACTIVE",
        pattern,
        limit: MANY,
      }),
  };
}

/** On this thread, as many calls at once as there are connections. */
function makeNoise(engine: Engine, { connections, run }: Noise): () => Promise<NoiseReport> {
  const counted = { answered: 0, refused: 0, failed: 0 };
  let isOver = false;
  let next = 0;
  const work = async (): Promise<void> => {
    while (!isOver) {
      try {
        await run(engine, next++);
        counted.answered++;
      } catch (error) {
        if (!isInsulaError(error)) throw error;
        if (error.code === "limit_exceeded") counted.refused++;
        else counted.failed++;
      }
    }
  };
  const all = Promise.all(Array.from({ length: connections }, work));
  return async () => {
    isOver = true;
    await all;
    return counted;
  };
}

function searchBody(i: number, more: object): object {
  return { vector: [...rowOf(queries, dimension, i % QUERY_VECTORS)], topK: 10, ...more };
}

function queryOf(i: number, more: Partial<Query>): Query {
  return {
    field: DEFAULT_VECTOR,
    vector: rowOf(queries, dimension, i % QUERY_VECTORS),
    topK: 10,
    include: { vectors: false, metadata: false },
    ...more,
  };
}

function placeOf(tenant: string): Place {
  return { database: DATABASE, collection: COLLECTION, tenant };
}

function quietName(i: number): string {
  return `quiet-${i}`;
}

function pathOf(tenant: string): string {
  return `databases/${DATABASE}/collections/${COLLECTION}/tenants/${tenant}`;
}

function searchPath(tenant: string): string {
  return `${pathOf(tenant)}/records/search`;
}

function requestOf({ access }: ServerProcess, path: string, body: unknown): Buffer {
  const text = JSON.stringify(body);
  const head =
    `POST /insula/v1/${path} HTTP/1.1\r\nhost: ${new URL(access.url).host}\r\n` +
    `authorization: Bearer ${access.secret}\r\ncontent-type: application/json\r\n` +
    `content-length: ${Buffer.byteLength(text)}\r\n\r\n`;
  return Buffer.from(head + text);
}

async function startNoise(
  server: ServerProcess,
  port: number,
  { connections, bodies }: Noise,
): Promise<ChildProcess> {
  const child = fork(NOISE, [], { execArgv: ["--import", "tsx"] });
  await new Promise((resolve) => child.once("message", resolve));
  const requests = bodies.map(([path, body]) => requestOf(server, path, body).toString("base64"));
  child.send({ port, connections, requests } satisfies NoiseOrder);
  return child;
}

function endNoise(child: ChildProcess): Promise<NoiseReport> {
  const ended = new Promise<NoiseReport>((resolve) => {
    child.once("message", (noise: NoiseReport) => {
      resolve(noise);
    });
  });
  child.send("end");
  return ended;
}
