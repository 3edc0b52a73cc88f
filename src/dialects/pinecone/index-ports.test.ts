import { setImmediate } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { MemoryBackups } from "../../../test/support/memory-backups.ts";
import { PineconeBench, type BenchAnswer } from "../../../test/support/pinecone-bench.ts";
import { ProtoReader, ProtoWriter } from "../../wire/index.ts";
import { IndexPorts } from "./index-ports.ts";

const PORTS = { first: 9_000, last: 9_002 };
const NAMES = ["one", "two", "three"];
let bench: PineconeBench;
let backups: MemoryBackups;

beforeEach(async () => {
  backups = new MemoryBackups();
  bench = await PineconeBench.open(
    {
      ...{ project: "pinecone", readUnits: "size", hostScheme: "auto", domain: "" },
      ...{ indexHosts: "port", ports: PORTS },
    },
    (engine) => ({ backups: backups.doorOf(engine) }),
  );
});
afterEach(() => bench.close());

const hostOf = ({ json }: BenchAnswer): string => (json as { readonly host: string }).host;

async function makeThree(): Promise<readonly string[]> {
  const hosts: string[] = [];
  for (const name of NAMES) hosts.push(hostOf(await bench.withIndex(name)));
  return hosts;
}

/** A call that came to a port of ours. */
async function at(port: number, line: string, body?: object): Promise<BenchAnswer> {
  bench.localPort = port;
  return bench.send(line, body === undefined ? {} : { body });
}

const record = (id: string) => ({ vectors: [{ id, values: [1, 0] }] });

describe("indexes with ports of their own", () => {
  test("are described with them, from the first on, by every call that describes", async () => {
    const hosts = [9_000, 9_001, 9_002].map((port) => `http://127.0.0.1:${String(port)}`);
    expect(await makeThree()).toEqual(hosts);
    for (const [i, name] of NAMES.entries()) {
      expect(hostOf(await bench.send(`GET /indexes/${name}`))).toBe(hosts[i]);
      const changed = await bench.send(`PATCH /indexes/${name}`, { body: { tags: { a: "b" } } });
      expect(hostOf(changed)).toBe(hosts[i]);
    }
    const { indexes } = (await bench.send("GET /indexes")).json as {
      readonly indexes: readonly { readonly name: string; readonly host: string }[];
    };
    expect(Object.fromEntries(indexes.map(({ name, host }) => [name, host]))).toEqual(
      Object.fromEntries(NAMES.map((name, i) => [name, hosts[i]])),
    );
  });

  test("are told apart by the port a call comes to, over HTTP and gRPC", async () => {
    await makeThree();
    for (const [i, name] of NAMES.entries()) {
      const written = await at(9_000 + i, "POST /vectors/upsert", record(name));
      expect(written.status, written.text).toBe(200);
    }
    for (const [i, name] of NAMES.entries()) {
      const listed = await at(9_000 + i, "GET /vectors/list");
      expect(listed.json).toMatchObject({ vectors: [{ id: name }] });
      const answer = await bench.grpc("/VectorService/List", new ProtoWriter().written);
      expect(answer.status, answer.text).toBe(0);
      const reader = new ProtoReader(answer.message);
      expect(reader.next()).toBe(true);
      const item = reader.message();
      item.next();
      expect(item.text()).toBe(name);
    }
  });

  test("are reached by their path and by the common port too", async () => {
    await makeThree();
    for (const port of [5_080, 9_000]) {
      expect((await at(port, "POST /ix/two/vectors/upsert", record("r"))).status).toBe(200);
    }
    expect((await at(9_001, "GET /vectors/list")).json).toMatchObject({ vectors: [{ id: "r" }] });
  });

  test("are no control plane there", async () => {
    await makeThree();
    expect((await at(9_000, "GET /indexes")).status).toBe(404);
    expect((await at(5_080, "GET /indexes")).status).toBe(200);
  });
});

describe("a port", () => {
  test("goes to the next index when its own is deleted, and is nobody's until then", async () => {
    await makeThree();
    bench.localPort = undefined;
    expect((await bench.send("DELETE /indexes/two")).status).toBe(202);
    expect((await at(9_001, "GET /vectors/list")).status).toBe(404);
    bench.localPort = undefined;
    expect(hostOf(await bench.withIndex("four"))).toBe("http://127.0.0.1:9001");
    expect(hostOf(await bench.send("GET /indexes/three"))).toBe("http://127.0.0.1:9002");
    expect((await at(9_001, "GET /vectors/list")).json).toMatchObject({ vectors: [] });
  });

  test("that is nobody's or another project's answers alike, and after the key was known", async () => {
    const stranger = await bench.keyWith({ actions: ["*"], databases: ["elsewhere"] });
    await bench.withIndex("one");
    const answers: BenchAnswer[] = [];
    for (const port of [9_000, 9_002]) {
      bench.localPort = port;
      answers.push(await bench.send("GET /vectors/list", { apiKey: stranger }));
      expect((await bench.send("GET /vectors/list", { apiKey: "wrong" })).status).toBe(401);
    }
    expect(answers.map(({ status }) => status)).toEqual([404, 404]);
    expect(answers[0]?.text).toBe(answers[1]?.text);
  });

  test("stays its index's over a restart, and another range gives others", async () => {
    await makeThree();
    const owner = { project: "pinecone", name: "two" };
    const again = new IndexPorts(bench.engine, PORTS);
    expect(await again.portOf(owner)).toBe(9_001);
    expect(await again.ownerOf(9_002)).toEqual({ project: "pinecone", name: "three" });
    const shifted = new IndexPorts(bench.engine, { first: 9_001, last: 9_010 });
    expect(await shifted.portOf({ project: "pinecone", name: "one" })).toBe(9_003);
    expect(await shifted.portOf(owner)).toBe(9_001);
    expect(await shifted.ownerOf(9_000)).toBeUndefined();
  });

  test("is given once when many ask at the same time", async () => {
    const ports = new IndexPorts(bench.engine, { first: 1, last: 20 });
    const asked = Array.from({ length: 20 }, (_, i) => ({ project: "p", name: String(i % 10) }));
    const given = await Promise.all(asked.map((owner) => ports.portOf(owner)));
    expect(new Set(given).size).toBe(10);
    expect(given.slice(0, 10)).toEqual(given.slice(10));
  });
});

