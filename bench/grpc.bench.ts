/**
 * Pinecone's operations over gRPC and over HTTP and JSON, in many namespaces of one server:
 * vectors acknowledged durable per second, queries per second of one client and of many, and what
 * the server's time went into.
 *
 *   npm run bench -- grpc --quick
 */
import { type ClientHttp2Session, connect } from "node:http2";
import { printFloat32Array, ProtoWriter } from "../src/wire/index.ts";
import { clusteredVectors } from "./support/clustered-vectors.ts";
import { EngineFolder, rowOf } from "./support/engine-folder.ts";
import { LoadConnection } from "./support/load-client.ts";
import { openReport, type Row } from "./support/report.ts";
import { quantiles } from "./support/samples.ts";
import { buildServer, startServerProcess, type ServerProcess } from "./support/server-process.ts";

const INDEX = "bench";
/** Different vectors of one client's upserts, sent to its namespaces in turn. */
const BATCHES = 4;
/** Different queries of each client, sent in turn. */
const QUERIES = 16;
const TOP_K = 10;
/** Seconds without a merge that say that there are none to come. */
const QUIET_SECONDS = 6;
/** What a call is spent on: `parse` decodes, `store` and `search` are the engine. */
const PHASES = ["verify", "read", "parse", "store", "search", "write"] as const;

const report = openReport({
  path: "bench/grpc.bench.ts",
  purpose: "Upserts and queries of Pinecone's clients over gRPC and over HTTP.",
  example: "npm run bench -- grpc --seconds 30",
  sizes: {
    dimension: { description: "numbers of a vector", full: 768, quick: 768 },
    batch: { description: "vectors of an upsert", full: 500, quick: 500 },
    writers: { description: "clients that upsert, one batch each at a time", full: 8, quick: 4 },
    readers: { description: "clients of the second run of queries", full: 32, quick: 32 },
    namespaces: { description: "namespaces written to and searched", full: 100, quick: 20 },
    rows: { description: "records of each namespace that is searched", full: 1_000, quick: 100 },
    seconds: { description: "time of each measurement", full: 20, quick: 3 },
  },
});
const dimension = report.size("dimension");
const batch = report.size("batch");
const namespaces = report.size("namespaces");
const source = clusteredVectors(dimension, 4_000, 5);

/** Sends one prepared request and waits for its end. @throws Error unless it went well. */
type Send = () => Promise<void>;

/** One client of a protocol: its own connection, and requests prepared on it. */
interface Client {
  upsert(namespace: string, values: Float32Array, start: number): Send;
  query(namespace: string, vector: Float32Array): Send;
  close(): void;
}

const PROTOCOLS: Readonly<Record<string, (server: ServerProcess) => Client>> = {
  gRPC: openGrpc,
  HTTP: openHttp,
};

buildServer();
// Two servers: what one was given to write, it merges for a while beside whatever comes next.
await onServer(measureUpserts);
await onServer(measureQueries);
report.finish();

async function onServer(measure: (server: ServerProcess) => Promise<void>): Promise<void> {
  const folder = new EngineFolder();
  const server = await startServerProcess(folder.path);
  try {
    await createIndex(server);
    await measure(server);
  } finally {
    await server.stop();
    folder.remove();
  }
}

async function measureUpserts(server: ServerProcess): Promise<void> {
  const rows: Row[] = [];
  const writers = report.size("writers");
  for (const [name, open] of Object.entries(PROTOCOLS)) {
    report.progress(`upserts over ${name}`);
    const clients = openMany(() => open(server), writers);
    const sends = clients.map((client, c) => {
      const batches = Array.from({ length: BATCHES }, () => source.next(batch));
      const own = Array.from({ length: namespaces }, (_, i) => i).filter((i) => i % writers === c);
      return own.map((i, turn) =>
        client.upsert(nameOf(name, i), batches[turn % BATCHES] ?? source.next(batch), 0),
      );
    });
    const { perSecond, latencies } = await load(server, sends);
    rows.push({ over: name, "vectors/s": perSecond * batch, ...latencies });
    for (const client of clients) client.close();
  }
  report.table(`Upserts of ${batch} × ${dimension}, durable, ${namespaces} namespaces`, rows);
}

