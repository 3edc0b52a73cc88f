import { createHash } from "node:crypto";
import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import { isInsulaError } from "../base/errors.ts";
import type { PageRequest } from "../engine/api.ts";
import type { AccessControl } from "./access-control.ts";
import { loadAdminKey, resetAdminKey } from "./admin-key.ts";
import { openAccess, type SettingStore } from "./open-access.ts";
import { matchesPattern } from "./pattern.ts";

class Settings implements SettingStore {
  readonly rows = new Map<string, Uint8Array>();
  reads = 0;
  beforeRead: (() => Promise<void>) | undefined;

  async readSetting(name: string): Promise<Uint8Array | undefined> {
    this.reads++;
    const value = this.rows.get(name);
    await this.beforeRead?.();
    return value;
  }

  writeSetting(name: string, value: Uint8Array | undefined): Promise<void> {
    if (value === undefined) this.rows.delete(name);
    else this.rows.set(name, value);
    return Promise.resolve();
  }

  /** Undefined: the node has no keys of its own. */
  derived: Uint8Array | undefined = undefined;

  deriveKey(): Uint8Array | undefined {
    return this.derived;
  }

  listSettings(page: PageRequest): ReturnType<SettingStore["listSettings"]> {
    const all = [...this.rows]
      .filter(([name]) => name.startsWith(page.prefix ?? "") && name > (page.after ?? ""))
      .sort(([a], [b]) => (a < b ? -1 : 1));
    const items = all.slice(0, page.limit).map(([name, value]) => ({ name, value }));
    return Promise.resolve({ items, hasMore: all.length > page.limit });
  }
}

class Files {
  readonly files = new Map<string, { bytes: Uint8Array; mode: number | undefined }>();

  readWhole(path: string): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.files.get(path)?.bytes);
  }

  replaceWhole(path: string, bytes: Uint8Array, options?: { mode?: number }): Promise<void> {
    this.files.set(path, { bytes: Uint8Array.from(bytes), mode: options?.mode });
    return Promise.resolve();
  }
}

let counter = 0;
const random = {
  bytes: (count: number): Uint8Array => {
    const out = Buffer.alloc(count);
    for (let at = 0; at < count; at += 32) {
      createHash("sha256").update(String(counter++)).digest().copy(out, at);
    }
    return out;
  },
};

const ADMIN = { id: "admin", secret: "the admin secret" };
const EVERYTHING = [{ actions: ["*"], databases: ["*"] }];
let settings: Settings;
let files: Files;
let nowMs: number;
let access: AccessControl;

function open(): Promise<AccessControl> {
  const clock = { wallMs: () => nowMs, monotonicMs: () => nowMs };
  return openAccess({ settings, files, clock, random, admin: ADMIN, accountId: "1000" });
}

beforeEach(async () => {
  settings = new Settings();
  files = new Files();
  nowMs = 1_000_000;
  access = await open();
});

