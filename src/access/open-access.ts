/**
 * The real body of {@link AccessControl}: the admin key in memory, further keys in the settings.
 */
import { InsulaError } from "../base/errors.ts";
import { KeyedLock } from "../base/keyed-lock.ts";
import { LruMap } from "../base/lru-map.ts";
import { secretsEqual } from "../base/secret.ts";
import type { Engine, Page, PageRequest } from "../engine/api.ts";
import type { Clock, FileSystem, Random } from "../io/index.ts";
import { patchKeyLimits } from "../model/index.ts";
import type {
  AccessControl,
  AccessKeyPatch,
  AccessKeyView,
  ActionTarget,
  CreatedAccessKey,
  KnownKey,
  NewAccessKey,
  Principal,
  RotateOptions,
} from "./access-control.ts";
import { freshKeyId, freshSecret, type AdminKey } from "./admin-key.ts";
import { checkGrants, coversTarget, coversWithin, refused } from "./grant.ts";
import { KeyLimiter } from "./key-limiter.ts";
import { KeyRates } from "./key-rates.ts";
import {
  ACCOUNT_DIGITS_MAX,
  KEY_RATE_MAX,
  KEY_RATE_MIN,
  KNOWN_KEYS_MAX,
  ROTATION_GRACE_MS_MAX,
} from "./limits.ts";
import { KeySeal, loadNodeSecret, readKeyView, type SealedKey } from "./sealed-key.ts";

export type SettingStore = Pick<
  Engine,
  "readSetting" | "writeSetting" | "listSettings" | "deriveKey"
>;

export interface AccessOptions {
  readonly settings: SettingStore;
  /** Rooted at the data folder; holds `access.key` where the folder has no keys of its own. */
  readonly files: Pick<FileSystem, "readWhole" | "replaceWhole">;
  readonly clock: Pick<Clock, "wallMs" | "monotonicMs">;
  readonly random: Random;
  readonly admin: AdminKey;
  /** Decimal digits. */
  readonly accountId: string;
}

/** Reads or makes the node's secret. @throws InsulaError `data_damaged`, `setting_invalid` */
export async function openAccess(options: AccessOptions): Promise<AccessControl> {
  if (!isAccount(options.accountId)) {
    throw new InsulaError(
      "setting_invalid",
      `Cannot use the account id: expected 1 to ${String(ACCOUNT_DIGITS_MAX)} digits.`,
    );
  }
  const nodeSecret = await loadNodeSecret(options);
  return new StoredAccess(options, new KeySeal(nodeSecret, options.random));
}

interface CachedKey {
  readonly known: KnownKey;
  /** For once the previous secret's grace is over. */
  readonly alone: KnownKey;
  readonly expiresAtMs: number;
  readonly previousUntilMs: number;
}

const ROW_PREFIX = "access-key/";

class StoredAccess implements AccessControl {
  readonly accountId: string;
  readonly #options: AccessOptions;
  readonly #seal: KeySeal;
  readonly #admin: KnownKey;
  readonly #cache = new LruMap<string, CachedKey>(KNOWN_KEYS_MAX);
  readonly #rates = new KeyRates();
  readonly #limiter: KeyLimiter;
  /** Rotation and revocation of one key follow each other: each reads the row it changes. */
  readonly #changing = new KeyedLock();
  /** Grows with each rotation and revocation; a key read before one is read again. */
  #changes = 0;

  constructor(options: AccessOptions, seal: KeySeal) {
    const { accountId, admin } = options;
    this.accountId = accountId;
    this.#options = options;
    this.#limiter = new KeyLimiter(options.clock);
    this.#seal = seal;
    const principal = { kind: "admin", keyId: admin.id, accountId, grants: [] } as const;
    this.#admin = { secret: admin.secret, principal };
  }

