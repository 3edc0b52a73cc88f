import { EventEmitter } from "node:events";
import { copyFileSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tls from "node:tls";
import { afterEach, describe, expect, test } from "vitest";
import type { Dialect, DialectContext } from "../dialects/index.ts";
import type {
  Engine,
  EngineStats,
  PageRequest,
  RecallFigure,
  TenantFigures,
} from "../engine/api.ts";
import { MemoryFileSystem } from "../io/memory/index.ts";
import { NodeClock, NodeFileSystem, NodeRandom } from "../io/node/index.ts";
import { findFreePorts } from "../../test/support/free-ports.ts";
import { makeThrowAwayCa } from "../wire/http/throw-away-ca.contract.ts";
import type { HttpRequest } from "../wire/index.ts";
import { DIALECT_LOADERS } from "./dialect-loaders.ts";
import { loadConfig } from "./load-config.ts";
import { openLog } from "./log.ts";
import { debugOnSignal, stopOnSignals } from "./signals.ts";
import {
  startServer,
  type EngineHooks,
  type RunningServer,
  type ServerParts,
} from "./start-server.ts";

const STATS: EngineStats = {
  databaseCount: 2,
  collectionCount: 1_234,
  shardsAwake: 7,
  memtableBytes: 1,
  arenaBytesUsed: 2,
  arenaBytesCapacity: 3,
  openFiles: 4,
  log: { groups: 5, frames: 6, bytes: 7, syncs: 8, movedBytes: 9, isPoisoned: false },
  memoryBudgetBytes: 11,
  flushes: 9,
  compactions: 10,
  builds: 12,
  evictions: { idle: 13, surplus: 14, memory: 15, share: 16, sections: 17 },
  loads: { waiting: 1, reservedBytes: 2, waited: 3, refused: 4 },
  policySweeps: {
    ...{ sweeps: 1, looked: 2, pinned: 3, inactive: 4, offloaded: 5, failed: 6, ms: 7_000 },
    causes: {
      inactiveAfter: { changed: 4, failed: 6, pinned: 3, keptWarm: 32 },
      offloadAfter: { changed: 5, failed: 33, pinned: 34, keptWarm: 35 },
    },
  },
  warmSchedules: { windows: 18, warmed: 19, failed: 20, full: 21 },
  hastyEvictions: 16,
  quarantinedShards: 0,
  scrub: { bytes: 0, damages: 0, rounds: 0 },
  usage: {
    ...{ queries: 16, queryUnits: 17, reads: 18, readUnits: 19, writes: 20, writeUnits: 21 },
    ...{ bytesIn: 22, bytesOut: 23, activations: 24, refused: 25, throttledMs: 26, lostCalls: 0 },
  },
  disk: { freeBytes: 5_000, reserveBytes: 1_000, isLow: false },
};

/** The few calls of the engine that a server makes itself; the dialects' calls are not met here. */
class FakeEngine {
  readonly rows = new Map<string, Uint8Array>();
  isClosed = false;

  readSetting(name: string): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.rows.get(name));
  }

  writeSetting(name: string, value: Uint8Array | undefined): Promise<void> {
    if (value === undefined) this.rows.delete(name);
    else this.rows.set(name, value);
    return Promise.resolve();
  }

  listSettings(page: PageRequest) {
    const items = [...this.rows].map(([name, value]) => ({ name, value })).slice(0, page.limit);
    return Promise.resolve({ items, hasMore: false });
  }

  count(): Promise<number> {
    return Promise.resolve(0);
  }

  stats(): EngineStats {
    return STATS;
  }

  deriveKey(): undefined {
    return undefined;
  }

  tenantFigures(): TenantFigures {
    const counts = { ACTIVE: 16, INACTIVE: 17, OFFLOADED: 0, OFFLOADING: 0, ONLOADING: 0 };
    return { counts, awakeRowCounts: [5, 50, 5_000] };
  }

  recallFigures(): readonly RecallFigure[] {
    return [{ collection: "db/notes", queries: 3, wanted: 30, found: 29 }];
  }

  close(): Promise<void> {
    this.isClosed = true;
    return Promise.resolve();
  }
}

