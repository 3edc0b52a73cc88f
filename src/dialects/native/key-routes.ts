/** Routes about keys: made, listed, limited, rotated, revoked while the server runs. */
import {
  ROTATION_GRACE_MS_MAX,
  type Grant,
  type NewAccessKey,
  type Principal,
} from "../../access/index.ts";
import type { KeyLimits, KeyLimitsPatch } from "../../model/index.ts";
import { InsulaError } from "../../base/errors.ts";
import { NATIVE_LIMITS } from "./limits.ts";
import { decodePage } from "./page.ts";
import { withBody, type Route } from "./route.ts";
import { integer, list, nullable, object, optional, text, type Schema } from "./schema.ts";

const bytesMax = NATIVE_LIMITS.catalogBodyBytesMax;

/** Access knows the bounds. */
function positive(description: string): Schema<number> {
  return {
    json: { type: "number", exclusiveMinimum: 0, description },
    read: (value, at) => {
      if (typeof value === "number" && value > 0) return value;
      throw new InsulaError(
        "argument_invalid",
        `Cannot read the request: ${at}: expected a number above 0.`,
      );
    },
  };
}

/** Members that were not given are not there. */
function named<Value extends object>(
  schema: Schema<{ readonly [Name in keyof Value]: Value[Name] | undefined }>,
): Schema<Value> {
  return {
    json: schema.json,
    read: (value, at, lists) => {
      const given = Object.entries(schema.read(value, at, lists));
      return Object.fromEntries(given.filter(([, member]) => member !== undefined)) as Value;
    },
  };
}

const LIMIT_OF = {
  queriesPerSecond: "searches a second, each of a call of several",
  writesPerSecond: "calls a second that write or delete",
  bytesPerSecond: "bytes of keys, metadata and vectors a second, in and out",
  workUnitsPerSecond: "work units a second",
  callsInFlight: "calls at once",
} as const;

function patterns(description: string): Schema<readonly string[]> {
  return list(text("a pattern, in which * stands for any characters"), GRANTS_MAX, description);
}

const GRANTS_MAX = NATIVE_LIMITS.grantsMax;

/** A grant in the words of access, which checks it. */
const GRANT = object(
  {
    actions: patterns("read, write, admin, * or <area>:<Operation>"),
    databases: patterns("names of databases"),
    collections: optional(patterns("default: the databases and everything in them")),
    tenants: optional(patterns("default: the collections and everything in them")),
  },
  "Actions on places.",
);

interface KeyBody {
  readonly grants: readonly (typeof GRANT extends Schema<infer Value> ? Value : never)[];
  readonly accountId: string | undefined;
  readonly expiresAtMs: number | undefined;
  readonly requestsPerSecond: number | undefined;
  readonly limits: KeyLimits | undefined;
}

/** Without what is not named. */
const LIMITS: Schema<KeyLimits> = named(
  object(
    {
      queriesPerSecond: optional(positive(LIMIT_OF.queriesPerSecond)),
      writesPerSecond: optional(positive(LIMIT_OF.writesPerSecond)),
      bytesPerSecond: optional(positive(LIMIT_OF.bytesPerSecond)),
      workUnitsPerSecond: optional(positive(LIMIT_OF.workUnitsPerSecond)),
      callsInFlight: optional(positive(LIMIT_OF.callsInFlight)),
    },
    "of its calls about records, at all places together; default none",
  ),
);

const LIMITS_PATCH: Schema<KeyLimitsPatch> = named(
  object(
    {
      queriesPerSecond: optional(nullable(positive(LIMIT_OF.queriesPerSecond))),
      writesPerSecond: optional(nullable(positive(LIMIT_OF.writesPerSecond))),
      bytesPerSecond: optional(nullable(positive(LIMIT_OF.bytesPerSecond))),
      workUnitsPerSecond: optional(nullable(positive(LIMIT_OF.workUnitsPerSecond))),
      callsInFlight: optional(nullable(positive(LIMIT_OF.callsInFlight))),
    },
    "those that change; null takes one away",
  ),
);