  async findKey(keyId: string): Promise<KnownKey | undefined> {
    if (keyId === this.#admin.principal.keyId) return this.#admin;
    let found = this.#cache.get(keyId);
    while (found === undefined) {
      const before = this.#changes;
      const row = await this.#options.settings.readSetting(ROW_PREFIX + keyId);
      if (before !== this.#changes) continue;
      if (row === undefined) return undefined;
      found = this.#keep(this.#seal.open(keyId, row));
    }
    const nowMs = this.#options.clock.wallMs();
    if (found.expiresAtMs <= nowMs) return undefined;
    return found.previousUntilMs > nowMs ? found.known : found.alone;
  }

  async findToken(token: string): Promise<Principal | undefined> {
    if (secretsEqual(token, this.#admin.secret)) return this.#admin.principal;
    const dot = token.indexOf(".");
    if (dot <= 0) return undefined;
    const known = await this.findKey(token.slice(0, dot));
    if (known === undefined) return undefined;
    const secret = token.slice(dot + 1);
    const { previousSecret = known.secret } = known;
    // Both are always compared: the time must not tell which of them fits.
    const fits = [secretsEqual(secret, known.secret), secretsEqual(secret, previousSecret)];
    if (!fits.includes(true)) return undefined;
    this.admit(known.principal);
    return known.principal;
  }

  admit({ keyId, requestsPerSecond }: Principal): void {
    if (requestsPerSecond === undefined) return;
    const nowMs = this.#options.clock.monotonicMs();
    const retryAfterMs = this.#rates.take(keyId, requestsPerSecond, nowMs);
    if (retryAfterMs === 0) return;
    throw new InsulaError(
      "rate_exceeded",
      `Cannot answer yet: the key is admitted ${String(requestsPerSecond)} requests a second.`,
      { retryAfterMs, details: { keyId } },
    );
  }

  engineFor(principal: Principal, engine: Engine): Engine {
    return this.#limiter.engineFor(principal, engine);
  }

  authorize(principal: Principal, action: string, target: ActionTarget): void {
    if (this.isAllowed(principal, action, target)) return;
    throw new InsulaError("permission_denied", `Cannot do ${action}: this key has no right to it.`);
  }

  isAllowed(principal: Principal, action: string, target: ActionTarget): boolean {
    if (principal.kind === "admin") return true;
    return principal.grants.some((grant) => coversTarget(grant, action, target));
  }

  isAllowedWithin(principal: Principal, action: string, target: ActionTarget): boolean {
    if (principal.kind === "admin") return true;
    return principal.grants.some((grant) => coversWithin(grant, action, target));
  }

  async createKey(key: NewAccessKey): Promise<CreatedAccessKey> {
    const { clock, random, settings } = this.#options;
    const createdAtMs = clock.wallMs();
    checkNewKey(key, createdAtMs);
    const created: CreatedAccessKey = {
      id: freshKeyId(random),
      accountId: key.accountId ?? this.accountId,
      createdAtMs,
      ...(key.expiresAtMs === undefined ? {} : { expiresAtMs: key.expiresAtMs }),
      grants: checkGrants(key.grants),
      ...limitsOf({}, key),
      secret: freshSecret(random),
    };
    await settings.writeSetting(ROW_PREFIX + created.id, this.#seal.seal(created));
    return created;
  }

  async listKeys(page: PageRequest): Promise<Page<AccessKeyView>> {
    const rows = await this.#options.settings.listSettings({
      prefix: ROW_PREFIX + (page.prefix ?? ""),
      ...(page.after === undefined ? {} : { after: ROW_PREFIX + page.after }),
      limit: page.limit,
    });
    const items = rows.items.map(({ name, value }) =>
      readKeyView(name.slice(ROW_PREFIX.length), value),
    );
    return { items, hasMore: rows.hasMore };
  }

  async rotateKey(keyId: string, { graceMs = 0 }: RotateOptions = {}): Promise<CreatedAccessKey> {
    if (!(Number.isSafeInteger(graceMs) && graceMs >= 0 && graceMs <= ROTATION_GRACE_MS_MAX)) {
      throw new InsulaError(
        "argument_invalid",
        `Cannot rotate the key: expected a grace of 0 to ${String(ROTATION_GRACE_MS_MAX)} ms.`,
      );
    }
    return this.#changing.run(keyId, async () => {
      const { settings, clock, random } = this.#options;
      const row = await settings.readSetting(ROW_PREFIX + keyId);
      if (row === undefined) throw missing("rotate");
      const { previousSecret: _, previousUntilMs: __, ...before } = this.#seal.open(keyId, row);
      const nowMs = clock.wallMs();
      const created = {
        ...before,
        secret: freshSecret(random),
        rotatedAtMs: nowMs,
        ...(graceMs === 0 ? {} : { previousUntilMs: nowMs + graceMs }),
      };
      const sealed = graceMs === 0 ? created : { ...created, previousSecret: before.secret };
      await settings.writeSetting(ROW_PREFIX + keyId, this.#seal.seal(sealed));
      this.#forget(keyId);
      return created;
    });
  }

  limitKey(keyId: string, patch: AccessKeyPatch): Promise<AccessKeyView> {
    return this.#changing.run(keyId, async () => {
      const { settings } = this.#options;
      const row = await settings.readSetting(ROW_PREFIX + keyId);
      if (row === undefined) throw missing("limit");
      const before = this.#seal.open(keyId, row);
      const { requestsPerSecond: _, limits: __, ...rest } = before;
      const changed: SealedKey = { ...rest, ...limitsOf(before, patch) };
      const sealed = this.#seal.seal(changed);
      await settings.writeSetting(ROW_PREFIX + keyId, sealed);
      this.#forget(keyId);
      return readKeyView(keyId, sealed);
    });
  }

