/** The keys of a server: made, listed, rotated and revoked while it runs. */
import type { Page, PageRequest } from "../engine/api.ts";
import type { KeyLimits, KeyLimitsPatch } from "../model/index.ts";
import type { CallOptions } from "./calls.ts";
import { HttpChannel, type ServerAddress } from "./http-channel.ts";
import { keyPath, pageQuery } from "./remote-paths.ts";

/** Actions on places: lists of patterns in which `*` stands for any characters. */
export interface KeyGrant {
  /** `read`, `write`, `admin`, `*` or `<area>:<Operation>`. */
  readonly actions: readonly string[];
  readonly databases: readonly string[];
  /** Absent: the databases themselves and everything in them. */
  readonly collections?: readonly string[];
  /** Absent: the collections themselves and everything in them. Only with `collections`. */
  readonly tenants?: readonly string[];
}

export interface NewKey {
  readonly grants: readonly KeyGrant[];
  /** Digits; default the account of the server. */
  readonly accountId?: string;
  readonly expiresAtMs?: number;
  /** Requests of any kind. */
  readonly requestsPerSecond?: number;
  /** Of its calls about records, at all places together. */
  readonly limits?: KeyLimits;
}

/** A number sets, null takes away, what is not named stays. */
export interface KeyPatch {
  readonly requestsPerSecond?: number | null;
  readonly limits?: KeyLimitsPatch;
}

/** A key as listings show it: never with its secret. */
export interface KeyView extends NewKey {
  readonly id: string;
  readonly accountId: string;
  readonly createdAtMs: number;
  readonly rotatedAtMs?: number;
  /** Until then the secret before the last rotation holds as well. */
  readonly previousUntilMs?: number;
}

/** With the secret, which no later call shows again. `<id>.<secret>` is the bearer token. */
export interface CreatedKey extends KeyView {
  readonly secret: string;
}

export interface AccessKeys {
  /** @throws `argument_invalid`; `permission_denied` to all but the admin secret. */
  create(key: NewKey, options?: CallOptions): Promise<CreatedKey>;
  /** A page by id. */
  list(page?: Partial<PageRequest> & CallOptions): Promise<Page<KeyView>>;
  /**
   * A new secret; the old one holds for `graceMs` more, default 0.
   * @throws `access_key_not_found`; `permission_denied` to all but the admin secret.
   */
  rotate(id: string, options?: CallOptions & { readonly graceMs?: number }): Promise<CreatedKey>;
  /**
   * Changes its rate and limits; they hold for the next request when the promise resolves.
   * @throws `access_key_not_found`, `argument_invalid`; `permission_denied` to all but the admin
   *         secret.
   */
  limit(id: string, patch: KeyPatch, options?: CallOptions): Promise<KeyView>;
  /** Holds for the next request when the promise resolves. @throws `access_key_not_found` */
  revoke(id: string, options?: CallOptions): Promise<void>;
}

/** Keys of a page when nobody asks for a number. */
const PAGE_DEFAULT = 100;

/**
 * Asks for nothing yet.
 * @throws InsulaError `argument_invalid` for an address that is none.
 */
export function openKeys(address: ServerAddress): AccessKeys {
  const channel = new HttpChannel(address);
  return {
    create: (key, { signal } = {}) =>
      channel.send("keys", {
        method: "POST",
        body: JSON.stringify(key),
        ...(signal === undefined ? {} : { signal }),
      }) as Promise<CreatedKey>,
    list: ({ signal, limit = PAGE_DEFAULT, ...page } = {}) =>
      channel.send(
        `keys${pageQuery({ limit, ...page })}`,
        signal === undefined ? {} : { signal },
      ) as Promise<Page<KeyView>>,
    rotate: (id, { signal, graceMs } = {}) =>
      channel.send(`${keyPath(id)}/rotate`, {
        method: "POST",
        body: JSON.stringify({ graceMs }),
        ...(signal === undefined ? {} : { signal }),
      }) as Promise<CreatedKey>,
    limit: (id, patch, { signal } = {}) =>
      channel.send(keyPath(id), {
        method: "PATCH",
        body: JSON.stringify(patch),
        ...(signal === undefined ? {} : { signal }),
      }) as Promise<KeyView>,
    revoke: async (id, { signal } = {}) => {
      await channel.send(keyPath(id), {
        method: "DELETE",
        ...(signal === undefined ? {} : { signal }),
      });
    },
  };
}
