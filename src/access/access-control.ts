/**
 * Who asks, and what they may do: one model under all protocols.
 *
 * A dialect finds the key named in a request, proves with wire/signature that the caller holds its
 * secret, and asks {@link AccessControl.authorize} before it looks at anything the request names,
 * so that what is missing and what is forbidden cannot be told apart.
 */
import type { Engine, Page, PageRequest } from "../engine/api.ts";
import type { KeyLimits, KeyLimitsPatch } from "../model/index.ts";

/** A caller that has proven to hold a key. Plain and immutable; safe to keep for one request. */
export interface Principal {
  /** `admin`: the key of the data folder, may do everything. `key`: bound by its grants. */
  readonly kind: "admin" | "key";
  readonly keyId: string;
  /** Decimal digits; owner of what the key creates. */
  readonly accountId: string;
  readonly grants: readonly Grant[];
  /** Absent: as many as come. */
  readonly requestsPerSecond?: number;
  /** Of its calls about records, at all places together. Absent: none. */
  readonly limits?: KeyLimits;
}

/**
 * Actions on places. All lists hold patterns in which `*` stands for any run of characters; a grant
 * applies when one of each list matches. A grant on a lower level gives nothing on the level above:
 * who may delete every collection of a database may not delete the database.
 */
export interface Grant {
  /** `read`, `write` or `admin` (actions.ts), or a pattern: `vectors:Query*`, `*`. */
  readonly actions: readonly string[];
  /** Names of databases, for example `team-*` or `*`; `*` is also what is about no database. */
  readonly databases: readonly string[];
  /** Absent: the databases themselves and everything in them. */
  readonly collections?: readonly string[];
  /** Absent: the collections themselves and everything in them. Only with `collections`. */
  readonly tenants?: readonly string[];
}

/** A key with its secret, for checking signatures. Never log it. */
export interface KnownKey {
  readonly secret: string;
  /** The secret before the last rotation, while its grace lasts. */
  readonly previousSecret?: string;
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
  /** Requests admitted a second, on average; as many at once after a pause. */
  readonly requestsPerSecond?: number;
  /** Of its calls about records, at all places together: those of a tenant are docs/fairness.md. */
  readonly limits?: KeyLimits;
  readonly rotatedAtMs?: number;
  /** Until then the secret before the last rotation holds as well. */
  readonly previousUntilMs?: number;
}

export interface NewAccessKey {
  readonly grants: readonly Grant[];
  /** Default: the account of the admin key. */
  readonly accountId?: string;
  readonly expiresAtMs?: number;
  readonly requestsPerSecond?: number;
  readonly limits?: KeyLimits;
}

/** What changes: a number sets, null takes away, what is not named stays. */
export interface AccessKeyPatch {
  readonly requestsPerSecond?: number | null;
  readonly limits?: KeyLimitsPatch;
}

export interface CreatedAccessKey extends AccessKeyView {
  readonly secret: string;
}

/** What an action is about; without a database only a grant for `*` applies. */
export interface ActionTarget {
  readonly database?: string;
  readonly collection?: string;
  readonly tenant?: string;
}

export interface RotateOptions {
  /** Time for which the secret before this one holds as well, ms; default 0. */
  readonly graceMs?: number;
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
   * Counts as one request of the key, see {@link AccessControl.admit}.
   *
   * @throws InsulaError `rate_exceeded`, only to a caller who holds the secret.
   */
  findToken(token: string): Promise<Principal | undefined>;
  /**
   * Counts one request of a key that has proven its secret by a signature.
   * @throws InsulaError `rate_exceeded` with the time after which a retry is admitted.
   */
  admit(principal: Principal): void;
  /**
   * The engine as it is for this caller: held to the limits of its key, at all places together;
   * the same engine for one that has none.
   */
  engineFor(principal: Principal, engine: Engine): Engine;
  /**
   * @param action  `<area>:<Operation>`, for example `vectors:PutVectors`.
   * @throws InsulaError `permission_denied`, with one wording whether the target exists or not.
   */
  authorize(principal: Principal, action: string, target: ActionTarget): void;
  /** As {@link AccessControl.authorize}, as an answer instead of an error. */
  isAllowed(principal: Principal, action: string, target: ActionTarget): boolean;
  /**
   * Whether some place within the target may be acted on, for a first look at a request that has
   * not named all of it yet. {@link AccessControl.isAllowed} must follow.
   */
  isAllowedWithin(principal: Principal, action: string, target: ActionTarget): boolean;
  /** Durable when the promise resolves. @throws `argument_invalid` */
  createKey(key: NewAccessKey): Promise<CreatedAccessKey>;
  /** By key id. The admin key is not listed. */
  listKeys(page: PageRequest): Promise<Page<AccessKeyView>>;
  /**
   * Gives the key a new secret, shown this once. Everything else stays. Durable, and holds for the
   * next request, when the promise resolves. @throws `access_key_not_found`, `argument_invalid`
   */
  rotateKey(keyId: string, options?: RotateOptions): Promise<CreatedAccessKey>;
  /**
   * Changes what the key may do in a second and at once. Durable, and holds for the next request,
   * when the promise resolves. @throws `access_key_not_found`, `argument_invalid`
   */
  limitKey(keyId: string, patch: AccessKeyPatch): Promise<AccessKeyView>;
  /** @throws `access_key_not_found` */
  revokeKey(keyId: string): Promise<void>;
}
