/**
 * Who asks, and what they may do: one model under all protocols.
 *
 * A dialect finds the key named in a request, proves with wire/signature that the caller holds its
 * secret, and asks {@link AccessControl.authorize} before it looks at anything the request names,
 * so that what is missing and what is forbidden cannot be told apart.
 */
import type { Page, PageRequest } from "../engine/api.ts";

/** A caller that has proven to hold a key. Plain and immutable; safe to keep for one request. */
export interface Principal {
  /** `admin`: the key of the data folder, may do everything. `key`: bound by its grants. */
  readonly kind: "admin" | "key";
  readonly keyId: string;
  /** Decimal digits; owner of what the key creates. */
  readonly accountId: string;
  readonly grants: readonly Grant[];
}

/**
 * Actions on databases. Both lists hold patterns in which `*` stands for any run of characters; a
 * grant applies when one action and one database match.
 */
export interface Grant {
  /** For example `vectors:Query*` or `*`. */
  readonly actions: readonly string[];
  /** Names of databases, for example `team-*` or `*`. */
  readonly databases: readonly string[];
}

/** A key with its secret, for checking signatures. Never log it. */
export interface KnownKey {
  readonly secret: string;
  readonly principal: Principal;
}

/** A key as listings show it; the secret is shown once, at creation. */
export interface AccessKeyView {
  readonly id: string;
  readonly accountId: string;
  readonly createdAtMs: number;
  /** Absent: until it is revoked. */
  readonly expiresAtMs?: number;
  readonly grants: readonly Grant[];
}

export interface NewAccessKey {
  readonly grants: readonly Grant[];
  /** Default: the account of the admin key. */
  readonly accountId?: string;
  readonly expiresAtMs?: number;
}

export interface CreatedAccessKey extends AccessKeyView {
  readonly secret: string;
}

/** What an action is about; without a database only a grant for `*` applies. */
export interface ActionTarget {
  readonly database?: string;
  readonly collection?: string;
}

export interface AccessControl {
  /** Account of the admin key. */
  readonly accountId: string;
  /**
   * The key and its secret; undefined when it is unknown, expired or revoked. Revocation holds from
   * the moment its promise resolves. Cost: a map lookup when cached, else one settings row.
   */
  findKey(keyId: string): Promise<KnownKey | undefined>;
  /**
   * For protocols that send a secret instead of a signature: the admin secret alone, or
   * `<key id>.<secret>` of any key. Compared in constant time. undefined when it fits no key.
   */
  findToken(token: string): Promise<Principal | undefined>;
  /**
   * @param action  `<area>:<Operation>`, for example `vectors:PutVectors`.
   * @throws InsulaError `permission_denied`, with one wording whether the target exists or not.
   */
  authorize(principal: Principal, action: string, target: ActionTarget): void;
  /** As {@link AccessControl.authorize}, as an answer instead of an error. */
  isAllowed(principal: Principal, action: string, target: ActionTarget): boolean;
  /** Durable when the promise resolves. @throws `argument_invalid` */
  createKey(key: NewAccessKey): Promise<CreatedAccessKey>;
  /** By key id. The admin key is not listed. */
  listKeys(page: PageRequest): Promise<Page<AccessKeyView>>;
  /** @throws `access_key_not_found` */
  revokeKey(keyId: string): Promise<void>;
}
