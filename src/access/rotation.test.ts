import { beforeEach, describe, expect, test } from "vitest";
import type { PageRequest } from "../engine/api.ts";
import { MemoryFileSystem, SeededRandom } from "../io/index.ts";
import type { AccessControl } from "./access-control.ts";
import { KEY_RATE_MAX, KEY_RATE_MIN, ROTATION_GRACE_MS_MAX } from "./limits.ts";
import { openAccess } from "./open-access.ts";

/** Written by the first format: no collections, no rate, one secret. Never to be changed. */
const ROW_OF_FORMAT_1 = [
  "01a4017b226964223a22494e414141414141414141414141414141414141222c226163636f756e74",
  "4964223a2231303030222c226372656174656441744d73223a313730303030303030303030302c22",
  "6578706972657341744d73223a343030303030303030303030302c226772616e7473223a5b7b2261",
  "6374696f6e73223a5b22766563746f72733a2a225d2c22646174616261736573223a5b227465616d",
  "2d2a225d7d5d7d030303030303030303030303284578864d50c73708c2735975021bb30804f3cd8e",
  "ba9d4bdb2223cf80def7ea6a3b05abd31ae8c02a4c299b08b4fbfd123b5d21f8f36d5a14",
].join("");

const GRANTS = [{ actions: ["read"], databases: ["*"] }];
const rows = new Map<string, Uint8Array>();
const settings = {
  readSetting: (name: string) => Promise.resolve(rows.get(name)),
  writeSetting: (name: string, value: Uint8Array | undefined) => {
    if (value === undefined) rows.delete(name);
    else rows.set(name, value);
    return Promise.resolve();
  },
  deriveKey: () => undefined,
  listSettings: ({ prefix = "" }: PageRequest) =>
    Promise.resolve({
      items: [...rows]
        .filter(([name]) => name.startsWith(prefix))
        .map(([name, value]) => ({ name, value })),
      hasMore: false,
    }),
};

let nowMs: number;
let access: AccessControl;

async function open(nodeSecret?: Uint8Array): Promise<AccessControl> {
  const files = new MemoryFileSystem();
  await files.replaceWhole("access.key", nodeSecret ?? Buffer.alloc(32, 5));
  return openAccess({
    settings,
    files,
    clock: { wallMs: () => nowMs, monotonicMs: () => nowMs },
    random: new SeededRandom(1),
    admin: { id: "admin", secret: "the-admin-secret" },
    accountId: "1000",
  });
}

beforeEach(async () => {
  rows.clear();
  nowMs = 2_000_000_000_000;
  access = await open();
});