const LIMITS_BODY = object(
  {
    requestsPerSecond: optional(nullable(positive("requests admitted a second; null: all"))),
    limits: optional(LIMITS_PATCH),
  },
  "What changes; what is not named stays.",
);

const KEY_BODY: Schema<KeyBody> = object(
  {
    grants: list(GRANT, GRANTS_MAX, "what the key may do"),
    accountId: optional(text("digits; default the account of the server")),
    expiresAtMs: optional(integer(0, Number.MAX_SAFE_INTEGER, "milliseconds since 1970")),
    requestsPerSecond: optional(positive("requests admitted a second; default as many as come")),
    limits: optional(LIMITS),
  },
  "A key, shown with its secret once.",
);

function toNewKey(body: KeyBody): NewAccessKey {
  const { accountId, expiresAtMs, requestsPerSecond, limits } = body;
  return {
    grants: body.grants.map(toGrant),
    ...(accountId === undefined ? {} : { accountId }),
    ...(expiresAtMs === undefined ? {} : { expiresAtMs }),
    ...(requestsPerSecond === undefined ? {} : { requestsPerSecond }),
    ...(limits === undefined ? {} : { limits }),
  };
}

function toGrant({ actions, databases, collections, tenants }: KeyBody["grants"][number]): Grant {
  return {
    actions,
    databases,
    ...(collections === undefined ? {} : { collections }),
    ...(tenants === undefined ? {} : { tenants }),
  };
}

/**
 * A key that could make or rotate others could give itself every right; one that could rotate
 * itself would, once stolen, lock its owner out.
 */
function requireAdmin({ kind }: Principal, what: string): void {
  if (kind === "admin") return;
  throw new InsulaError("permission_denied", `Cannot ${what} a key: expected the admin secret.`);
}

export const KEY_ROUTES: readonly Route[] = [
  {
    method: "GET",
    pattern: "keys",
    operation: "ListKeys",
    area: "admin",
    status: 200,
    summary: "Keys by id, without secrets.",
    isPaged: true,
    run: ({ context, request }) => context.access.listKeys(decodePage(request.query)),
  },
  withBody({
    method: "POST",
    pattern: "keys",
    operation: "CreateKey",
    area: "admin",
    status: 201,
    summary: "Makes a key; only the admin secret may. Its secret is shown this once.",
    takes: { schema: KEY_BODY, bytesMax },
    run: async ({ context, principal }, body) => {
      requireAdmin(principal, "create");
      return context.access.createKey(toNewKey(body));
    },
  }),
  withBody({
    method: "PATCH",
    pattern: "keys/:key",
    operation: "LimitKey",
    area: "admin",
    status: 200,
    summary: "Sets and removes its rate and limits; only the admin secret may.",
    takes: { schema: LIMITS_BODY, bytesMax },
    run: async ({ context, principal, key }, { requestsPerSecond, limits }) => {
      requireAdmin(principal, "limit");
      return context.access.limitKey(key, {
        ...(requestsPerSecond === undefined ? {} : { requestsPerSecond }),
        ...(limits === undefined ? {} : { limits }),
      });
    },
  }),
  withBody({
    method: "POST",
    pattern: "keys/:key/rotate",
    operation: "RotateKey",
    area: "admin",
    status: 200,
    summary: "A new secret, shown this once; only the admin secret may.",
    takes: {
      schema: object(
        {
          graceMs: optional(
            integer(0, ROTATION_GRACE_MS_MAX, "how long the old secret holds as well; default 0"),
          ),
        },
        "How to rotate.",
      ),
      bytesMax,
    },
    run: async ({ context, principal, key }, { graceMs }) => {
      requireAdmin(principal, "rotate");
      return context.access.rotateKey(key, graceMs === undefined ? {} : { graceMs });
    },
  }),
  {
    method: "DELETE",
    pattern: "keys/:key",
    operation: "RevokeKey",
    area: "admin",
    status: 204,
    summary: "Holds for the next request.",
    run: ({ context, key }) => context.access.revokeKey(key),
  },
];
