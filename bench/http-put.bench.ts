/**
 * Durable ingest over HTTP: puts of prepared JSON, each acknowledged after its sync and searchable
 * at once, flat.
 *
 *   npx tsx bench/http-put.bench.ts --quick
 */
import { clusteredVectors } from "./support/clustered-vectors.ts";
import { EngineFolder, rowOf } from "./support/engine-folder.ts";
import { LoadConnection } from "./support/load-client.ts";
import { OssClient, putBody } from "./support/oss-client.ts";
import { openReport } from "./support/report.ts";
import { quantiles } from "./support/samples.ts";
import { buildServer, startServerProcess, type ServerProcess } from "./support/server-process.ts";
import { signPost } from "./support/sign-post.ts";

const BUCKET = "bench";
/** Different bodies, taken in turn; their keys are written anew for every put. */
const BODIES = 8;
/** Records with one and the same vector that an index may have at the end, and a query returns. */
const SAME_VECTORS_MAX = 2_000;
const KEY_DIGITS = 10;
const KEY_START = Buffer.from(`{"key":"`);

const report = openReport({
  path: "bench/http-put.bench.ts",
  purpose: "Vectors acknowledged durable per second through JSON over HTTP, signed.",
  example: "npx tsx bench/http-put.bench.ts --seconds 60 --indexes 8",
  sizes: {
    dimension: { description: "numbers of a vector", full: 1_024, quick: 1_024 },
    batch: { description: "vectors of a put", full: 500, quick: 500 },
    clients: { description: "clients, one put each at a time", full: 8, quick: 8 },
    indexes: { description: "indexes, shared out among the clients", full: 8, quick: 8 },
    seconds: { description: "time measured", full: 60, quick: 3 },
  },
});
const dimension = report.size("dimension");
const batch = report.size("batch");
const clientCount = report.size("clients");
const indexCount = report.size("indexes");

interface Body {
  readonly bytes: Buffer;
  /** Where the digits of each key stand. */
  readonly keys: readonly number[];
  readonly vectors: Float32Array;
}

buildServer();
const folder = new EngineFolder();
const server = await startServerProcess(folder.path);
try {
  await measure(server);
} finally {
  await server.stop();
  folder.remove();
}
report.finish();

async function measure({ access, memory }: ServerProcess): Promise<void> {
  const client = new OssClient(access);
  await client.createBucket(BUCKET);
  for (let i = 0; i < indexCount; i++) await client.createIndex(BUCKET, `i${i}`, dimension);
  const source = clusteredVectors(dimension, 4_000, 5);
  const port = Number(new URL(access.url).port);
  const latencies: number[] = [];
  let keyNumber = 0;
  let vectorCount = 0;

  const run = async (c: number, endAt: number): Promise<() => Promise<boolean>> => {
    const index = `i${c % indexCount}`;
    const bodies = Array.from({ length: Math.ceil(BODIES / clientCount) }, () =>
      makeBody(index, source.next(batch)),
    );
    const connection = await LoadConnection.open(port);
    const head = signPost(access, BUCKET, "putVectors");
    let last = "";
    let lastBody = bodies[0];
    for (let turn = 0; performance.now() < endAt; turn++) {
      const body = bodies[turn % bodies.length];
      if (body === undefined) throw new Error("There are no bodies.");
      lastBody = body;
      for (const at of body.keys) {
        last = String(keyNumber++).padStart(KEY_DIGITS, "0");
        body.bytes.write(last, at, "latin1");
      }
      const startedAt = performance.now();
      const request = Buffer.concat([head(body.bytes.length), body.bytes]);
      const { status, body: text } = await connection.send(request);
      if (status !== 200) throw new Error(`The server answered ${status}: ${text}`);
      latencies.push(performance.now() - startedAt);
      vectorCount += batch;
    }
    connection.close();
    return async () => {
      const vector = rowOf(lastBody?.vectors ?? new Float32Array(), dimension, batch - 1);
      const hits = await client.query(BUCKET, index, [...vector], SAME_VECTORS_MAX);
      return hits.some(({ key }) => key === last);
    };
  };

  report.progress("preparing and putting");
  const startedAt = performance.now();
  const endAt = startedAt + report.size("seconds") * 1_000;
  const checks = await Promise.all(Array.from({ length: clientCount }, (_, c) => run(c, endAt)));
  const seconds = (performance.now() - startedAt) / 1_000;
  const found = await Promise.all(checks.map((check) => check()));
  client.close();
  const { p50, p99, count } = quantiles(latencies);
  report.table("Puts", [{ puts: count, vectors: vectorCount, "p50 ms": p50, "p99 ms": p99 }]);
  const { anonymousMib } = memory();
  report.figure("vectors acknowledged durable", vectorCount / seconds, "/s", { min: 8_000 });
  report.figure(
    "last batch of each client found",
    found.filter(Boolean).length,
    `of ${clientCount}`,
  );
  report.figure("anonymous memory of the server", anonymousMib, "MiB");
}

function makeBody(indexName: string, values: Float32Array): Body {
  const vectors = Array.from({ length: batch }, (_, i) => ({
    key: "0".repeat(KEY_DIGITS),
    values: rowOf(values, dimension, i),
  }));
  const bytes = Buffer.from(putBody(indexName, vectors));
  const keys: number[] = [];
  for (let at = bytes.indexOf(KEY_START); at >= 0; at = bytes.indexOf(KEY_START, at + 1)) {
    keys.push(at + KEY_START.length);
  }
  return { bytes, keys, vectors: values };
}
