/** A built server as an operator meets it: health, log levels, metrics and traces of a process. */
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FakeCollector } from "../../src/server/tracing/fake-collector.contract.ts";
import { commandOf, CREDENTIALS, ServerChild } from "../support/server-child.ts";

let folder: string;
let collector: FakeCollector;
let server: ServerChild | undefined;

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "insula-operations-"));
  collector = await FakeCollector.open();
});
afterEach(async () => {
  await server?.kill();
  server = undefined;
  collector.close();
  rmSync(folder, { recursive: true });
});

async function start(variables: Record<string, string> = {}): Promise<ServerChild> {
  server = await ServerChild.start({
    dataDir: path.join(folder, "data"),
    port: 0,
    variables: { INSULA_LOG_LEVEL: "info", ...variables },
  });
  return server;
}

/** Runs a command of ours beside the server. */
function insula(
  words: readonly string[],
  variables: Record<string, string> = {},
): Promise<{ readonly code: number; readonly text: string }> {
  const env = { PATH: process.env["PATH"], ...variables };
  return new Promise((resolve) => {
    execFile(process.execPath, [...commandOf("dist"), ...words], { env }, (error, out, errors) => {
      const code = error === null ? 0 : Number(error.code);
      resolve({ code, text: out + errors });
    });
  });
}

/** Until the server has written what is looked for. */
async function written(child: ServerChild, text: string | RegExp): Promise<string> {
  for (let tries = 0; ; tries++) {
    if (new RegExp(text).test(child.errorText)) return child.errorText;
    if (tries > 1_000) throw new Error(`The server wrote nothing of the kind: ${child.errorText}`);
    if (!child.isAlive) throw new Error(`The server ended: ${child.errorText}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test("the health check of the container is ready while the server is, and not afterwards", async () => {
  const child = await start();
  const variables = { INSULA_HTTP_PORT: child.url.port, INSULA_HOST: "0.0.0.0" };
  const up = await insula(["health"], variables);
  expect(up).toEqual({ code: 0, text: `http://127.0.0.1:${child.url.port} is ready\n` });
  expect((await insula(["health", "--url", child.url.href])).code).toBe(0);
  expect(await child.stop()).toBe("0");
  const down = await insula(["health"], variables);
  expect(down.code).toBe(5);
  expect(down.text).toContain("cannot be reached");
  expect((await insula(["health", "--http-port", "off"])).code).toBe(2);
});

test("the health check asks a TLS listener too, and tells what is no Insula server", async () => {
  const [cert, key] = [path.join(folder, "cert.pem"), path.join(folder, "key.pem")];
  const words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"];
  const files = ["-keyout", key, "-out", cert, "-subj", "/CN=insula.test"];
  await promisify(execFile)("openssl", [...words, ...files]);
  const tls = { INSULA_TLS_CERT: cert, INSULA_TLS_KEY: key };
  const child = await start(tls);
  const answer = await insula(["health"], { INSULA_HTTP_PORT: child.url.port, ...tls });
  expect(answer).toEqual({ code: 0, text: `https://127.0.0.1:${child.url.port} is ready\n` });
  collector.statuses.push(404);
  const other = await insula(["health", "--url", collector.url]);
  expect(other.code).toBe(5);
  expect(other.text).toContain("status 404");
});

test("the log level changes by command and by signal", async () => {
  const child = await start();
  expect(child.errorText).toContain('"memoryBudgetSource"');
  await fetch(new URL("/healthz", child.url));
  const variables = { INSULA_ADMIN_SECRET: CREDENTIALS.secret };
  const words = ["log-level", "debug", "--url", child.url.href];
  expect(await insula(words, variables)).toEqual({ code: 0, text: "The log level is debug.\n" });
  await fetch(new URL("/healthz", child.url));
  const text = await written(child, '"path":"/healthz"');
  expect(text.match(/"path":"\/healthz"/g)).toHaveLength(1);
  child.signal("SIGUSR2"); // from debug back to info
  await written(child, /"logLevel":"info".*changed by a signal/);
  child.signal("SIGUSR2");
  await written(child, /"logLevel":"debug".*changed by a signal/);
  expect((await insula(["log-level", "loud", "--url", child.url.href], variables)).code).toBe(2);
});

test("metrics of a working server have syncs, searches and activations in them", async () => {
  const child = await start();
  const headers = { authorization: `Bearer ${CREDENTIALS.secret}` };
  const post = async (at: string, body: object): Promise<void> => {
    const url = new URL(`/insula/v1/${at}`, child.url);
    const answer = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
    expect([answer.status, await answer.text()]).toEqual([expect.any(Number), expect.any(String)]);
    expect(answer.ok).toBe(true);
  };
  await post("databases", { name: "db" });
  await post("databases/db/collections", { name: "docs", dimension: 2 });
  const place = "databases/db/collections/docs/records";
  await post(`${place}/upsert`, { records: [{ key: "a", vector: [1, 0] }] });
  await post(`${place}/search`, { vector: [1, 0], topK: 1 });
  const text = await (await fetch(new URL("/metrics", child.url))).text();
  const valueOf = (name: string): number =>
    Number(
      text
        .split("\n")
        .find((line) => line.startsWith(`${name} `))
        ?.slice(name.length),
    );
  expect(valueOf("insula_wal_fsync_seconds_count")).toBeGreaterThanOrEqual(3);
  expect(valueOf('insula_search_step_seconds_count{step="scan"}')).toBe(1);
  expect(valueOf('insula_tenant_activation_seconds_count{from="asleep"}')).toBe(1);
  expect(valueOf("insula_commit_seconds_count")).toBe(1);
  expect(valueOf('insula_requests_total{dialect="native",op="Upsert",code="ok"}')).toBe(1);
  expect(valueOf("insula_collections")).toBe(1);
  expect(valueOf("nodejs_eventloop_lag_p99_seconds")).toBeGreaterThan(0);
});

test("traces go where the standard variables say, and the rest is warned about", async () => {
  const child = await start({
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_HEADERS: "x-token=abc",
    OTEL_SERVICE_NAME: "vectors",
    OTEL_BSP_SCHEDULE_DELAY: "soon",
  });
  expect(child.errorText).toContain("OTEL_BSP_SCHEDULE_DELAY is ignored");
  const headers = { authorization: `Bearer ${CREDENTIALS.secret}` };
  await (await fetch(new URL("/insula/v1/status", child.url), { headers })).text();
  expect(await child.stop()).toBe("0");
  expect(collector.requests[0]?.headers["x-token"]).toBe("abc");
  expect(JSON.stringify(collector.resources)).toContain('"vectors"');
  expect(collector.spans.map(({ name }) => name)).toContain("native GetStatus");
});
