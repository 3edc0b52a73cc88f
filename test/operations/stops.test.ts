/**
 * Real servers that are stopped, paused, killed and started twice while real clients write: what
 * was acknowledged stays, and every client's view fits one order of calls. `INSULA_SEED=3` replays
 * the clients' choices of one round, `INSULA_ROUNDS=200` makes so many.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { judgeHistory, type HistoryCall, type HistoryModel } from "../crash/history.ts";
import { printCall, TENANT_MODEL, type TenantCall, type Versions } from "../crash/tenant-calls.ts";
import { Chance } from "../support/chance.ts";
import { ConnectionLost, OssCaller } from "../support/oss-caller.ts";
import { ServerChild } from "../support/server-child.ts";

const SEED = process.env["INSULA_SEED"];
const ROUNDS = Number(process.env["INSULA_ROUNDS"] ?? 1);
const SEEDS = SEED === undefined ? Array.from({ length: ROUNDS }, (_, i) => i + 1) : [Number(SEED)];
const BUCKET = "stops";
const TENANTS = ["left", "right"];
const CLIENTS = 8;
const KEYS = 10;
/** Status of a server that is stopping. */
const UNAVAILABLE = 503;

/** The interface of the test gives no counts: a write that is done is done. */
const SOCKET_MODEL: HistoryModel<Versions, TenantCall> = {
  ...TENANT_MODEL,
  run: (state, call) => {
    const ran = TENANT_MODEL.run(state, call);
    return call.kind === "upsert" || call.kind === "delete" ? { ...ran, answers: ["done"] } : ran;
  },
};

let dataDir: string;
let server: ServerChild | undefined;
beforeEach(() => {
  dataDir = mkdtempSync(path.join(tmpdir(), "insula-stops-"));
});
afterEach(async () => {
  server?.signal("SIGCONT");
  await server?.kill();
  server = undefined;
  rmSync(dataDir, { recursive: true, force: true });
});

/** Clients and what they saw, over any number of lives of a server. */
class Clients {
  readonly #chance: Chance;
  readonly #histories = new Map<string, HistoryCall<TenantCall>[]>(TENANTS.map((t) => [t, []]));
  #now = 0;
  #version = 0;
  acknowledged = 0;
  refused = 0;

  constructor(seed: number) {
    this.#chance = new Chance(seed);
  }

  async prepare(caller: OssCaller): Promise<void> {
    expect((await caller.send({ method: "PUT", bucket: BUCKET })).status).toBe(200);
    for (const indexName of TENANTS) {
      const body = { indexName, dataType: "float32", dimension: 2, distanceMetric: "euclidean" };
      const call = { method: "POST", bucket: BUCKET, verb: "putVectorIndex", body };
      expect((await caller.send(call)).status).toBe(200);
    }
  }