describe("rotation", () => {
  test("gives a new secret and takes the old one away at once", async () => {
    const before = await access.createKey({ grants: GRANTS, requestsPerSecond: 9 });
    await access.findKey(before.id);
    nowMs += 5;
    const after = await access.rotateKey(before.id);
    expect(after).toEqual({ ...before, secret: after.secret, rotatedAtMs: nowMs });
    expect(after.secret).not.toBe(before.secret);
    for (const control of [access, await open()]) {
      expect(await control.findToken(`${before.id}.${before.secret}`)).toBeUndefined();
      expect(await control.findToken(`${before.id}.${after.secret}`)).toBeDefined();
      expect(await control.findKey(before.id)).not.toHaveProperty("previousSecret");
    }
  });

  test("lets the old secret hold for the grace asked for, and no longer", async () => {
    const before = await access.createKey({ grants: GRANTS });
    const after = await access.rotateKey(before.id, { graceMs: 1_000 });
    const oldToken = `${before.id}.${before.secret}`;
    for (const control of [access, await open()]) {
      nowMs = 2_000_000_000_999;
      expect(await control.findToken(oldToken)).toBeDefined();
      expect(await control.findKey(before.id)).toMatchObject({
        secret: after.secret,
        previousSecret: before.secret,
      });
      nowMs++;
      expect(await control.findToken(oldToken)).toBeUndefined();
      expect(await control.findKey(before.id)).not.toHaveProperty("previousSecret");
    }
  });

  test("within a grace: only the last two secrets hold", async () => {
    const { id, secret: first } = await access.createKey({ grants: GRANTS });
    const { secret: second } = await access.rotateKey(id, { graceMs: 1_000 });
    const { secret: third } = await access.rotateKey(id, { graceMs: 1_000 });
    const holds = async (secret: string): Promise<boolean> =>
      (await access.findToken(`${id}.${secret}`)) !== undefined;
    expect(await Promise.all([first, second, third].map(holds))).toEqual([false, true, true]);
    await access.rotateKey(id);
    expect(await holds(third)).toBe(false);
  });

  test("shows no secret in listings, and stores none readable", async () => {
    const { id, secret } = await access.createKey({ grants: GRANTS });
    const { secret: fresh } = await access.rotateKey(id, { graceMs: 60_000 });
    const page = await access.listKeys({ limit: 10 });
    expect(page.items).toMatchObject([{ id, rotatedAtMs: nowMs, previousUntilMs: nowMs + 60_000 }]);
    const seen = JSON.stringify(page) + Buffer.concat([...rows.values()]).toString("latin1");
    expect(seen).not.toContain(secret);
    expect(seen).not.toContain(fresh);
    expect(seen).not.toContain("ecret");
  });

  test("of a key revoked at the same moment ends with one of the two, never with both", async () => {
    const { id, secret } = await access.createKey({ grants: GRANTS });
    const [rotated, revoked] = await Promise.allSettled([
      access.rotateKey(id, { graceMs: 1_000 }),
      access.revokeKey(id),
    ]);
    expect([rotated.status, revoked.status]).toEqual(["fulfilled", "fulfilled"]);
    expect(await access.findKey(id)).toBeUndefined();
    expect(await access.findToken(`${id}.${secret}`)).toBeUndefined();
    await expect(access.rotateKey(id)).rejects.toMatchObject({ code: "access_key_not_found" });
  });

  test.each([-1, 0.5, Number.NaN, ROTATION_GRACE_MS_MAX + 1])(
    "with a grace of %d is refused",
    (ms) =>
      expect(access.rotateKey("any", { graceMs: ms })).rejects.toMatchObject({
        code: "argument_invalid",
      }),
  );
});

describe("the rate of a key", () => {
  test("admits a second's worth at once, then one after another", async () => {
    const { id, secret } = await access.createKey({ grants: GRANTS, requestsPerSecond: 4 });
    const token = `${id}.${secret}`;
    for (let i = 0; i < 4; i++) expect(await access.findToken(token)).toBeDefined();
    await expect(access.findToken(token)).rejects.toMatchObject({
      code: "rate_exceeded",
      retryAfterMs: 250,
    });
    nowMs += 249;
    await expect(access.findToken(token)).rejects.toMatchObject({ retryAfterMs: 1 });
    nowMs += 1;
    expect(await access.findToken(token)).toBeDefined();
    nowMs += 60_000;
    for (let i = 0; i < 4; i++) expect(await access.findToken(token)).toBeDefined();
    await expect(access.findToken(token)).rejects.toMatchObject({ code: "rate_exceeded" });
  });

  test("counts signed requests and tokens together, and nobody else's", async () => {
    const { id, secret } = await access.createKey({ grants: GRANTS, requestsPerSecond: 1 });
    const known = await access.findKey(id);
    if (known === undefined) throw new TypeError("unreachable");
    access.admit(known.principal);
    await expect(access.findToken(`${id}.${secret}`)).rejects.toMatchObject({
      code: "rate_exceeded",
    });
    // A wrong secret costs nothing and learns nothing.
    expect(await access.findToken(`${id}.wrong`)).toBeUndefined();
    const other = await access.createKey({ grants: GRANTS });
    for (let i = 0; i < 50; i++) {
      expect(await access.findToken(`${other.id}.${other.secret}`)).toBeDefined();
    }
  });

  test.each([0, -1, Number.NaN, KEY_RATE_MIN / 2, KEY_RATE_MAX + 1])("of %d is refused", (rate) =>
    expect(access.createKey({ grants: GRANTS, requestsPerSecond: rate })).rejects.toMatchObject({
      code: "argument_invalid",
    }),
  );
});