  revokeKey(keyId: string): Promise<void> {
    return this.#changing.run(keyId, async () => {
      const { settings } = this.#options;
      if ((await settings.readSetting(ROW_PREFIX + keyId)) === undefined) throw missing("revoke");
      await settings.writeSetting(ROW_PREFIX + keyId, undefined);
      this.#forget(keyId);
    });
  }

  #forget(keyId: string): void {
    this.#cache.delete(keyId);
    this.#changes++;
  }

  #keep(key: SealedKey): CachedKey {
    const { secret, previousSecret, requestsPerSecond, limits } = key;
    const principal: Principal = {
      kind: "key",
      keyId: key.id,
      accountId: key.accountId,
      grants: key.grants,
      ...(requestsPerSecond === undefined ? {} : { requestsPerSecond }),
      ...(limits === undefined ? {} : { limits }),
    };
    const alone = { secret, principal };
    const entry = {
      known: previousSecret === undefined ? alone : { ...alone, previousSecret },
      alone,
      expiresAtMs: key.expiresAtMs ?? Number.POSITIVE_INFINITY,
      previousUntilMs: key.previousUntilMs ?? 0,
    };
    this.#cache.set(key.id, entry);
    return entry;
  }
}

/** @throws InsulaError `argument_invalid` */
function limitsOf(
  before: Pick<AccessKeyView, "requestsPerSecond" | "limits">,
  { requestsPerSecond: rate, limits: patch = {} }: AccessKeyPatch,
): Pick<AccessKeyView, "requestsPerSecond" | "limits"> {
  const requestsPerSecond = rate === undefined ? before.requestsPerSecond : (rate ?? undefined);
  checkRate(requestsPerSecond);
  const limits = patchKeyLimits(before.limits ?? {}, patch);
  return {
    ...(requestsPerSecond === undefined ? {} : { requestsPerSecond }),
    ...(Object.keys(limits).length === 0 ? {} : { limits }),
  };
}

function missing(what: "limit" | "rotate" | "revoke"): InsulaError {
  return new InsulaError("access_key_not_found", `Cannot ${what} the key: it is not there.`);
}

function checkNewKey(key: NewAccessKey, nowMs: number): void {
  if (key.accountId !== undefined && !isAccount(key.accountId)) {
    throw refused(`its account must be 1 to ${String(ACCOUNT_DIGITS_MAX)} digits`);
  }
  const { expiresAtMs } = key;
  if (expiresAtMs !== undefined && !(Number.isSafeInteger(expiresAtMs) && expiresAtMs > nowMs)) {
    throw refused("its expiry must be an instant in the future");
  }
}

function checkRate(requestsPerSecond: number | undefined): void {
  if (
    requestsPerSecond !== undefined &&
    !(requestsPerSecond >= KEY_RATE_MIN && requestsPerSecond <= KEY_RATE_MAX)
  ) {
    throw refused(
      `its rate must be ${String(KEY_RATE_MIN)} to ${String(KEY_RATE_MAX)} requests a second`,
    );
  }
}

function isAccount(text: string): boolean {
  return /^\d+$/.test(text) && text.length <= ACCOUNT_DIGITS_MAX;
}
