/**
 * A million namespaces in one index of Pinecone's interface, asleep: statistics and pages of names
 * over HTTP, what the answers weigh, and that nobody is woken by them.
 *
 *   npm run bench -- namespaces --quick
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Engine } from "../src/engine/index.ts";
import { EngineFolder, putRows } from "./support/engine-folder.ts";
import { dropPageCache } from "./support/machine.ts";
import { openReport, type Row } from "./support/report.ts";
import { quantiles } from "./support/samples.ts";
import { buildServer, startServerProcess, type ServerProcess } from "./support/server-process.ts";

/** Where keys without a database of their own find their indexes. */
const DATABASE = "pinecone";
const INDEX = "docs";
const DIMENSION = 8;
const NAMES_AT_ONCE = 10_000;
/** Every so many namespaces one has a record. */
const FILLED_STEP = 1_000;
const STATS_MS_MAX = 50;
const STATS_BYTES_MAX = 1_048_576;

const report = openReport({
  path: "bench/namespaces.bench.ts",
  purpose: "A million sleeping namespaces in one index: statistics and listings.",
  example: "npm run bench -- namespaces --folder /mnt/disk/namespaces",
  sizes: {
    namespaces: { description: "namespaces of the index", full: 1_000_000, quick: 20_000 },
    samples: { description: "calls of each kind", full: 200, quick: 20 },
  },
  texts: { folder: { description: "keep the data here and use it again", placeholder: "path" } },
  remarks: ["To empty the page cache it must run as root; without, it says so and goes on.", ""],
});
const count = report.size("namespaces");
const samples = report.size("samples");
const given = report.text("folder");
if (given !== undefined) mkdirSync(given, { recursive: true });
const folder = new EngineFolder(given);
const stamp = join(folder.path, "bench-sizes.json");
const nameOf = (i: number): string => `tenant-${String(i).padStart(7, "0")}`;

buildServer();
try {
  if (!existsSync(stamp)) await fill();
  else if (readFileSync(stamp, "utf8") !== String(count)) {
    throw new Error(`${folder.path} holds data of other sizes: name another folder.`);
  }
  const isCold = dropPageCache();
  if (!isCold) report.remark("The page cache could not be emptied: the first call is not cold.");
  const server = await startServerProcess(folder.path);
  try {
    await measure(server);
  } finally {
    await server.stop();
  }
} finally {
  folder.remove();
}
report.finish();

async function fill(): Promise<void> {
  const engine = await folder.open();
  try {
    await engine.createDatabase(DATABASE);
    const vectors = [{ name: "", dimension: DIMENSION, metric: "cosine" as const }];
    const schema = { vectors, identity: "key" as const, unfilterable: [] };
    await engine.createCollection(DATABASE, INDEX, { schema, tenancy: "multi" });
    report.progress(`creating ${count} namespaces`);
    for (let first = 0; first < count; first += NAMES_AT_ONCE) {
      const part = Math.min(NAMES_AT_ONCE, count - first);
      const names = Array.from({ length: part }, (_, i) => nameOf(first + i));
      await engine.createTenants(DATABASE, INDEX, names);
    }
    await fillSome(engine);
  } finally {
    await engine.close();
  }
  writeFileSync(stamp, String(count));
}

async function fillSome(engine: Engine): Promise<void> {
  for (let i = 0; i < count; i += FILLED_STEP) {
    const place = { database: DATABASE, collection: INDEX, tenant: nameOf(i) };
    await putRows(engine, place, ["a"], new Float32Array(DIMENSION).fill(1));
  }
}

interface Answer {
  readonly text: string;
  readonly ms: number;
}

async function measure(server: ServerProcess): Promise<void> {
  const call = async (method: string, path: string): Promise<Answer> => {
    const startedAt = performance.now();
    const answer = await fetch(new URL(`/ix/${INDEX}${path}`, server.access.url), {
      method,
      headers: { "api-key": server.access.secret, "x-pinecone-api-version": "2025-10" },
      ...(method === "POST" && { body: "{}" }),
    });
    const text = await answer.text();
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${text}`);
    return { text, ms: performance.now() - startedAt };
  };
  // As clients do to learn the host of an index.
  await call("GET", `/indexes/${INDEX}`);
  const middle = nameOf(count >> 1);
  const kinds: readonly (readonly [string, () => Promise<Answer>])[] = [
    ["describe_index_stats", () => call("POST", "/describe_index_stats")],
    ["list_namespaces, 100", () => call("GET", "/namespaces?limit=100")],
    [
      "list_namespaces, 100 of a prefix",
      () => call("GET", `/namespaces?prefix=${middle.slice(0, -3)}`),
    ],
    ["describe_namespace", () => call("GET", `/namespaces/${middle}`)],
  ];
  const rows: Row[] = [];
  for (const [what, run] of kinds) {
    report.progress(what);
    const first = await run();
    const times: number[] = [];
    for (let i = 0; i < samples; i++) times.push((await run()).ms);
    const { p50, p99 } = quantiles(times);
    rows.push({
      what,
      "first ms": first.ms,
      "p50 ms": p50,
      "p99 ms": p99,
      bytes: first.text.length,
    });
  }
  const walked = await walk(call);
  if (walked !== count) throw new Error(`${walked} namespaces are listed`);
  report.table(`${count} namespaces over HTTP`, rows);
  const stats = rows[0] ?? {};
  report.figure("statistics, first", Number(stats["first ms"]), "ms", { max: STATS_MS_MAX });
  report.figure("statistics, p99", Number(stats["p99 ms"]), "ms", { max: STATS_MS_MAX });
  report.figure("statistics", Number(stats["bytes"]), "bytes", { max: STATS_BYTES_MAX });
  await checkNobodyWoke(server);
}

/** All pages, as a client's own loop asks for them. @returns how many names there were. */
async function walk(call: (method: string, path: string) => Promise<Answer>): Promise<number> {
  report.progress("all pages of list_namespaces");
  let found = 0;
  let next: string | undefined;
  const startedAt = performance.now();
  do {
    const token = next === undefined ? "" : `&paginationToken=${encodeURIComponent(next)}`;
    const { text } = await call("GET", `/namespaces?limit=100${token}`);
    const page = JSON.parse(text) as {
      readonly namespaces: readonly unknown[];
      readonly pagination: { readonly next: string } | null;
    };
    found += page.namespaces.length;
    next = page.pagination?.next;
  } while (next !== undefined);
  const ms = performance.now() - startedAt;
  report.figure("all names, page after page", (found * 1_000) / ms, "/s");
  return found;
}

/** The first query wakes one: so the metric is known to count. */
async function checkNobodyWoke({ access }: ServerProcess): Promise<void> {
  const woken = await readActivations(access.url);
  report.figure("activations", woken, "", { max: 0 });
  const vector = Array.from({ length: DIMENSION }, () => 1);
  const answer = await fetch(new URL(`/ix/${INDEX}/query`, access.url), {
    method: "POST",
    headers: { "api-key": access.secret },
    body: JSON.stringify({ namespace: nameOf(0), topK: 1, vector }),
  });
  if (answer.status !== 200) throw new Error(await answer.text());
  const then = await readActivations(access.url);
  if (then !== woken + 1) throw new Error(`${String(then)} activations after one query`);
}

/** A series that was never counted has no line. */
async function readActivations(url: string): Promise<number> {
  const text = await (await fetch(new URL("/metrics", url))).text();
  const lines = text.matchAll(/^insula_tenant_activation_seconds_count(?:\{[^}]*\})? (\d+)$/gm);
  return [...lines].reduce((sum, [, value]) => sum + Number(value), 0);
}