describe("keys", () => {
  test("the admin key is known by its id and may do everything", async () => {
    const known = await access.findKey("admin");
    expect(known).toMatchObject({
      secret: ADMIN.secret,
      principal: { kind: "admin", accountId: "1000" },
    });
    if (known === undefined) return;
    expect(access.isAllowed(known.principal, "vectors:PutVectors", { database: "any" })).toBe(true);
    expect(await access.findKey("adminx")).toBeUndefined();
  });

  test("a created key is found again, also after a restart", async () => {
    const created = await access.createKey({ grants: EVERYTHING, accountId: "77" });
    expect(created.id).toMatch(/^IN[A-Z2-7]{18}$/);
    expect(created.secret).toMatch(/^[A-Za-z0-9_-]{40}$/);
    for (const control of [access, await open()]) {
      expect(await control.findKey(created.id)).toEqual({
        secret: created.secret,
        principal: { kind: "key", keyId: created.id, accountId: "77", grants: EVERYTHING },
      });
    }
  });

  test("secrets do not lie in the stored bytes, neither plain nor encoded", async () => {
    const { id, secret } = await access.createKey({ grants: EVERYTHING });
    const stored = Buffer.concat([...settings.rows.values()]);
    expect(stored.includes(id)).toBe(true);
    for (const encoding of ["utf8", "base64", "base64url", "hex"] as const) {
      expect(stored.includes(Buffer.from(secret).toString(encoding))).toBe(false);
    }
    expect(stored.includes(Buffer.from(secret, "base64url"))).toBe(false);
    expect(files.files.get("access.key")).toMatchObject({ mode: 0o600 });
    expect(files.files.get("access.key")?.bytes).toHaveLength(32);
  });

  test("a row in which any bit was changed is refused", async () => {
    const { id } = await access.createKey({ grants: EVERYTHING });
    const name = `access-key/${id}`;
    const row = settings.rows.get(name) ?? new Uint8Array();
    await fc.assert(
      fc.asyncProperty(fc.nat(row.length * 8 - 1), async (bit) => {
        const changed = Uint8Array.from(row);
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        settings.rows.set(name, changed);
        await expect(access.findKey(id)).rejects.toMatchObject({ name: "InsulaError" });
      }),
      { numRuns: 200 },
    );
  });

  test("a row moved to another id, cut short, or sealed by another node is refused", async () => {
    const first = await access.createKey({ grants: EVERYTHING });
    const second = await access.createKey({ grants: EVERYTHING });
    const row = settings.rows.get(`access-key/${first.id}`) ?? new Uint8Array();
    settings.rows.set(`access-key/${second.id}`, row);
    await expect(access.findKey(second.id)).rejects.toMatchObject({ code: "data_damaged" });
    settings.rows.set(`access-key/${first.id}`, row.subarray(0, row.length - 1));
    await expect(access.findKey(first.id)).rejects.toMatchObject({ code: "data_damaged" });
    settings.rows.set(`access-key/${first.id}`, row);
    files.files.clear();
    await expect((await open()).findKey(first.id)).rejects.toMatchObject({ code: "data_damaged" });
  });

  test("without a file of its own the secrets are sealed with a key of the node", async () => {
    settings.derived = new Uint8Array(32).fill(9);
    files.files.delete("access.key");
    const { id, secret } = await (await open()).createKey({ grants: EVERYTHING });
    expect(files.files.has("access.key")).toBe(false);
    expect((await (await open()).findKey(id))?.secret).toBe(secret);
    settings.derived = new Uint8Array(32).fill(8);
    await expect((await open()).findKey(id)).rejects.toMatchObject({ code: "data_damaged" });
  });

  test("a damaged access.key stops the start instead of being replaced", async () => {
    files.files.set("access.key", { bytes: new Uint8Array(31), mode: 0o600 });
    await expect(open()).rejects.toMatchObject({ code: "data_damaged" });
  });

  test("the second look at a key costs no read", async () => {
    const { id } = await access.createKey({ grants: EVERYTHING });
    await access.findKey(id);
    settings.reads = 0;
    await access.findKey(id);
    expect(settings.reads).toBe(0);
  });

  test("revocation holds at once, also for a key being read at that moment", async () => {
    const { id } = await access.createKey({ grants: EVERYTHING });
    await access.findKey(id);
    await access.revokeKey(id);
    expect(await access.findKey(id)).toBeUndefined();
    await expect(access.revokeKey(id)).rejects.toMatchObject({ code: "access_key_not_found" });

    const other = await access.createKey({ grants: EVERYTHING });
    settings.beforeRead = async () => {
      settings.beforeRead = undefined;
      await access.revokeKey(other.id);
    };
    expect(await access.findKey(other.id)).toBeUndefined();
    expect(await access.findKey(other.id)).toBeUndefined();
  });

  test("an expired key is unknown, cached or not", async () => {
    const { id } = await access.createKey({ grants: EVERYTHING, expiresAtMs: nowMs + 10 });
    expect(await access.findKey(id)).toBeDefined();
    nowMs += 10;
    expect(await access.findKey(id)).toBeUndefined();
    expect(await (await open()).findKey(id)).toBeUndefined();
  });

  test("listings are in pages by id and show no secret", async () => {
    const ids: string[] = [];
    for (let i = 0; i < 3; i++) ids.push((await access.createKey({ grants: EVERYTHING })).id);
    ids.sort();
    const first = await access.listKeys({ limit: 2 });
    expect(first.items.map(({ id }) => id)).toEqual(ids.slice(0, 2));
    expect(first.hasMore).toBe(true);
    const rest = await access.listKeys({ limit: 2, after: ids[1] ?? "" });
    expect(rest.items.map(({ id }) => id)).toEqual(ids.slice(2));
    expect(JSON.stringify([first, rest])).not.toContain("secret");
  });

  test.each([
    { grants: [] },
    { grants: [{ actions: [], databases: ["*"] }] },
    { grants: [{ actions: ["*"], databases: [] }] },
    { grants: [{ actions: ["*"], databases: [""] }] },
    { grants: [{ actions: ["PutVectors"], databases: ["*"] }] },
    { grants: [{ actions: ["*"], databases: ["x".repeat(513)] }] },
    { grants: EVERYTHING, accountId: "12a" },
    { grants: EVERYTHING, expiresAtMs: 5 },
    { grants: EVERYTHING, expiresAtMs: Number.NaN },
  ])("the key %j is refused", async (key) => {
    await expect(access.createKey(key)).rejects.toMatchObject({ code: "argument_invalid" });
    expect(settings.rows.size).toBe(0);
  });
});

test("a token is the admin secret alone, or id and secret of a key", async () => {
  const { id, secret } = await access.createKey({ grants: EVERYTHING });
  expect(await access.findToken(ADMIN.secret)).toMatchObject({ kind: "admin" });
  expect(await access.findToken(`admin.${ADMIN.secret}`)).toMatchObject({ kind: "admin" });
  expect(await access.findToken(`${id}.${secret}`)).toMatchObject({ keyId: id });
  for (const wrong of [
    "",
    ".",
    secret,
    `${id}.`,
    `${id}.${secret}x`,
    `.${secret}`,
    `${id}${secret}`,
  ]) {
    expect(await access.findToken(wrong)).toBeUndefined();
  }
});

