/**
 * Signed queries over HTTP: requests per second, latency, recall, and where the time goes.
 *
 *   npx tsx bench/http-query.bench.ts --quick
 */
import type { Place } from "../src/model/index.ts";
import { clusteredVectors, SeededNumbers } from "./support/clustered-vectors.ts";
import { createIndex, EngineFolder, putRows, recallOf, rowOf } from "./support/engine-folder.ts";
import { LoadConnection } from "./support/load-client.ts";
import { openReport } from "./support/report.ts";
import { quantiles } from "./support/samples.ts";
import { meanPhases, ServerChild } from "./support/server-child.ts";
import { buildServer } from "./support/server-process.ts";

const BUCKET = "bench";
const TOP_K = 10;
/** Different query vectors, taken in turn. */
const QUERY_VECTORS = 64;
const REQUESTS_MIN = 256;

const report = openReport({
  path: "bench/http-query.bench.ts",
  purpose: "Signed QueryVectors over HTTP against a server on one core.",
  example: "npx tsx bench/http-query.bench.ts --seconds 10 --unparsed 1",
  sizes: {
    dimension: { description: "numbers of a vector", full: 1_024, quick: 1_024 },
    indexes: { description: "indexes, asked in random order", full: 1, quick: 1 },
    rows: { description: "rows of an index", full: 1_000, quick: 1_000 },
    seconds: { description: "time measured", full: 10, quick: 2 },
    connections: { description: "connections, one request each at a time", full: 16, quick: 16 },
    digits: { description: "significant digits of a number", full: 17, quick: 17 },
    cores: { description: "1: one core for the server, 0: all", full: 1, quick: 1 },
    unparsed: { description: "1: vectors are read by JSON.parse", full: 0, quick: 0 },
  },
  texts: {
    built: { description: "folder of compiled sources, for example dist", placeholder: "folder" },
    flags: {
      description: "flags of Node for the server, for example --cpu-prof",
      placeholder: "text",
    },
  },
});
const dimension = report.size("dimension");
const indexCount = report.size("indexes");
const rowCount = report.size("rows");
const source = clusteredVectors(dimension, rowCount, 7);
const rows = source.next(rowCount);
const queries = source.next(QUERY_VECTORS);
const truths = Array.from({ length: QUERY_VECTORS }, (_, i) =>
  nearest(rowOf(queries, dimension, i)),
);

buildServer();
/** Doubles next to the float32: what a client prints that holds embeddings as doubles. */
const texts = Array.from({ length: QUERY_VECTORS }, (_, i) =>
  [...rowOf(queries, dimension, i)]
    .map((value) => (value * 1.000_000_001).toPrecision(report.size("digits")))
    .join(),
);

const folder = new EngineFolder();
try {
  await fill();
  const server = await ServerChild.start({
    dataDir: folder.path,
    isUnparsed: report.size("unparsed") === 1,
    hasAllCores: report.size("cores") === 0,
    flags: report.text("flags")?.split(" ") ?? [],
    builtDir: report.text("built") ?? "dist",
  });
  let perSecond = 0;
  const requests = makeRequests(server);
  try {
    perSecond = await measure(server, requests);
  } finally {
    await server.stop();
  }
  await measurePeer(requests, perSecond);
} finally {
  folder.remove();
}
report.finish();

/** The same rows in every index, each flushed to a segment. */
async function fill(): Promise<void> {
  report.progress(`writing ${rowCount} rows in each of ${indexCount} indexes`);
  const engine = await folder.open();
  try {
    await engine.createDatabase(BUCKET);
    const keys = Array.from({ length: rowCount }, (_, i) => `r${i}`);
    for (let i = 0; i < indexCount; i++) {
      const place: Place = { database: BUCKET, collection: `i${i}` };
      await createIndex(engine, place, dimension);
      for (let start = 0; start < rowCount; start += 500) {
        const end = Math.min(start + 500, rowCount);
        const block = rows.subarray(start * dimension, end * dimension);
        await putRows(engine, place, keys.slice(start, end), block);
      }
      await engine.flush(place);
    }
  } finally {
    await engine.close();
  }
}