async function measureQueries(server: ServerProcess): Promise<void> {
  const rows: Row[] = [];
  const perNamespace = report.size("rows");
  const filler = openGrpc(server);
  for (let i = 0; i < namespaces; i++) {
    for (let start = 0; start < perNamespace; start += batch) {
      const count = Math.min(batch, perNamespace - start);
      await filler.upsert(nameOf("searched", i), source.next(count), start)();
    }
  }
  report.progress("waiting for the merges of what was written");
  await untilMerged(server);
  // The first query of each reads it from its files.
  const first = rowOf(source.next(1), dimension, 0);
  for (let i = 0; i < namespaces; i++) await filler.query(nameOf("searched", i), first)();
  filler.close();
  for (const count of [1, report.size("readers")]) {
    for (const [name, open] of Object.entries(PROTOCOLS)) {
      report.progress(`queries over ${name}, ${count} clients`);
      const clients = openMany(() => open(server), count);
      const sends = clients.map((client, c) =>
        Array.from({ length: QUERIES }, (_, turn) =>
          client.query(
            nameOf("searched", (c * QUERIES + turn * 7) % namespaces),
            rowOf(source.next(1), dimension, 0),
          ),
        ),
      );
      const { perSecond, latencies } = await load(server, sends);
      rows.push({ over: name, clients: count, "queries/s": perSecond, ...latencies });
      for (const client of clients) client.close();
    }
  }
  const size = `${namespaces} namespaces of ${perNamespace} × ${dimension}`;
  report.table(`Queries, top ${TOP_K}, ${size}`, rows);
}

async function untilMerged({ access }: ServerProcess): Promise<void> {
  let last = "";
  for (let quiet = 0; quiet < QUIET_SECONDS; quiet++) {
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    const text = await (await fetch(new URL("/metrics", access.url))).text();
    const now = /^insula_compactions_total.*$/m.exec(text)?.[0] ?? "";
    if (now !== last) quiet = 0;
    last = now;
  }
}

function nameOf(kind: string, i: number): string {
  return `${kind}-${String(i).padStart(3, "0")}`;
}

function openMany(open: () => Client, count: number): Client[] {
  return Array.from({ length: count }, open);
}

/** Each client sends its requests in turn until the time is over. */
async function load(
  server: ServerProcess,
  sends: readonly (readonly Send[])[],
): Promise<{ readonly perSecond: number; readonly latencies: Row }> {
  const times: number[] = [];
  const before = await readPhases(server);
  const startedAt = performance.now();
  const endAt = startedAt + report.size("seconds") * 1_000;
  await Promise.all(
    sends.map(async (own) => {
      for (let turn = 0; performance.now() < endAt; turn++) {
        const sentAt = performance.now();
        await own[turn % own.length]?.();
        times.push(performance.now() - sentAt);
      }
    }),
  );
  const seconds = (performance.now() - startedAt) / 1_000;
  const { p50, p99 } = quantiles(times);
  const after = await readPhases(server);
  const phases: Record<string, number> = {};
  for (const phase of PHASES) {
    const ms = ((after.get(phase) ?? 0) - (before.get(phase) ?? 0)) * 1_000;
    if (ms > 0) phases[`${phase} ms`] = ms / times.length;
  }
  return {
    perSecond: times.length / seconds,
    latencies: { "p50 ms": p50, "p99 ms": p99, ...phases },
  };
}

/** Seconds since the start by phase, as the server's own metrics have them. */
async function readPhases({ access }: ServerProcess): Promise<ReadonlyMap<string, number>> {
  const text = await (await fetch(new URL("/metrics", access.url))).text();
  const lines = text.matchAll(/^insula_request_phase_seconds_sum\{phase="(\w+)"\} (\S+)$/gm);
  return new Map([...lines].map(([, phase = "", value]) => [phase, Number(value)]));
}