const running: RunningServer[] = [];
let engine = new FakeEngine();
let lines: string[] = [];
let contexts: DialectContext[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()));
  engine = new FakeEngine();
  lines = [];
  contexts = [];
});

function dialect(name: string) {
  return (context: DialectContext): Promise<Dialect> => {
    contexts.push(context);
    const handle = async (request: HttpRequest) => {
      if (request.query === "fail") throw new TypeError("a bug");
      await Promise.resolve();
      context.observe("GetVectors", "ok", 1.5);
      return { status: 200, headers: { "x-dialect": name }, body: request.id };
    };
    return Promise.resolve({ name, handle });
  };
}

function parts(more: Partial<ServerParts> = {}): ServerParts {
  return {
    openEngine: () => Promise.resolve(engine as unknown as Engine),
    files: new MemoryFileSystem(),
    clock: new NodeClock(),
    random: new NodeRandom(),
    version: "0.0.0-test",
    dialects: {
      oss: dialect("oss"),
      s3: dialect("s3"),
      native: dialect("native"),
      pinecone: dialect("pinecone"),
      embedding: dialect("embedding"),
    },
    log: openLog("debug", (line) => lines.push(line)),
    ...more,
  };
}

/** PEM of what a client is shown that trusts everybody. */
function shownCertificate(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const { port } = new URL(url);
    const socket = tls.connect({
      port: Number(port),
      host: "127.0.0.1",
      rejectUnauthorized: false,
    });
    socket.on("error", reject);
    socket.on("secureConnect", () => {
      resolve(socket.getPeerX509Certificate()?.toString() ?? "");
      socket.destroy();
    });
  });
}

async function start(
  flags: Record<string, string> = {},
  more: Partial<ServerParts> = {},
): Promise<{ server: RunningServer; url: string }> {
  const server = await startServer(loadConfig({ flags: { httpPort: "0", ...flags } }), parts(more));
  running.push(server);
  return { server, url: server.addresses[0]?.url ?? "" };
}

