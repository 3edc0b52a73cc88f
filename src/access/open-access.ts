/**
 * The real body of {@link AccessControl}: the admin key in memory, further keys in the settings.
 */
import { InsulaError } from "../base/errors.ts";
import { secretsEqual } from "../base/secret.ts";
import type { Engine, Page, PageRequest } from "../engine/api.ts";
import type { Clock, FileSystem, Random } from "../io/index.ts";
import type {
  AccessControl,
  AccessKeyView,
  ActionTarget,
  CreatedAccessKey,
  Grant,
  KnownKey,
  NewAccessKey,
  Principal,
} from "./access-control.ts";
import { freshKeyId, freshSecret, type AdminKey } from "./admin-key.ts";
import {
  ACCOUNT_DIGITS_MAX,
  GRANTS_MAX,
  KNOWN_KEYS_MAX,
  PATTERN_CHARS_MAX,
  PATTERNS_MAX,
} from "./limits.ts";
import { matchesAny } from "./pattern.ts";
import { KeySeal, loadNodeSecret, readKeyView } from "./sealed-key.ts";

export type SettingStore = Pick<Engine, "readSetting" | "writeSetting" | "listSettings">;

export interface AccessOptions {
  readonly settings: SettingStore;
  /** Rooted at the data folder; holds `access.key`. */
  readonly files: Pick<FileSystem, "readWhole" | "replaceWhole">;
  readonly clock: Pick<Clock, "wallMs">;
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
  const nodeSecret = await loadNodeSecret(options.files, options.random);
  return new StoredAccess(options, new KeySeal(nodeSecret, options.random));
}

interface CachedKey {
  readonly known: KnownKey;
  readonly expiresAtMs: number;
}

const ROW_PREFIX = "access-key/";

class StoredAccess implements AccessControl {
  readonly accountId: string;
  readonly #options: AccessOptions;
  readonly #seal: KeySeal;
  readonly #admin: KnownKey;
  /** Least recently used first, at most KNOWN_KEYS_MAX. */
  readonly #cache = new Map<string, CachedKey>();
  /** Grows with each revocation; a key read before one is read again. */
  #revocations = 0;

  constructor(options: AccessOptions, seal: KeySeal) {
    const { accountId, admin } = options;
    this.accountId = accountId;
    this.#options = options;
    this.#seal = seal;
    const principal = { kind: "admin", keyId: admin.id, accountId, grants: [] } as const;
    this.#admin = { secret: admin.secret, principal };
  }

  async findKey(keyId: string): Promise<KnownKey | undefined> {
    if (keyId === this.#admin.principal.keyId) return this.#admin;
    let found = this.#cached(keyId);
    while (found === undefined) {
      const before = this.#revocations;
      const row = await this.#options.settings.readSetting(ROW_PREFIX + keyId);
      if (before !== this.#revocations) continue;
      if (row === undefined) return undefined;
      found = this.#keep(this.#seal.open(keyId, row));
    }
    return found.expiresAtMs > this.#options.clock.wallMs() ? found.known : undefined;
  }

  async findToken(token: string): Promise<Principal | undefined> {
    if (secretsEqual(token, this.#admin.secret)) return this.#admin.principal;
    const dot = token.indexOf(".");
    if (dot <= 0) return undefined;
    const known = await this.findKey(token.slice(0, dot));
    if (known === undefined || !secretsEqual(token.slice(dot + 1), known.secret)) return undefined;
    return known.principal;
  }

  authorize(principal: Principal, action: string, target: ActionTarget): void {
    if (this.isAllowed(principal, action, target)) return;
    throw new InsulaError("permission_denied", `Cannot do ${action}: this key has no right to it.`);
  }

  isAllowed(principal: Principal, action: string, target: ActionTarget): boolean {
    if (principal.kind === "admin") return true;
    const { database } = target;
    return principal.grants.some(
      (grant) =>
        matchesAny(grant.actions, action) &&
        (database === undefined
          ? grant.databases.includes("*")
          : matchesAny(grant.databases, database)),
    );
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
      grants: key.grants.map(({ actions, databases }) => ({
        actions: [...actions],
        databases: [...databases],
      })),
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

  async revokeKey(keyId: string): Promise<void> {
    const { settings } = this.#options;
    if ((await settings.readSetting(ROW_PREFIX + keyId)) === undefined) {
      throw new InsulaError("access_key_not_found", "Cannot revoke the key: it is not there.");
    }
    await settings.writeSetting(ROW_PREFIX + keyId, undefined);
    this.#cache.delete(keyId);
    this.#revocations++;
  }

  #cached(keyId: string): CachedKey | undefined {
    const entry = this.#cache.get(keyId);
    if (entry === undefined) return undefined;
    this.#cache.delete(keyId);
    this.#cache.set(keyId, entry);
    return entry;
  }

  #keep(key: CreatedAccessKey): CachedKey {
    const principal: Principal = {
      kind: "key",
      keyId: key.id,
      accountId: key.accountId,
      grants: key.grants,
    };
    const known = { secret: key.secret, principal };
    const entry = { known, expiresAtMs: key.expiresAtMs ?? Number.POSITIVE_INFINITY };
    if (this.#cache.size >= KNOWN_KEYS_MAX) {
      const oldest = this.#cache.keys().next();
      if (oldest.done !== true) this.#cache.delete(oldest.value);
    }
    this.#cache.set(key.id, entry);
    return entry;
  }
}

function checkNewKey(key: NewAccessKey, nowMs: number): void {
  if (key.accountId !== undefined && !isAccount(key.accountId)) {
    throw refused(`its account must be 1 to ${String(ACCOUNT_DIGITS_MAX)} digits`);
  }
  const { expiresAtMs } = key;
  if (expiresAtMs !== undefined && !(Number.isSafeInteger(expiresAtMs) && expiresAtMs > nowMs)) {
    throw refused("its expiry must be an instant in the future");
  }
  if (key.grants.length < 1 || key.grants.length > GRANTS_MAX) {
    throw refused(`it needs 1 to ${String(GRANTS_MAX)} grants`);
  }
  for (const grant of key.grants) checkGrant(grant);
}

function checkGrant(grant: Grant): void {
  for (const list of [grant.actions, grant.databases]) {
    if (list.length < 1 || list.length > PATTERNS_MAX) {
      throw refused(`a grant needs 1 to ${String(PATTERNS_MAX)} actions and databases`);
    }
    if (list.some((pattern) => pattern === "" || pattern.length > PATTERN_CHARS_MAX)) {
      throw refused(`a pattern must have 1 to ${String(PATTERN_CHARS_MAX)} characters`);
    }
  }
  const wrong = grant.actions.find((action) => !/^(\*|[a-z]+:[A-Za-z*]+)$/.test(action));
  if (wrong !== undefined) {
    throw refused("an action must be * or <area>:<Operation>, for example vectors:Query*");
  }
}

function isAccount(text: string): boolean {
  return /^\d+$/.test(text) && text.length <= ACCOUNT_DIGITS_MAX;
}

function refused(reason: string): InsulaError {
  return new InsulaError("argument_invalid", `Cannot create the access key: ${reason}.`);
}