describe("grants", () => {
  async function principalWith(actions: string[], databases: string[]) {
    const { id } = await access.createKey({ grants: [{ actions, databases }] });
    const known = await access.findKey(id);
    if (known === undefined) throw new TypeError("unreachable");
    return known.principal;
  }

  test("allow what one grant names, and nothing else", async () => {
    const principal = await principalWith(["vectors:Query*", "vectors:GetVectors"], ["team-*"]);
    const may = (action: string, database?: string): boolean =>
      access.isAllowed(principal, action, database === undefined ? {} : { database });
    expect(may("vectors:QueryVectors", "team-a")).toBe(true);
    expect(may("vectors:GetVectors", "team-")).toBe(true);
    expect(may("vectors:PutVectors", "team-a")).toBe(false);
    expect(may("vectors:QueryVectors", "other")).toBe(false);
    expect(may("vectors:QueryVectors", "xteam-a")).toBe(false);
    expect(may("vectors:QueryVectors")).toBe(false);
  });

  test("without a database only a grant for all of them applies", async () => {
    const principal = await principalWith(["vectors:*"], ["*"]);
    expect(access.isAllowed(principal, "vectors:ListVectorBuckets", {})).toBe(true);
  });

  test("a refusal does not tell whether the target is there", async () => {
    const principal = await principalWith(["vectors:*"], ["mine"]);
    const refusal = (database: string): unknown => {
      try {
        access.authorize(principal, "vectors:PutVectors", { database });
        return undefined;
      } catch (error) {
        if (!isInsulaError(error)) throw error;
        const { code, kind, message, details } = error;
        return { code, kind, message, details };
      }
    };
    expect(refusal("there")).toEqual(refusal("not there"));
    expect(refusal("there")).toMatchObject({ code: "permission_denied" });
    expect(refusal("mine")).toBeUndefined();
  });
});

test("a pattern matches as the same regular expression does", () => {
  const letters = fc.string({ unit: fc.constantFrom("a", "b", "*", "."), maxLength: 8 });
  const texts = fc.string({ unit: fc.constantFrom("a", "b", "."), maxLength: 12 });
  fc.assert(
    fc.property(letters, texts, (pattern, text) => {
      const source = pattern.replaceAll(".", "\\.").replaceAll("*", ".*");
      expect(matchesPattern(pattern, text)).toBe(new RegExp(`^${source}$`).test(text));
    }),
  );
});

describe("the admin key", () => {
  test("is made once, kept in a file of mode 0600, and read again", async () => {
    const first = await loadAdminKey({ files, random });
    expect(first.isNew).toBe(true);
    expect(files.files.get("admin-secret")).toMatchObject({ mode: 0o600 });
    expect(await loadAdminKey({ files, random })).toEqual({ key: first.key, isNew: false });
  });

  test("is taken from the configuration before the file, and then not written", async () => {
    const given = { id: "AKID", secret: "a given secret".replaceAll(" ", "-") };
    expect(await loadAdminKey({ files, random, ...given })).toEqual({ key: given, isNew: false });
    expect((await loadAdminKey({ files, random, secret: given.secret })).key.secret).toBe(
      given.secret,
    );
    expect(files.files.has("admin-secret")).toBe(false);
    const { key } = await loadAdminKey({ files, random });
    const mixed = await loadAdminKey({ files, random, id: "OTHER" });
    expect(mixed.key).toEqual({ id: "OTHER", secret: key.secret });
  });

  test.each([
    { id: "a/b" },
    { id: "" },
    { id: "a.b" },
    { secret: "short" },
    { secret: "with a blank" },
  ])("%j is refused", async (given) => {
    await expect(loadAdminKey({ files, random, ...given })).rejects.toMatchObject({
      code: "setting_invalid",
    });
  });

  test("gets a new secret and keeps its id, also when the file is damaged or gone", async () => {
    const { key } = await loadAdminKey({ files, random });
    const reset = await resetAdminKey({ files, random });
    expect(reset.id).toBe(key.id);
    expect(reset.secret).not.toBe(key.secret);
    expect(files.files.get("admin-secret")).toMatchObject({ mode: 0o600 });
    expect(await loadAdminKey({ files, random })).toEqual({ key: reset, isNew: false });

    files.files.set("admin-secret", { bytes: Buffer.from("{"), mode: 0o600 });
    await resetAdminKey({ files, random });
    files.files.clear();
    const fresh = await resetAdminKey({ files, random });
    expect(await loadAdminKey({ files, random })).toEqual({ key: fresh, isNew: false });
  });

  test("a damaged file is an error that does not repeat its content", async () => {
    const bytes = Buffer.from('{"id":"x","secret":"hush');
    files.files.set("admin-secret", { bytes, mode: 0o600 });
    const failure = loadAdminKey({ files, random });
    await expect(failure).rejects.toMatchObject({ code: "data_damaged" });
    await expect(failure).rejects.not.toThrow(/hush/);
  });
});
