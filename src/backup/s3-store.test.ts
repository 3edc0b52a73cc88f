import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { describeObjectStore } from "../io/object-store.contract.ts";
import { ManualClock, MemoryFileSystem, NodeClock, SeededRandom, type Clock } from "../io/index.ts";
import { S3ObjectStore } from "./s3-store.ts";
import { startS3Server, type S3TestServer } from "./s3-server.contract.ts";
import { openStore, type TargetDoors } from "./store-target.ts";

/** Waits are over at once, and are counted. */
class HastyClock extends NodeClock implements Clock {
  waits = 0;
  turns = 0;

  override yield(): Promise<void> {
    this.turns++;
    return super.yield();
  }

  override after(delayMs: number, task: () => void): { cancel(): void } {
    if (delayMs >= 60_000) return super.after(delayMs, task);
    this.waits++;
    return super.after(0, task);
  }
}

let server: S3TestServer;
let clock: HastyClock;

beforeAll(async () => {
  server = await startS3Server();
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

beforeEach(() => {
  server.objects.clear();
  server.faults.length = 0;
  server.requests = 0;
  clock = new HastyClock();
});

function open(prefix = "", secret = server.settings.credentials.secret): S3ObjectStore {
  const { settings } = server;
  const credentials = { ...settings.credentials, secret };
  return new S3ObjectStore({ ...settings, credentials }, prefix, {
    clock,
    random: new SeededRandom(1),
  });
}

describeObjectStore(
  "an S3-compatible one",
  () => {
    server.objects.clear();
    return Promise.resolve(open());
  },
  { hasDotSegments: false },
);
describeObjectStore(
  "an S3-compatible one below a prefix",
  () => {
    server.objects.clear();
    server.objects.set("a strange/thing", Buffer.from("not ours"));
    return Promise.resolve(open("my backups/"));
  },
  { hasDotSegments: false },
);

const body = Buffer.from("the body");

it("the server of the tests counts requests and bytes by their kind", async () => {
  const { PUT, GET, LIST } = server.traffic;
  const before = [PUT, GET, LIST].map((kind) => ({ ...kind }));
  const store = open();
  await store.put("k", body);
  await store.get("k", { start: 0, length: 3 });
  await store.list("", { limit: 1 });
  const [puts, gets, lists] = before;
  expect(PUT.requests - (puts?.requests ?? 0)).toBe(1);
  expect(PUT.bytesIn - (puts?.bytesIn ?? 0)).toBe(body.length);
  expect(GET.bytesOut - (gets?.bytesOut ?? 0)).toBe(3);
  expect(LIST.requests - (lists?.requests ?? 0)).toBe(1);
});

describe("S3ObjectStore", () => {
  it("gives up a reading that is of no use any more, also between two tries", async () => {
    const store = open();
    const reason = new Error("nobody waits");
    const stop = new AbortController();
    const isGone = new Promise<void>((onGone) => {
      const onRequest = (): void => {
        stop.abort(reason);
      };
      server.faults.push({ kind: "silence", onRequest, onGone });
    });
    await expect(store.get("k", undefined, stop.signal)).rejects.toBe(reason);
    await isGone;
    expect(server.requests).toBe(1);
    await expect(store.get("k", undefined, stop.signal)).rejects.toBe(reason);
    expect(server.requests).toBe(1);
    const waiting = new AbortController();
    server.faults.push({ kind: "status", status: 503 });
    const slow = new ManualClock();
    const { settings } = server;
    const other = new S3ObjectStore(settings, "", { clock: slow, random: new SeededRandom(1) });
    slow.jumpWall(Date.now() - slow.wallMs());
    const reading = other.get("k", undefined, waiting.signal);
    await expect.poll(() => server.requests).toBe(2);
    waiting.abort(reason);
    await expect(reading).rejects.toBe(reason);
  });

  it("hashes what it signs in slices, once, however often it is sent", async () => {
    const store = open();
    const long = Buffer.alloc(3 * 1_048_576, "a long body ");
    server.faults.push({ kind: "status", status: 503 }, { kind: "reset" });
    await store.put("k", long);
    expect(server.requests).toBe(3);
    expect(clock.turns).toBe(23);
    expect(Buffer.compare((await store.get("k")) ?? body, long)).toBe(0);
    server.faults.push({ kind: "in parts" });
    expect(Buffer.compare((await store.get("k")) ?? body, long)).toBe(0);
  });

  it("reads what a store compresses though nobody asked", async () => {
    const store = open();
    const long = Buffer.alloc(100_000, "a long body ");
    await store.put("k", long);
    server.faults.push({ kind: "compressed" }, { kind: "compressed" });
    expect(Buffer.compare((await store.get("k")) ?? body, long)).toBe(0);
    expect(await store.list("", { limit: 5 })).toEqual(["k"]);
    expect(server.requests).toBe(3);
  });

  it("stores bytes of memory that threads share, and a part of a buffer", async () => {
    const store = open();
    const shared = new Uint8Array(new SharedArrayBuffer(8)).fill(7);
    await store.put("shared", shared);
    await store.put("part", body.subarray(4));
    expect([...(server.objects.get("shared") ?? [])]).toEqual([...shared]);
    expect(server.objects.get("part")?.toString()).toBe("body");
  });

  it("tries again what may pass: refusals, resets, answers cut short", async () => {
    const store = open();
    server.objects.set("k", body);
    server.faults.push(
      { kind: "status", status: 503 },
      { kind: "status", status: 500 },
      { kind: "reset" },
      { kind: "short" },
    );
    expect(Buffer.from((await store.get("k")) ?? [])).toEqual(body);
    expect(server.requests).toBe(5);
    expect(clock.waits).toBe(4);
  });

  it("gives up after eight tries and says so", async () => {
    const store = open();
    server.faults.push(
      ...Array.from({ length: 20 }, () => ({ kind: "status", status: 503 }) as const),
    );
    await expect(store.put("k", body)).rejects.toMatchObject({
      code: "io_failed",
      message: expect.stringMatching(/PUT "k".*tried 8 times.*503 SlowDown/) as unknown,
    });
    expect(server.requests).toBe(8);
  });

  it("finds its own object when the answer to its creation was lost", async () => {
    const store = open();
    server.faults.push({ kind: "lost answer" });
    await store.putIfAbsent("k", body);
    expect(server.objects.get("k")).toEqual(body);
  });

  it("is refused at once with a wrong secret, and never says the secret", async () => {
    const store = open("", "wrong");
    const refused = store.get("k").catch((error: unknown) => error as Error);
    expect(await refused).toMatchObject({
      code: "io_failed",
      message: expect.stringMatching(/403 SignatureDoesNotMatch/) as unknown,
    });
    expect(String(await refused)).not.toContain("wrong");
    expect(server.requests).toBe(1);
  });

  it("refuses keys that an address would change", async () => {
    await expect(open().put("a/../b", body)).rejects.toMatchObject({ code: "argument_invalid" });
  });
});

describe("a store by its name", () => {
  const doors = (environment: Record<string, string> = {}): TargetDoors => ({
    clock: new ManualClock(),
    random: new SeededRandom(1),
    environment,
    openFolder: () => new MemoryFileSystem(),
  });

  it("is refused when it cannot be understood, before anything is asked", async () => {
    for (const target of ["", "ftp://x/y", "s3://", "s3://Bad_Bucket/x", "https://host/x"]) {
      await expect(openStore(target, doors(), true)).rejects.toMatchObject({
        code: "setting_invalid",
      });
    }
    const keys = { AWS_ACCESS_KEY_ID: "a", AWS_SECRET_ACCESS_KEY: "b" };
    await expect(openStore("s3://bucket", doors(), true)).rejects.toMatchObject({
      message: expect.stringContaining("AWS_ACCESS_KEY_ID") as unknown,
    });
    const odd = doors({ ...keys, AWS_ENDPOINT_URL: "file:///etc" });
    await expect(openStore("s3://bucket", odd, true)).rejects.toMatchObject({
      code: "setting_invalid",
    });
  });

  it("is a folder, or a bucket at the address of the environment", async () => {
    const folder = await openStore("/some/folder", doors(), true);
    expect(await folder.putIfAbsent("a", body)).toBe(true);
    await expect(openStore("/none", doors(), false)).rejects.toMatchObject({
      code: "backup_not_found",
    });
    const { endpoint, region, credentials } = server.settings;
    const environment = {
      AWS_ACCESS_KEY_ID: credentials.keyId,
      AWS_SECRET_ACCESS_KEY: credentials.secret,
      AWS_REGION: region,
      AWS_ENDPOINT_URL: endpoint,
    };
    const store = await openStore("s3://bucket/deep/down/", { ...doors(environment), clock }, true);
    await store.put("a", body);
    expect([...server.objects.keys()]).toEqual(["deep/down/a"]);
  });
});