  /** Until `isOver`, the server is gone, or it refuses. */
  async work(url: URL, isOver: () => boolean): Promise<void> {
    const caller = new OssCaller(url);
    const clients = Array.from({ length: CLIENTS }, async (_, client) => {
      while (!isOver()) if (!(await this.#call(caller, client, this.#draw()))) return;
    });
    await Promise.all(clients);
    caller.close();
  }

  /** @throws when no order of calls explains what was seen, what is there now included */
  async judge(url: URL): Promise<void> {
    const caller = new OssCaller(url);
    for (const tenant of TENANTS) {
      await this.#call(caller, CLIENTS, { tenant, call: { kind: "list" } });
      const calls = (this.#histories.get(tenant) ?? []).filter(
        ({ call, end }) => end !== undefined || call.kind === "upsert" || call.kind === "delete",
      );
      const verdict = judgeHistory(withoutUnseen(calls), SOCKET_MODEL);
      if (verdict.kind === "possible") continue;
      const text = calls.map(printCall).join("\n");
      throw new Error(`the history of ${tenant} is ${verdict.kind}\n${text}`);
    }
    caller.close();
  }

  #draw(): { readonly tenant: string; readonly call: TenantCall } {
    const chance = this.#chance;
    const tenant = chance.pick(TENANTS);
    const count = chance.between(1, 4);
    const keys = [
      ...new Set(Array.from({ length: count }, () => `k${chance.between(0, KEYS - 1)}`)),
    ];
    const kind = chance.between(0, 9);
    if (kind < 5) {
      const versions = new Map(keys.map((key) => [key, ++this.#version]));
      return { tenant, call: { kind: "upsert", versions } };
    }
    if (kind < 6) return { tenant, call: { kind: "delete", keys } };
    return { tenant, call: kind < 8 ? { kind: "get", keys } : { kind: "list" } };
  }

  async #call(
    caller: OssCaller,
    client: number,
    { tenant, call }: { readonly tenant: string; readonly call: TenantCall },
  ): Promise<boolean> {
    const history = this.#histories.get(tenant) ?? [];
    const at = history.length;
    const beganAt = ++this.#now;
    history.push({ client, call, beganAt, end: undefined });
    try {
      const answer = await send(caller, tenant, call);
      if (answer === undefined) {
        this.refused++;
        return false;
      }
      this.acknowledged++;
      history[at] = { client, call, beganAt, end: { at: ++this.#now, answer } };
      return true;
    } catch (error) {
      if (error instanceof ConnectionLost) return false;
      throw error;
    }
  }
}

/** @returns the answer; undefined when the server refused because it stops */
async function send(
  caller: OssCaller,
  indexName: string,
  call: TenantCall,
): Promise<string | undefined> {
  const post = async (verb: string, body: object): Promise<string | undefined> => {
    const sent = { method: "POST", bucket: BUCKET, verb, body: { indexName, ...body } };
    const { status, text } = await caller.send(sent);
    if (status === UNAVAILABLE) return undefined;
    if (status !== 200 && status !== 204) throw new Error(`${verb}: ${status} ${text}`);
    return text;
  };
  const versionsOf = (text: string): Map<string, number> => {
    const { vectors } = JSON.parse(text) as {
      vectors: { key: string; metadata: { version: number } }[];
    };
    return new Map(vectors.map(({ key, metadata }) => [key, metadata.version]));
  };
  switch (call.kind) {
    case "upsert": {
      const vectors = [...call.versions].map(([key, version]) => ({
        key,
        metadata: { version },
        data: { float32: [version, 1] },
      }));
      return (await post("putVectors", { vectors })) === undefined ? undefined : "done";
    }
    case "delete":
      return (await post("deleteVectors", { keys: call.keys })) === undefined ? undefined : "done";
    case "get": {
      const text = await post("getVectors", { keys: call.keys, returnMetadata: true });
      if (text === undefined) return undefined;
      const found = versionsOf(text);
      return call.keys.map((key) => String(found.get(key))).join();
    }
    default: {
      const text = await post("listVectors", { returnMetadata: true, maxResults: 100 });
      if (text === undefined) return undefined;
      const found = [...versionsOf(text)].map(([key, version]) => `${key}=${String(version)}`);
      return found.sort().join();
    }
  }
}

/**
 * Leaves out writes that were never answered and of which no answer shows a version. An order with
 * such a write is one without it, too: nobody read a key between it and the write over it. Each
 * that stays doubles the orders there are.
 */
function withoutUnseen(
  calls: readonly HistoryCall<TenantCall>[],
): readonly HistoryCall<TenantCall>[] {
  const seen = new Set<number>();
  for (const { end } of calls) {
    for (const [, version] of (end?.answer ?? "").matchAll(/(?:^|[=,])(\d+)/g)) {
      seen.add(Number(version));
    }
  }
  return calls.filter(({ call, end }) => {
    if (end !== undefined || call.kind !== "upsert") return true;
    return [...call.versions.values()].some((version) => seen.has(version));
  });
}

const after = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

test.each(SEEDS)(
  "clients over sockets see one order of calls through kills, seed %i",
  async (seed) => {
    const chance = new Chance(seed);
    const clients = new Clients(seed);
    server = await ServerChild.start({ dataDir, port: 0 });
    await clients.prepare(new OssCaller(server.url));
    for (let kill = 0; kill < 3; kill++) {
      const child = server;
      const ending = after(chance.between(50, 400)).then(() => child.kill());
      await clients.work(child.url, () => false);
      await ending;
      server = await ServerChild.start({ dataDir, port: 0 });
    }
    await clients.judge(server.url);
    expect(clients.acknowledged).toBeGreaterThan(20);
  },
);

test.each(SEEDS)(
  "a stop under load answers or refuses everything and loses nothing, seed %i",
  async (seed) => {
    const clients = new Clients(seed);
    server = await ServerChild.start({ dataDir, port: 0 });
    await clients.prepare(new OssCaller(server.url));
    for (let stop = 0; stop < 2; stop++) {
      const child = server;
      const stopping = after(200 + 50 * seed).then(() => child.stop());
      await clients.work(child.url, () => false);
      expect(await stopping).toBe("0");
      server = await ServerChild.start({ dataDir, port: 0 });
    }
    await clients.judge(server.url);
    expect(clients.acknowledged).toBeGreaterThan(20);
  },
);

test.each(SEEDS)("a pause loses nothing and breaks no order, seed %i", async (seed) => {
  const clients = new Clients(seed);
  server = await ServerChild.start({ dataDir, port: 0 });
  const child = server;
  await clients.prepare(new OssCaller(child.url));
  let isOver = false;
  const pausing = (async () => {
    for (let pause = 0; pause < 2; pause++) {
      await after(150);
      child.signal("SIGSTOP");
      await after(1_100);
      child.signal("SIGCONT");
    }
    await after(150);
    isOver = true;
  })();
  await clients.work(child.url, () => isOver);
  await pausing;
  await child.kill();
  server = await ServerChild.start({ dataDir, port: 0 });
  await clients.judge(server.url);
  expect(clients.refused).toBe(0);
});

test("a system that takes and gives half of each transfer changes nothing", async () => {
  const preload = path.resolve(import.meta.dirname, "short-transfers.mjs");
  const variables = { NODE_OPTIONS: `--import ${preload}` };
  const clients = new Clients(1);
  server = await ServerChild.start({ dataDir, port: 0, variables });
  const child = server;
  await clients.prepare(new OssCaller(child.url));
  const killing = after(600).then(() => child.kill());
  await clients.work(child.url, () => false);
  await killing;
  // What was written by halves is read whole, and the other way round.
  server = await ServerChild.start({ dataDir, port: 0 });
  await clients.judge(server.url);
  expect(await server.stop()).toBe("0");
  const last = await ServerChild.start({ dataDir, port: 0, variables });
  server = last;
  await clients.judge(last.url);
  await last.stop();
  const told = child.errorText + last.errorText;
  expect(told).toContain("short writeSync of the other thread");
  expect(told).toContain("short read of the main thread");
});

test("a second server on the folder is refused, before and after the first was paused", async () => {
  server = await ServerChild.start({ dataDir, port: 0 });
  await expect(ServerChild.start({ dataDir, port: 0 })).rejects.toThrow(/data_folder_locked/);
  server.signal("SIGSTOP");
  await expect(ServerChild.start({ dataDir, port: 0 })).rejects.toThrow(/data_folder_locked/);
  server.signal("SIGCONT");
  const clients = new Clients(1);
  await clients.prepare(new OssCaller(server.url));
  await server.kill();
  // The lock ends with its process.
  server = await ServerChild.start({ dataDir, port: 0 });
  await clients.judge(server.url);
});