async function createIndex({ access }: ServerProcess): Promise<void> {
  const spec = { serverless: { cloud: "aws", region: "us-east-1" } };
  const answer = await fetch(new URL("/indexes", access.url), {
    method: "POST",
    headers: { "api-key": access.secret },
    body: JSON.stringify({ name: INDEX, dimension, metric: "cosine", spec }),
  });
  if (answer.status !== 201) throw new Error(`${answer.status}: ${await answer.text()}`);
}

function openGrpc({ access }: ServerProcess): Client {
  const session = connect(access.url);
  const prepare = (method: string, fill: (writer: ProtoWriter) => void): Send => {
    const writer = new ProtoWriter();
    fill(writer);
    const { written } = writer;
    const frame = Buffer.alloc(5 + written.length);
    frame.writeUInt32BE(written.length, 1);
    written.copy(frame, 5);
    return () => callGrpc(session, { method, frame, key: access.secret });
  };
  return {
    upsert: (namespace, values, start) =>
      prepare("Upsert", (writer) => {
        for (let i = 0; i < values.length / dimension; i++) {
          writer.message(1, () => {
            writer.text(1, `key ${start + i}`);
            writer.floats(2, rowOf(values, dimension, i));
          });
        }
        writer.text(2, namespace);
      }),
    query: (namespace, vector) =>
      prepare("Query", (writer) => {
        writer.text(1, namespace);
        writer.uint(2, TOP_K);
        writer.floats(7, vector);
      }),
    close: () => {
      session.close();
    },
  };
}

function callGrpc(
  session: ClientHttp2Session,
  call: { readonly method: string; readonly frame: Buffer; readonly key: string },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const stream = session.request({
      ...{ ":method": "POST", ":path": `/VectorService/${call.method}`, te: "trailers" },
      ...{ "content-type": "application/grpc", "api-key": call.key, "service-name": INDEX },
    });
    let status = "none";
    stream.on("response", (head) => (status = String(head["grpc-status"] ?? status)));
    stream.on("trailers", (ends) => (status = String(ends["grpc-status"] ?? status)));
    stream.on("data", () => undefined);
    stream.on("error", reject);
    stream.on("close", () => {
      if (status === "0") resolve();
      else reject(new Error(`${call.method} ended with ${status}.`));
    });
    stream.end(call.frame);
  });
}

function openHttp({ access }: ServerProcess): Client {
  const { port, host } = new URL(access.url);
  // Opened with the first request: preparing takes longer than the server waits for one.
  let connection: LoadConnection | undefined;
  const prepare = (path: string, text: string): Send => {
    const request = Buffer.from(
      `POST /ix/${INDEX}${path} HTTP/1.1\r\nHost: ${host}\r\nApi-Key: ${access.secret}\r\n` +
        `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
    );
    return async () => {
      connection ??= await LoadConnection.open(Number(port));
      const { status, body: answer } = await connection.send(request);
      if (status !== 200) throw new Error(`${path}: ${status} ${answer}`);
    };
  };
  return {
    upsert: (namespace, values, start) => {
      const vectors = Array.from({ length: values.length / dimension }, (_, i) => {
        const numbers = printFloat32Array(rowOf(values, dimension, i));
        return `{"id":"key ${start + i}","values":${numbers}}`;
      });
      return prepare(
        "/vectors/upsert",
        `{"namespace":"${namespace}","vectors":[${vectors.join()}]}`,
      );
    },
    query: (namespace, vector) => {
      const numbers = printFloat32Array(vector);
      return prepare("/query", `{"namespace":"${namespace}","topK":${TOP_K},"vector":${numbers}}`);
    },
    close: () => {
      connection?.close();
    },
  };
}
