/** What lies on disk can be read with the master key alone, and by nobody once it was erased. */
import { beforeEach, describe, expect, it } from "vitest";
import { ManualClock, MemoryFileSystem, SeededRandom } from "../io/index.ts";
import type { Place, Schema } from "../model/index.ts";
import type { Engine } from "./api.ts";
import { openEngine } from "./engine.ts";
import { listFolderFiles } from "./inspect-file.ts";
import type { EngineOptions } from "./node-context.ts";

const SCHEMA: Schema = {
  vectors: [{ name: "", dimension: 8, metric: "cosine" }],
  identity: "key",
  unfilterable: ["text"],
};
const NAMES = ["acme", "zeta"] as const;
const ALL = { vectors: true, metadata: true };
const KEY = "11".repeat(32);
const OTHER_KEY = "22".repeat(32);

let files: MemoryFileSystem;

beforeEach(() => {
  files = new MemoryFileSystem();
});

function open(options: Partial<EngineOptions> = {}): Promise<Engine> {
  return openEngine({
    files,
    clock: new ManualClock(),
    random: new SeededRandom(3),
    workerCount: 0,
    ...options,
  });
}

function placeOf(tenant: string): Place & { tenant: string } {
  return { database: "db", collection: "notes", tenant };
}

/** Words that stand for a tenant's data: keys, text, values of properties. */
function canary(tenant: string, what: string): string {
  return `canary-${what}-of-${tenant}-${"x".repeat(8)}`;
}

/** A vector whose bytes are found nowhere by chance. */
function vectorOf(tenant: string): Float32Array {
  const seed = tenant.length * 1_000 + tenant.charCodeAt(0);
  return Float32Array.from({ length: 8 }, (_, i) => Math.fround(Math.sin(seed + i) * 1e5));
}

async function write(engine: Engine, tenant: string, part: string, count: number): Promise<void> {
  const keys = Array.from({ length: count }, (_, i) => `${canary(tenant, part)}-${String(i)}`);
  const one = vectorOf(tenant);
  await engine.upsert(placeOf(tenant), {
    keys,
    vectors: [{ field: "", values: Float32Array.from(keys.flatMap(() => [...one])) }],
    metadata: keys.map(() => ({
      text: canary(tenant, "text"),
      colour: canary(tenant, "value"),
      [`canary-property-of-${tenant}`]: 1,
    })),
  });
}

/** Everything a tenant may leave: a file of its own, a pack, frames in the log, old and new. */
async function fill(engine: Engine): Promise<void> {
  await engine.createDatabase("db");
  await engine.createCollection("db", "notes", { schema: SCHEMA, tenancy: "multi" });
  for (const tenant of NAMES) {
    await write(engine, tenant, "large", 3_000);
    await engine.flush(placeOf(tenant));
    await write(engine, tenant, "small", 10);
    await engine.flush(placeOf(tenant));
    await write(engine, tenant, "log", 3);
  }
}

/** Every byte of the folder. */
async function folderBytes(): Promise<Buffer> {
  const paths = ["master-key", "keys/root", "keys/0000000001.slots"];
  for (const { file } of await listFolderFiles(files)) paths.push(file);
  const contents: Uint8Array[] = [];
  for (const path of paths) contents.push((await files.readWhole(path)) ?? new Uint8Array());
  return Buffer.concat(contents);
}

async function findings(tenant: string): Promise<readonly string[]> {
  const bytes = await folderBytes();
  const found = ["large", "small", "log", "text", "value"]
    .map((what) => canary(tenant, what))
    .filter((word) => bytes.includes(word));
  if (bytes.includes(`canary-property-of-${tenant}`)) found.push("property");
  const vector = vectorOf(tenant);
  if (bytes.includes(Buffer.from(vector.buffer))) found.push("vector");
  return found;
}

describe("a folder that is sealed", () => {
  it("shows no byte of any record, and answers as before after a restart", async () => {
    const engine = await open();
    await fill(engine);
    await engine.close();
    for (const tenant of NAMES) expect(await findings(tenant)).toEqual([]);
    const again = await open();
    for (const tenant of NAMES) {
      expect(await again.count(placeOf(tenant))).toBe(3_013);
      const key = `${canary(tenant, "log")}-2`;
      const [record] = await again.get(placeOf(tenant), [key], ALL);
      expect(record?.metadata?.["text"]).toBe(canary(tenant, "text"));
    }
    await again.close();
  });

  it("would be found out by this test when it were not", async () => {
    const engine = await open({ isSealing: false });
    await fill(engine);
    await engine.close();
    for (const tenant of NAMES) expect((await findings(tenant)).length).toBeGreaterThan(5);
  });

  it("is not opened with another master key, nor without, and not a byte changes", async () => {
    const engine = await open({ masterKey: Buffer.from(KEY, "hex") });
    await fill(engine);
    await engine.close();
    const before = await folderBytes();
    const wrong = open({ masterKey: Buffer.from(OTHER_KEY, "hex") });
    await expect(wrong).rejects.toMatchObject({ code: "master_key_wrong" });
    await expect(open()).rejects.toMatchObject({
      code: "master_key_missing",
      message: expect.stringContaining("master-key is missing") as string,
    });
    expect((await folderBytes()).equals(before)).toBe(true);
    await (await open({ masterKey: Buffer.from(KEY, "hex") })).close();
  });

  it("keeps what was written before it was sealed, and seals what comes after", async () => {
    const plain = await open({ isSealing: false });
    await fill(plain);
    await plain.close();
    const engine = await open();
    await write(engine, "new", "large", 10);
    expect(await engine.count(placeOf("acme"))).toBe(3_013);
    await engine.close();
    expect(await findings("new")).toEqual([]);
    // And back: what was sealed can still be read, a new tenant is not sealed.
    const back = await open({ isSealing: false });
    expect(await back.count(placeOf("new"))).toBe(10);
    await write(back, "bare", "large", 10);
    await back.close();
    expect(await findings("bare")).toContain("vector");
  });
});

