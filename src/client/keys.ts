/** The keys of a server: made, listed, rotated and revoked while it runs. */
import type { Page, PageRequest } from "../engine/api.ts";
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
  readonly requestsPerSecond?: number;
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
    revoke: async (id, { signal } = {}) => {
      await channel.send(keyPath(id), {
        method: "DELETE",
        ...(signal === undefined ? {} : { signal }),
      });
    },
  };
}
