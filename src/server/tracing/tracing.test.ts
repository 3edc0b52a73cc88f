/** Traces of real requests to a server with a real engine, as a collector sees them. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openEngine } from "../../engine/index.ts";
import { MemoryFileSystem, NodeClock, NodeRandom } from "../../io/index.ts";
import { DIALECT_LOADERS } from "../dialect-loaders.ts";
import { loadConfig } from "../load-config.ts";
import { startServer, type RunningServer } from "../start-server.ts";
import { readTraceSettings } from "../trace-settings.ts";
import { FakeCollector, type CollectedSpan } from "./fake-collector.contract.ts";
import { TRACE_SPANS_MAX } from "./tracer.ts";

const SECRET = "a-secret-of-this-test";
const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT = "00f067aa0ba902b7";

let collector: FakeCollector;
let server: RunningServer;

beforeEach(async () => {
  collector = await FakeCollector.open();
});
afterEach(async () => {
  await server.close();
  collector.close();
});

async function start(environment: Record<string, string> = {}): Promise<void> {
  const { settings } = readTraceSettings({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_BSP_SCHEDULE_DELAY: "60000",
    ...environment,
  });
  const config = loadConfig({
    flags: { httpPort: "0", adminSecret: SECRET, logLevel: "silent", workerCount: "0" },
  });
  server = await startServer(config, {
    openEngine: (_config, { files, clock, random }, hooks) =>
      openEngine({ files, clock, random, workerCount: 0, ...hooks }),
    files: new MemoryFileSystem(),
    clock: new NodeClock(),
    random: new NodeRandom(),
    version: "0.0.0",
    dialects: DIALECT_LOADERS,
    ...(settings === undefined ? {} : { tracing: settings }),
  });
}

async function call(
  method: string,
  path: string,
  body?: object,
  headers: Record<string, string> = {},
): Promise<number> {
  const answer = await fetch(`${server.addresses[0]?.url ?? ""}/${path}`, {
    method,
    headers: { authorization: `Bearer ${SECRET}`, ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  await answer.text();
  return answer.status;
}

function attribute(span: CollectedSpan | undefined, key: string): unknown {
  return Object.values(span?.attributes.find((found) => found.key === key)?.value ?? {})[0];
}

const COLLECTION = "insula/v1/databases/db/collections/docs";

async function fill(): Promise<void> {
  expect(await call("POST", "insula/v1/databases", { name: "db" })).toBe(201);
  const body = { name: "docs", dimension: 2, tenancy: "multi" };
  expect(await call("POST", "insula/v1/databases/db/collections", body)).toBe(201);
}

const UPSERT = {
  records: [{ key: "hush-key", vector: [1, 0], metadata: { color: "hush-red" } }],
};

describe("a traced request", () => {
  test("continues its caller's trace, with the engine's calls and steps below it", async () => {
    await start();
    await fill();
    const traceparent = `00-${TRACE}-${PARENT}-01`;
    const path = `${COLLECTION}/tenants/hush-tenant`;
    expect(await call("POST", `${path}/records/upsert`, UPSERT, { traceparent })).toBe(200);
    const query = { vector: [1, 0.5], topK: 1 };
    expect(await call("POST", `${path}/records/search`, query, { traceparent })).toBe(200);
    await server.close();
    const spans = collector.spans.filter(({ traceId }) => traceId === TRACE);
    const roots = spans.filter(({ parentSpanId }) => parentSpanId === PARENT);
    expect(roots.map(({ kind }) => kind)).toEqual([2, 2]);
    const [write, read] = roots;
    expect(write?.name).toMatch(/^native Upsert/);
    expect(attribute(write, "http.response.status_code")).toBe("200");
    expect(attribute(write, "insula.request_id")).toMatch(/^[0-9A-F]{24}$/);
    const below = (parent: CollectedSpan | undefined) =>
      spans.filter(({ parentSpanId }) => parentSpanId === parent?.spanId);
    const upsert = below(write).find(({ name }) => name === "engine upsert");
    expect(attribute(upsert, "db.system.name")).toBe("insula");
    expect(attribute(upsert, "db.namespace")).toBe("db");
    expect(attribute(upsert, "db.collection.name")).toBe("docs");
    expect(below(upsert).map(({ name }) => name)).toEqual(
      expect.arrayContaining(["activation", "log_sync", "commit"]),
    );
    const search = below(read).find(({ name }) => name === "engine query");
    expect(below(search).map(({ name }) => name)).toEqual(["scan", "fetch"]);
    for (const span of spans) {
      expect(BigInt(span.endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(span.startTimeUnixNano));
    }
  });

  test("never tells a tenant, a key, contents, a path or a secret", async () => {
    await start();
    await fill();
    const path = `${COLLECTION}/tenants/hush-tenant`;
    expect(await call("POST", `${path}/records/upsert?hush-query=1`, UPSERT)).toBe(200);
    const search = { vector: [1, 0], filter: { color: "hush-red" }, topK: 1 };
    expect(await call("POST", `${path}/records/search`, search)).toBe(200);
    await call("GET", "insula/v1/hush-path", undefined, { authorization: "Bearer hush-token" });
    await call("HUSHMETHOD", "insula/v1/databases");
    await server.close();
    const text = JSON.stringify(collector.spans);
    expect(collector.spans.length).toBeGreaterThan(8);
    expect(text.toLowerCase()).not.toContain("hush");
    expect(text).not.toContain(SECRET);
  });

  test("that fails says how, and a refused one is no fault of the server", async () => {
    await start();
    expect(await call("GET", "insula/v1/databases/nothing")).toBe(404);
    await server.close();
    const root = collector.spans.find(({ kind }) => kind === 2);
    expect(attribute(root, "error.type")).toBe("not_found");
    expect(root?.status).toBeUndefined();
  });

  test("has a bound on its spans, and says how many were left out", async () => {
    await start();
    await fill();
    for (let i = 0; i < 80; i++) {
      await call("POST", `${COLLECTION}/tenants`, { name: `t${String(i)}` });
    }
    const places = Array.from({ length: 80 }, (_, i) => ({
      database: "db",
      collection: "docs",
      tenant: `t${String(i)}`,
    }));
    const traceparent = `00-${TRACE}-${PARENT}-01`;
    const body = { places, vector: [1, 0], topK: 1 };
    expect(await call("POST", "insula/v1/search", body, { traceparent })).toBe(200);
    await server.close();
    const spans = collector.spans.filter(({ traceId }) => traceId === TRACE);
    expect(spans).toHaveLength(TRACE_SPANS_MAX);
    const root = spans.find(({ kind }) => kind === 2);
    expect(Number(attribute(root, "insula.spans_left_out"))).toBeGreaterThan(0);
  });
});

describe("requests that are not traced", () => {
  test("are those of probes, scrapers and browsers", async () => {
    await start();
    const url = server.addresses[0]?.url ?? "";
    for (const path of ["healthz", "readyz", "metrics"]) await fetch(`${url}/${path}`);
    await fetch(url, { headers: { accept: "text/html" } });
    await server.close();
    expect(collector.requests).toEqual([]);
  });

  test("are those whose caller decided so, or that the sampler leaves out", async () => {
    await start({ OTEL_TRACES_SAMPLER: "parentbased_always_off" });
    await call("GET", "insula/v1/status");
    const not = `00-${TRACE}-${PARENT}-00`;
    await call("GET", "insula/v1/status", undefined, { traceparent: not });
    const taken = `00-${TRACE}-${PARENT}-01`;
    await call("GET", "insula/v1/status", undefined, { traceparent: taken });
    await server.close();
    expect(collector.spans.filter(({ kind }) => kind === 2)).toHaveLength(1);
  });
});

test("a collector that hangs or refuses changes no answer, and lost spans are counted", async () => {
  collector.statuses.push(0, 400, 400, 400);
  await start({ OTEL_BSP_MAX_EXPORT_BATCH_SIZE: "1", OTEL_BSP_MAX_QUEUE_SIZE: "4" });
  for (let i = 0; i < 20; i++) expect(await call("GET", "insula/v1/status")).toBe(200);
  const answer = await fetch(`${server.addresses[0]?.url ?? ""}/metrics`);
  const dropped = /insula_trace_spans_total\{outcome="dropped"\} (\d+)/.exec(await answer.text());
  expect(Number(dropped?.[1])).toBeGreaterThan(0);
});