describe("a server without configuration", () => {
  test("listens on loopback only and makes an admin secret in the data folder", async () => {
    const files = new MemoryFileSystem();
    const { server } = await start({}, { files });
    expect(server.addresses[0]?.host).toBe("127.0.0.1");
    expect(server.isAdminSecretNew).toBe(true);
    expect(server.adminSecretPath).toMatch(/insula-data.admin-secret$/);
    const kept: unknown = JSON.parse(
      Buffer.from((await files.readWhole("admin-secret")) ?? "").toString(),
    );
    expect(kept).toEqual(server.admin);
    expect((await files.readWhole("access.key"))?.length).toBe(32);
    const again = await start({}, { files });
    expect(again.server.admin).toEqual(server.admin);
    expect(again.server.isAdminSecretNew).toBe(false);
  });

  test("keeps its secrets in files that only their owner can read", async () => {
    const folder = mkdtempSync(join(tmpdir(), "insula-server-"));
    try {
      await start({}, { files: new NodeFileSystem(folder) });
      expect(readdirSync(folder).sort()).toEqual(["access.key", "admin-secret"]);
      for (const name of readdirSync(folder)) {
        expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("writes no secret to its log, not even at debug, and no query", async () => {
    const { server, url } = await start();
    await fetch(`${url}/?x-oss-signature=hush`, { headers: { authorization: "Bearer hush" } });
    await fetch(`${url}/?fail`, { headers: { authorization: `OSS4-HMAC-SHA256 hush` } });
    const text = lines.join("");
    expect(text).toContain('"route":"oss"');
    expect(text).toContain("a bug");
    expect(text).not.toContain("hush");
    expect(text).not.toContain(server.admin.secret);
  });
});

describe("answers of the server itself", () => {
  test("health and readiness", async () => {
    const { url } = await start();
    for (const path of ["/healthz", "/readyz"]) {
      const answer = await fetch(url + path);
      expect([answer.status, await answer.text()]).toEqual([200, "ok\n"]);
    }
    expect((await fetch(`${url}/healthz`, { method: "POST" })).status).toBe(404);
  });

  test("metrics count operations and answers and show the engine's gauges", async () => {
    const { url } = await start();
    await fetch(`${url}/?getVectors`, { method: "POST" });
    await fetch(`${url}/?getVectors`, { method: "POST", headers: { authorization: "Basic x" } });
    await fetch(`${url}/?fail`);
    const text = await (await fetch(`${url}/metrics`)).text();
    expect(text).toContain('insula_answers_total{route="oss",status="5xx"} 1');
    expect(text).toContain('insula_requests_total{dialect="oss",op="GetVectors",code="ok"} 2');
    expect(text).toContain('insula_answers_total{route="oss",status="2xx"} 2');
    expect(text).toContain("insula_collections 1234");
    expect(text).toContain("insula_wal_frames_total 6");
    expect(text).toContain('insula_evictions_total{reason="surplus"} 14');
    const transitions = text.split("\n").filter((line) => line.startsWith("insula_policy_trans"));
    expect(transitions.map((line) => /\{.*/.exec(line)?.[0]).toSorted()).toEqual([
      '{to="active",cause="schedule"} 19',
      '{to="failed",cause="inactiveAfter"} 6',
      '{to="failed",cause="offloadAfter"} 33',
      '{to="failed",cause="schedule"} 20',
      '{to="inactive",cause="inactiveAfter"} 4',
      '{to="offloaded",cause="offloadAfter"} 5',
      '{to="pinned",cause="inactiveAfter"} 3',
      '{to="pinned",cause="offloadAfter"} 34',
      '{to="warm",cause="inactiveAfter"} 32',
      '{to="warm",cause="offloadAfter"} 35',
    ]);
    expect(text).toContain("insula_policy_sweep_seconds_total 7\n");
    expect(text).toContain("insula_warm_tenants_total 19\n");
    expect(text).toContain('insula_tenants{state="INACTIVE"} 17');
    expect(text).toContain('insula_tenant_size_objects_bucket{le="100"} 2');
    expect(text).toContain("nodejs_eventloop_lag_seconds");
    // A second scrape shows the same: sums are taken over, not added up.
    const again = await (await fetch(`${url}/metrics`)).text();
    expect(again).toContain("insula_wal_frames_total 6");
    expect(again).toContain("insula_tenant_size_objects_count 3");
    expect(text).toContain("insula_request_seconds_bucket");
  });

  test("metrics have histograms of the engine's steps", async () => {
    let hooks: EngineHooks | undefined;
    const openEngine = (_c: unknown, _p: unknown, given: EngineHooks): Promise<Engine> => {
      hooks = given;
      return Promise.resolve(engine as unknown as Engine);
    };
    const { url } = await start({}, { openEngine });
    hooks?.observer.endStep("log_sync", 100, 104);
    hooks?.observer.endStep("activation", 0, 1);
    for (const step of ["plan", "scan", "fetch"] as const) hooks?.observer.endStep(step, 0, 2);
    hooks?.observer.endStep("build", 0, 1_500);
    const text = await (await fetch(`${url}/metrics`)).text();
    expect(text).toContain('insula_wal_fsync_seconds_bucket{le="0.0025"} 0');
    expect(text).toContain('insula_wal_fsync_seconds_bucket{le="0.005"} 1');
    expect(text).toContain('insula_tenant_activation_seconds_count{from="asleep"} 1');
    expect(text).toContain('insula_search_step_seconds_sum{step="scan"} 0.002');
    expect(text).toContain("insula_build_seconds_sum 1.5");
    hooks?.onFault(new TypeError("a merge failed"));
    expect(lines.join("")).toContain("a merge failed");
  });

  test("metrics name the busiest tenants only when asked to", async () => {
    const call = async (more: Record<string, string>): Promise<string> => {
      const { url } = await start(more);
      await fetch(`${url}/?getVectors`, { method: "POST" });
      const place = { database: "db", collection: "c", tenant: "t" };
      await contexts.at(-1)?.engine.count(place);
      await contexts.at(-1)?.engine.count({ database: "db", collection: "d" });
      return (await fetch(`${url}/metrics`)).text();
    };
    const nameless = await call({});
    expect(nameless).not.toContain("insula_tenant_requests_total{");
    expect(nameless).toContain('insula_recall_found_total{collection="all"} 29');
    expect(nameless).not.toContain("db/notes");
    const text = await call({ metricsTenants: "1" });
    expect(text).toContain('insula_tenant_requests_total{tenant="db/c/t"} 1');
    expect(text).toContain('insula_tenant_requests_total{tenant="other"} 1');
    expect(text).toContain('insula_recall_wanted_total{collection="db/notes"} 30');
    expect(text).toContain('insula_recall_probes_total{collection="db/notes"} 3');
    await expect(start({ metricsTenants: "101" })).rejects.toThrow(/--metrics-tenants/);
  });

  test("a dialect cannot make labels without end", async () => {
    const { url } = await start();
    await fetch(`${url}/?getVectors`, { method: "POST" });
    for (let i = 0; i < 200; i++) contexts[0]?.observe(`Made${String(i)}`, "ok", 1);
    const text = await (await fetch(`${url}/metrics`)).text();
    expect(text.match(/insula_requests_total\{/g)).toHaveLength(65);
    expect(text).toContain('op="other"');
  });

  test("the page fits its own policy and asks nobody else for anything", async () => {
    const { server, url } = await start();
    const answer = await fetch(url, { headers: { accept: "text/html" } });
    const html = await answer.text();
    expect(answer.headers.get("content-security-policy")).toMatch(
      /^default-src 'none'; style-src 'sha256-/,
    );
    expect(html).toContain("1,234");
    expect(html).toContain("0.0.0-test");
    expect(html).toContain(url);
    expect(html).toContain("admin-secret");
    expect(html).not.toContain(server.admin.secret);
    expect(html).not.toMatch(/<script|<link|<img|src=|@import/);
  });

  test("the page shows no path when others than this machine can see it", async () => {
    const { url } = await start({ host: "0.0.0.0" });
    const at = url.replace("0.0.0.0", "127.0.0.1");
    const html = await (await fetch(at, { headers: { accept: "text/html" } })).text();
    expect(html).not.toContain("admin-secret");
  });

  test("what belongs to no protocol is a problem with a request id", async () => {
    const { url } = await start();
    const answer = await fetch(`${url}/a/b`);
    expect(answer.status).toBe(404);
    expect(answer.headers.get("content-type")).toBe("application/problem+json");
    expect(await answer.json()).toMatchObject({ code: "route_not_found" });
  });
});

describe("dialects", () => {
  test("are built with their first request, once, also when many come at once", async () => {
    const { url } = await start({ accountId: "77", ossQuotas: "seed", publicDomain: "V.test" });
    expect(contexts).toHaveLength(0);
    const calls = Array.from({ length: 8 }, () => fetch(`${url}/?getVectors`, { method: "POST" }));
    for (const answer of await Promise.all(calls)) {
      expect(answer.headers.get("x-dialect")).toBe("oss");
    }
    expect(contexts).toHaveLength(1);
    expect(contexts[0]?.settings).toEqual({
      accountId: "77",
      ossQuotas: "seed",
      publicDomain: "v.test",
      pinecone: expect.objectContaining({ indexHosts: "domain", domain: "v.test" }) as unknown,
    });
    expect((await fetch(`${url}/insula/v1/status`)).headers.get("x-dialect")).toBe("native");
  });

  test("that cannot be loaded are tried again with the next request", async () => {
    let tries = 0;
    const oss = (context: DialectContext): Promise<Dialect> =>
      tries++ === 0 ? Promise.reject(new TypeError("no")) : dialect("oss")(context);
    const dialects = { ...parts().dialects, oss };
    const { url } = await start({}, { dialects });
    const call = () => fetch(`${url}/?getVectors`, { method: "POST" });
    expect([(await call()).status, (await call()).status]).toEqual([500, 200]);
  });
});

describe("ports of indexes", () => {
  const asked = (port: number): Promise<Response> =>
    fetch(`http://127.0.0.1:${String(port)}/vectors/list`, { headers: { "api-key": "k" } });

  test("are all listened on, say where a request came to, and are closed with the server", async () => {
    const first = await findFreePorts(3);
    const seen: (number | undefined)[] = [];
    const pinecone = (): Promise<Dialect> =>
      Promise.resolve({
        name: "pinecone",
        handle: ({ localPort }: HttpRequest) => {
          seen.push(localPort);
          return Promise.resolve({ status: 204, headers: {} });
        },
      });
    const indexPorts = `${String(first)}-${String(first + 2)}`;
    const dialects = { ...parts().dialects, pinecone };
    const { server } = await start({ indexPorts }, { dialects });
    expect(server.addresses).toHaveLength(1);
    const ports = [first + 2, first, first + 1];
    for (const port of ports) expect((await asked(port)).status).toBe(204);
    expect(seen).toEqual(ports);
    await server.close();
    for (const port of ports) await expect(asked(port)).rejects.toThrow("fetch failed");
  });

  test("that are taken end the start, and leave no other open", async () => {
    const first = await findFreePorts(3);
    const indexPorts = `${String(first)}-${String(first + 2)}`;
    const inWay = await start({ httpPort: String(first + 2) });
    const refused = start({ indexPorts });
    await expect(refused).rejects.toMatchObject({ code: "port_taken" });
    await expect(refused).rejects.toThrow(/--index-ports/);
    await expect(asked(first)).rejects.toThrow("fetch failed");
    await inWay.server.close();
    expect((await start({ indexPorts })).server.isReady).toBe(true);
  });
});

describe("the level of the log", () => {
  test("changes with a request, and answers are logged from then on", async () => {
    const log = openLog("info", (line) => lines.push(line));
    const native = DIALECT_LOADERS.native;
    const { server, url } = await start({}, { log, dialects: { ...parts().dialects, native } });
    const call = (method: string, body?: string) =>
      fetch(`${url}/insula/v1/log-level`, {
        method,
        headers: { authorization: `Bearer ${server.admin.secret}` },
        ...(body === undefined ? {} : { body }),
      });
    expect(await (await call("GET")).json()).toEqual({ level: "info" });
    expect(lines.join("")).not.toContain("answered");
    expect(await (await call("PUT", '{"level":"debug"}')).json()).toEqual({ level: "debug" });
    expect(lines.join("")).toContain("The log level was changed by a request.");
    await call("GET");
    expect(lines.join("")).toContain('"path":"/insula/v1/log-level"');
    await call("PUT", '{"level":"silent"}');
    lines = [];
    await call("GET");
    expect(lines).toEqual([]);
  });

  test("is not changed by a word that is no level, nor without credentials", async () => {
    const log = openLog("warn", (line) => lines.push(line));
    const native = DIALECT_LOADERS.native;
    const { server, url } = await start({}, { log, dialects: { ...parts().dialects, native } });
    const put = (level: unknown, secret: string) =>
      fetch(`${url}/insula/v1/log-level`, {
        method: "PUT",
        headers: { authorization: `Bearer ${secret}` },
        body: JSON.stringify({ level }),
      });
    expect((await put("loud", server.admin.secret)).status).toBe(400);
    expect((await put(null, server.admin.secret)).status).toBe(400);
    expect((await put("debug", "somebody.else")).status).toBe(401);
    expect(log.level).toBe("warn");
  });

  test("goes to debug with SIGUSR2 and back with the next one", () => {
    const log = openLog("warn", (line) => lines.push(line));
    const process = new EventEmitter();
    debugOnSignal({ log, process });
    process.emit("SIGUSR2");
    expect(log.level).toBe("debug");
    process.emit("SIGUSR2");
    expect(log.level).toBe("warn");
    log.level = "debug";
    process.emit("SIGUSR2");
    expect(log.level).toBe("info");
  });
});

describe("starting and stopping", () => {
  test("a taken port stops the start with one sentence and closes the engine", async () => {
    const { server } = await start();
    const port = String(server.addresses[0]?.port);
    engine = new FakeEngine();
    const second = startServer(loadConfig({ flags: { httpPort: port } }), parts());
    await expect(second).rejects.toMatchObject({ code: "port_taken" });
    await expect(second).rejects.toThrow(/--http-port or INSULA_HTTP_PORT/);
    expect(engine.isClosed).toBe(true);
  });

  test("a certificate that cannot be read stops the start before the data folder is touched", async () => {
    let isOpened = false;
    const openEngine = (): Promise<Engine> => {
      isOpened = true;
      return Promise.resolve(engine as unknown as Engine);
    };
    const flags = { tlsCert: "/missing/cert.pem", tlsKey: "/missing/key.pem" };
    const failed = startServer(loadConfig({ flags }), parts({ openEngine }));
    await expect(failed).rejects.toThrow(/--tls-cert.*INSULA_TLS_CERT/);
    expect(isOpened).toBe(false);
  });

  test("a renewed certificate is taken without a stop, a broken one is not", async () => {
    const [before, after] = [makeThrowAwayCa(), makeThrowAwayCa()];
    try {
      const flags = { tlsCert: before.certPath, tlsKey: before.keyPath };
      const { server, url } = await start(flags);
      expect(await shownCertificate(url)).toBe(before.cert);
      copyFileSync(after.certPath, before.certPath);
      expect(server.reloadCertificate()).toBe(false);
      expect(lines.join("")).toContain("does not belong");
      expect(await shownCertificate(url)).toBe(before.cert);
      copyFileSync(after.keyPath, before.keyPath);
      expect(server.reloadCertificate()).toBe(true);
      expect(await shownCertificate(url)).toBe(after.cert);
    } finally {
      before.remove();
      after.remove();
    }
  });

  test("an expired certificate is used and warned of", async () => {
    const ca = makeThrowAwayCa();
    const clock = new NodeClock();
    clock.wallMs = () => Date.now() + 3 * 86_400_000;
    await start({ tlsCert: ca.certPath, tlsKey: ca.keyPath }, { clock });
    expect(lines.join("")).toContain("The certificate has expired");
    ca.remove();
  });

  test("without TLS there is no certificate to renew", async () => {
    const { server } = await start();
    expect(server.reloadCertificate()).toBe(false);
  });

  test("the start says how much memory the engine may use, and why that much", async () => {
    const { server } = await start({ memoryBudget: "512MiB" });
    expect(server.memoryBudget).toEqual({ bytes: 536_870_912, source: "given" });
    expect(lines.join("")).toContain('"memoryBudgetBytes":536870912,"memoryBudgetSource":"given"');
    const other = await start();
    expect(other.server.memoryBudget.source).toMatch(/^(container|machine)$/);
  });

  test("with the port off nothing listens", async () => {
    const { server } = await start({ httpPort: "off" });
    expect(server.addresses).toEqual([]);
  });

  test("a stop lets a running request finish, refuses new ones, and closes the engine last", async () => {
    let release: (() => void) | undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const oss = (): Promise<Dialect> =>
      Promise.resolve({
        name: "oss",
        handle: async () => {
          await gate;
          return { status: 200, headers: {}, body: String(engine.isClosed) };
        },
      });
    const { server, url } = await start({}, { dialects: { ...parts().dialects, oss } });
    const call = fetch(`${url}/?getVectors`, { method: "POST" });
    await new Promise((resolve) => setTimeout(resolve, 50));
    const closed = server.close();
    expect(server.isReady).toBe(false);
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();
    release?.();
    expect(await (await call).text()).toBe("false");
    await closed;
    expect(engine.isClosed).toBe(true);
    await server.close();
  });

  test("the first signal stops gracefully, the second at once", async () => {
    const codes: number[] = [];
    let finish: (() => void) | undefined;
    const options = (close: () => Promise<void>, process: EventEmitter) => ({
      server: { close },
      clock: { after: () => ({ cancel: () => undefined }) },
      process,
      exit: (code: number) => codes.push(code),
    });
    const calm = new EventEmitter();
    stopOnSignals(options(() => new Promise((resolve) => (finish = resolve)), calm));
    calm.emit("SIGTERM");
    expect(codes).toEqual([]);
    finish?.();
    await new Promise((resolve) => setImmediate(resolve));
    expect(codes).toEqual([0]);
    const hasty = new EventEmitter();
    stopOnSignals(options(() => new Promise(() => undefined), hasty));
    hasty.emit("SIGINT");
    hasty.emit("SIGINT");
    hasty.emit("SIGTERM");
    expect(codes).toEqual([0, 1]);
    const broken = new EventEmitter();
    stopOnSignals(options(() => Promise.reject(new TypeError("no")), broken));
    broken.emit("SIGTERM");
    await new Promise((resolve) => setImmediate(resolve));
    expect(codes).toEqual([0, 1, 1]);
  });
});