describe("another master key", () => {
  it("is taken while the node runs, and the old one opens nothing once the new one has", async () => {
    const engine = await open({ masterKey: Buffer.from(KEY, "hex") });
    await fill(engine);
    await expect(engine.rotateMasterKey()).rejects.toMatchObject({ code: "argument_invalid" });
    await expect(engine.rotateMasterKey("short")).rejects.toMatchObject({
      code: "argument_invalid",
    });
    expect(await engine.rotateMasterKey(OTHER_KEY)).toEqual({ rotations: 1, isInFolder: false });
    await write(engine, "acme", "after", 5);
    await engine.close();
    const next = await open({ masterKey: Buffer.from(OTHER_KEY, "hex") });
    expect(await next.count(placeOf("acme"))).toBe(3_018);
    await next.close();
    const old = open({ masterKey: Buffer.from(KEY, "hex") });
    await expect(old).rejects.toMatchObject({ code: "master_key_wrong" });
  });

  it("is made in the folder when the old one lies there", async () => {
    const engine = await open();
    await fill(engine);
    const before = await files.readWhole("master-key");
    expect(await engine.rotateMasterKey()).toEqual({ rotations: 1, isInFolder: true });
    await engine.close();
    expect(await files.readWhole("master-key")).not.toEqual(before);
    const again = await open();
    expect(await again.count(placeOf("zeta"))).toBe(3_013);
    await again.close();
  });

  it("asked for many times at once is one of them in the end, and opens everything", async () => {
    const engine = await open();
    await fill(engine);
    const asked = await Promise.all([1, 2, 3, 4].map(() => engine.rotateMasterKey()));
    expect(asked.map(({ rotations }) => rotations)).toEqual([1, 2, 3, 4]);
    await engine.close();
    const again = await open();
    expect(await again.count(placeOf("acme"))).toBe(3_013);
    await again.close();
  });

  it("is refused where nothing is sealed", async () => {
    const engine = await open({ isSealing: false });
    await expect(engine.rotateMasterKey()).rejects.toMatchObject({
      code: "operation_unsupported",
    });
    await engine.close();
  });
});

describe("an erased tenant", () => {
  it("leaves a receipt, no key, no file of its own, and nothing of its neighbour is touched", async () => {
    const engine = await open();
    await fill(engine);
    const receipt = await engine.eraseTenant(placeOf("acme"));
    expect(receipt).toMatchObject({
      ...placeOf("acme"),
      isKeyDestroyed: true,
      recordCount: 3_013,
      filesRemoved: 1,
      filesLeft: 0,
      isUnreadable: true,
    });
    expect(receipt.sharedBytes).toBeGreaterThan(0);
    expect(engine.tenantFigures().counts.ACTIVE).toBe(1);
    expect(await engine.count(placeOf("zeta"))).toBe(3_013);
    await expect(engine.eraseTenant(placeOf("acme"))).rejects.toMatchObject({
      code: "tenant_not_found",
    });
    await engine.close();
    // The slot of its key is zeros: nothing wraps it any more.
    const slots = (await files.readWhole("keys/0000000001.slots")) ?? new Uint8Array();
    const slot = slots.subarray(receipt.keyId * 64, (receipt.keyId + 1) * 64);
    expect(slot.every((byte) => byte === 0)).toBe(true);
    expect(await findings("acme")).toEqual([]);
    const again = await open();
    expect(await again.count(placeOf("zeta"))).toBe(3_013);
    await again.close();
  });

  it("that was not sealed is said to be readable where its bytes lie among others", async () => {
    const engine = await open({ isSealing: false });
    await fill(engine);
    const receipt = await engine.eraseTenant(placeOf("acme"));
    expect(receipt).toMatchObject({ keyId: 0, isKeyDestroyed: false, isUnreadable: false });
    await engine.close();
  });
});