async function measure(server: ServerChild, requests: readonly PreparedRequest[]): Promise<number> {
  const connections = await Promise.all(
    Array.from({ length: report.size("connections") }, () => LoadConnection.open(server.port)),
  );
  report.progress("warming up: each index is asked once");
  await askEach(server, connections);
  await drive(connections, requests, 2);
  const before = await server.phases();
  report.progress("measuring");
  const { latencies, recalls, seconds } = await drive(
    connections,
    requests,
    report.size("seconds"),
  );
  const phases = meanPhases(before, await server.phases());
  for (const connection of connections) connection.close();
  const { p50, p99, count } = quantiles(latencies);
  report.table(
    "Time by phase, µs a request",
    [...phases].map(([phase, mean]) => ({ phase, mean })),
  );
  report.figure("queries", count / seconds, "/s", { min: 6_000 });
  report.figure("p50", p50, "ms");
  report.figure("p99", p99, "ms");
  report.figure("recall@10", quantiles(recalls).mean, "", { min: 0.99 });
  return count / seconds;
}

/** The same requests to a server of Node that only reads and parses them: the machine's measure. */
async function measurePeer(requests: readonly PreparedRequest[], perSecond: number): Promise<void> {
  const server = await ServerChild.startBare();
  try {
    const connections = await Promise.all(
      Array.from({ length: report.size("connections") }, () => LoadConnection.open(server.port)),
    );
    await drive(connections, requests, 1);
    const { latencies, seconds } = await drive(connections, requests, report.size("seconds") / 2);
    for (const connection of connections) connection.close();
    const bare = latencies.length / seconds;
    report.figure("bare node:http with JSON.parse, no search, no signature", bare, "/s");
    report.figure("queries / bare", perSecond / bare, "×");
  } finally {
    await server.stop();
  }
}

interface PreparedRequest {
  readonly bytes: Buffer;
  readonly truth: readonly { readonly key: string }[];
}

function makeRequests(server: ServerChild): readonly PreparedRequest[] {
  const numbers = new SeededNumbers(3);
  return Array.from({ length: Math.max(REQUESTS_MIN, indexCount * 2) }, (_, i) => ({
    bytes: server.sign(BUCKET, "queryVectors", bodyOf(numbers.below(indexCount), i)),
    truth: truths[i % QUERY_VECTORS] ?? [],
  }));
}

function bodyOf(index: number, query: number): string {
  const vector = texts[query % QUERY_VECTORS] ?? "";
  const settings = `"indexName":"i${index}","topK":${TOP_K},"returnDistance":true`;
  return `{${settings},"queryVector":{"float32":[${vector}]}}`;
}

/** Wakes every index: what waking costs is measured by cold-start.bench.ts. */
async function askEach(server: ServerChild, connections: readonly LoadConnection[]): Promise<void> {
  let next = 0;
  const work = async (connection: LoadConnection): Promise<void> => {
    for (let i = next++; i < indexCount; i = next++) {
      const request = server.sign(BUCKET, "queryVectors", bodyOf(i, i));
      const { status, body } = await connection.send(request);
      if (status !== 200) throw new Error(`The server answered ${status}: ${body}`);
    }
  };
  await Promise.all(connections.map(work));
}

async function drive(
  connections: readonly LoadConnection[],
  requests: readonly PreparedRequest[],
  durationSeconds: number,
): Promise<{ readonly latencies: number[]; readonly recalls: number[]; readonly seconds: number }> {
  const latencies: number[] = [];
  const recalls: number[] = [];
  const startedAt = performance.now();
  const endAt = startedAt + durationSeconds * 1_000;
  let next = 0;
  const work = async (connection: LoadConnection): Promise<void> => {
    for (let at = performance.now(); at < endAt;) {
      const request = requests[next++ % requests.length];
      if (request === undefined) throw new Error("There are no requests.");
      const { status, body } = await connection.send(request.bytes);
      if (status !== 200) throw new Error(`The server answered ${status}: ${body}`);
      const now = performance.now();
      latencies.push(now - at);
      at = now;
      // Each answer is read once for its recall, later ones of the same request are equal.
      if (recalls.length < requests.length) recalls.push(recallOf(hitsOf(body), request.truth));
    }
  };
  await Promise.all(connections.map(work));
  return { latencies, recalls, seconds: (performance.now() - startedAt) / 1_000 };
}

function hitsOf(body: string): readonly { readonly key: string }[] {
  return (JSON.parse(body) as { vectors: { key: string }[] }).vectors;
}

/** The nearest by cosine, in double precision. */
function nearest(query: Float32Array): readonly { readonly key: string }[] {
  const found = Array.from({ length: rowCount }, (_, i) => {
    const row = rows.subarray(i * dimension, (i + 1) * dimension);
    let dot = 0;
    let squares = 0;
    for (let d = 0; d < dimension; d++) {
      const value = row[d] ?? 0;
      dot += value * (query[d] ?? 0);
      squares += value * value;
    }
    return { key: `r${i}`, similarity: dot / Math.sqrt(squares) };
  });
  return found.sort((a, b) => b.similarity - a.similarity).slice(0, TOP_K);
}