describe("when every port is taken", () => {
  test("an index is not made, and is once another is gone", async () => {
    await makeThree();
    const refused = await bench.withIndex("four");
    expect([refused.status, refused.json]).toMatchObject([
      403,
      { error: { code: "QUOTA_EXCEEDED", message: expect.stringContaining("indexPorts") } },
    ]);
    expect((await bench.send("GET /indexes/four")).status).toBe(404);
    // By another interface: nobody tells of it.
    await bench.engine.deleteCollection("pinecone", "one");
    expect(hostOf(await bench.withIndex("four"))).toBe("http://127.0.0.1:9000");
  });

  test("one that another interface made is described by its path", async () => {
    await makeThree();
    const vectors = [{ name: "", dimension: 2, metric: "cosine" }] as const;
    const schema = { identity: "key", vectors, properties: [], unfilterable: [] } as const;
    await bench.engine.createCollection("pinecone", "native", {
      schema,
      tenancy: "multi",
    });
    expect(hostOf(await bench.send("GET /indexes/native"))).toBe("http://127.0.0.1:5080/ix/native");
  });
});

describe("an index that cannot be made", () => {
  test("leaves its port free", async () => {
    const ports = new IndexPorts(bench.engine, PORTS);
    const owner = { project: "pinecone", name: "never" };
    const failed = ports.reserve(owner, () => Promise.reject(new TypeError("no")));
    await expect(failed).rejects.toThrow("no");
    expect(await ports.ownerOf(9_000)).toBeUndefined();
  });

  test("because it is there keeps the port of that", async () => {
    await makeThree();
    expect((await bench.withIndex("one")).status).toBe(409);
    expect((await at(9_000, "GET /vectors/list")).status).toBe(200);
  });
});

describe("an index from a backup", () => {
  /** Of the index `one`, with a record of that name. */
  async function backUpOne(): Promise<string> {
    await bench.withIndex("one");
    await at(9_000, "POST /vectors/upsert", record("one"));
    bench.localPort = undefined;
    const { json } = await bench.send("POST /indexes/one/backups");
    const id = (json as { backup_id: string }).backup_id;
    await settled(`/backups/${id}`);
    return id;
  }

  async function settled(path: string): Promise<string> {
    for (;;) {
      const { status } = (await bench.send(`GET ${path}`)).json as { status: string };
      if (status !== "Initializing" && status !== "InProgress") return status;
      await setImmediate();
    }
  }

  async function restore(id: string, name: string): Promise<BenchAnswer> {
    return bench.send(`POST /backups/${id}/create-index`, { body: { name } });
  }

  const jobOf = ({ json }: BenchAnswer): string =>
    `/restore-jobs/${(json as { restore_job_id: string }).restore_job_id}`;

  /** Restores wait until it is called. */
  function holdBack(): () => void {
    let open = (): void => undefined;
    backups.gate = new Promise((resolve) => (open = resolve));
    return open;
  }

  test("has its port from the start, which is nobody else's meanwhile, and is reached by it", async () => {
    const id = await backUpOne();
    const open = holdBack();
    const begun = await restore(id, "two");
    await bench.withIndex("three");
    expect((await bench.withIndex("four")).status).toBe(403);
    expect(hostOf(await bench.send("GET /indexes/two"))).toBe("http://127.0.0.1:9001");
    expect((await at(9_001, "GET /vectors/list")).status).toBe(404);
    bench.localPort = undefined;
    open();
    expect(await settled(jobOf(begun))).toBe("Completed");
    expect(hostOf(await bench.send("GET /indexes/two"))).toBe("http://127.0.0.1:9001");
    expect((await at(9_001, "GET /vectors/list")).json).toMatchObject({ vectors: [{ id: "one" }] });
  });

  test("that cannot be made leaves its port to the next", async () => {
    const id = await backUpOne();
    const open = holdBack();
    const begun = await restore(id, "two");
    expect(hostOf(await bench.send("GET /indexes/two"))).toBe("http://127.0.0.1:9001");
    await backups.store.delete((await backups.store.list("bundles/", { limit: 1 }))[0] ?? "");
    open();
    expect(await settled(jobOf(begun))).toBe("Failed");
    expect(hostOf(await bench.withIndex("next"))).toBe("http://127.0.0.1:9001");
  });

  test("is refused when every port is taken, without a job", async () => {
    const id = await backUpOne();
    for (const name of ["two", "three"]) await bench.withIndex(name);
    expect(await restore(id, "four")).toMatchObject({
      ...{ status: 403, json: { error: { code: "QUOTA_EXCEEDED" } } },
    });
    expect((await bench.send("GET /restore-jobs")).json).toEqual({ data: [] });
    await bench.send("DELETE /indexes/two");
    expect(await settled(jobOf(await restore(id, "four")))).toBe("Completed");
    expect(hostOf(await bench.send("GET /indexes/four"))).toBe("http://127.0.0.1:9001");
  });
});