describe("the limits of a key", () => {
  test("are set when it is made, changed in parts, listed, and kept by a rotation", async () => {
    const limits = { queriesPerSecond: 5, callsInFlight: 2 };
    const { id } = await access.createKey({ grants: GRANTS, requestsPerSecond: 9, limits });
    expect((await access.findKey(id))?.principal.limits).toEqual(limits);
    const patch = { limits: { queriesPerSecond: null, bytesPerSecond: 1_000 } };
    const changed = await access.limitKey(id, patch);
    const now = { callsInFlight: 2, bytesPerSecond: 1_000 };
    expect(changed).toMatchObject({ id, requestsPerSecond: 9, limits: now });
    expect(changed).not.toHaveProperty("secret");
    expect((await access.findKey(id))?.principal.limits).toEqual(now);
    access = await open();
    expect((await access.findKey(id))?.principal.limits).toEqual(now);
    const rotated = await access.rotateKey(id, { graceMs: 1_000 });
    expect(rotated).toMatchObject({ limits: now, requestsPerSecond: 9 });
    const none = { callsInFlight: null, bytesPerSecond: null };
    const free = await access.limitKey(id, { requestsPerSecond: null, limits: none });
    expect(free).not.toHaveProperty("limits");
    expect(free).not.toHaveProperty("requestsPerSecond");
    // The secret before is still in its grace.
    expect((await access.findKey(id))?.previousSecret).toBeDefined();
    expect((await access.listKeys({ limit: 10 })).items).toEqual([free]);
    expect((await access.limitKey(id, { requestsPerSecond: 3 })).requestsPerSecond).toBe(3);
  });

  test("are refused when they are none, and of a key that is not there", async () => {
    const { id } = await access.createKey({ grants: GRANTS });
    const refused = { code: "argument_invalid" };
    for (const limits of [
      { queriesPerSecond: 0 },
      { callsInFlight: 1.5 },
      { bytesPerSecond: "many" as unknown as number },
      { storedRecords: 5 },
      { weight: 2 },
    ]) {
      await expect(access.limitKey(id, { limits })).rejects.toMatchObject(refused);
      await expect(access.createKey({ grants: GRANTS, limits })).rejects.toMatchObject(refused);
    }
    await expect(access.limitKey(id, { requestsPerSecond: 0 })).rejects.toMatchObject(refused);
    await expect(access.limitKey("nobody", {})).rejects.toMatchObject({
      code: "access_key_not_found",
    });
    expect((await access.listKeys({ limit: 10 })).items[0]).not.toHaveProperty("limits");
  });
});

test("a key of the first format is found, listed, rotated and revoked", async () => {
  const id = "INAAAAAAAAAAAAAAAAAA";
  rows.set(`access-key/${id}`, Buffer.from(ROW_OF_FORMAT_1, "hex"));
  access = await open(Buffer.alloc(32, 7));
  const grants = [{ actions: ["vectors:*"], databases: ["team-*"] }];
  const secret = "abcdefghijklmnopqrstuvwxyz0123456789ABCD";
  const principal = { kind: "key", keyId: id, accountId: "1000", grants };
  expect(await access.findKey(id)).toEqual({ secret, principal });
  expect((await access.listKeys({ limit: 1 })).items).toEqual([
    {
      id,
      accountId: "1000",
      createdAtMs: 1_700_000_000_000,
      expiresAtMs: 4_000_000_000_000,
      grants,
    },
  ]);
  const known = await access.findKey(id);
  if (known === undefined) throw new TypeError("unreachable");
  const may = (database: string): boolean =>
    access.isAllowed(known.principal, "vectors:PutVectors", { database, collection: "any" });
  expect([may("team-a"), may("other")]).toEqual([true, false]);
  await access.rotateKey(id, { graceMs: 10 });
  expect(await access.findKey(id)).toMatchObject({ previousSecret: secret, principal });
  await access.revokeKey(id);
  expect(await access.findKey(id)).toBeUndefined();
});
