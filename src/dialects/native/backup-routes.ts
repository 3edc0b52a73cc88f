/** Routes about copies: backups to the store of the server, restores from it, copies of tenants. */
import { InsulaError } from "../../base/errors.ts";
import type { BackupScope } from "../../engine/api.ts";
import type { BackupDoor } from "../dialect.ts";
import { TENANT_ANSWER } from "./answers.ts";
import { NATIVE_LIMITS } from "./limits.ts";
import { withBody, type Call, type Route } from "./route.ts";
import { count, list, object, optional, text, type Schema } from "./schema.ts";

const bytesMax = NATIVE_LIMITS.catalogBodyBytesMax;

const SCOPE = {
  database: optional(text("a database; default everything")),
  collection: optional(text("a collection of it")),
  tenant: optional(text("a tenant of that")),
};

const STORE = optional(text("the server's own store, as whoever asks writes it"));

const SIZES = {
  databases: count("databases"),
  collections: count("collections"),
  tenants: count("tenants"),
  records: count("records"),
  bytes: count("bytes"),
};

const BACKUP_ANSWER: Schema<unknown> = object(
  {
    id: text("sorts by time"),
    createdAtMs: count("milliseconds since 1970"),
    ...SIZES,
    bytesSent: count("bytes that the store did not have"),
    damaged: count("tenants left out because they are out of service"),
  },
  "a backup",
);

const BACKUPS_ANSWER: Schema<unknown> = object(
  { items: list(BACKUP_ANSWER, Number.MAX_SAFE_INTEGER, "oldest first") },
  "all backups of the store",
);

const RESTORE_ANSWER: Schema<unknown> = object(
  { backup: text("id of the backup"), ...SIZES },
  "what came back",
);

const PLACE = object(
  { database: text("its database"), collection: text("its collection"), tenant: text("its name") },
  "a tenant",
);

export const BACKUP_ROUTES: readonly Route[] = [
  {
    method: "GET",
    pattern: "backups",
    operation: "ListBackups",
    area: "admin",
    status: 200,
    summary: "Backups in the store of the server.",
    answers: BACKUPS_ANSWER,
    run: async (call) => ({ items: await doorOf(call).list() }),
  },
  withBody({
    method: "POST",
    pattern: "backups",
    operation: "CreateBackup",
    area: "admin",
    status: 201,
    summary: "Backs up everything, or what is named; answers when it is done.",
    answers: BACKUP_ANSWER,
    takes: {
      schema: object({ ...SCOPE, store: STORE }, "What to back up."),
      bytesMax,
    },
    run: (call, { store, ...scope }) => doorOf(call, store).backup(toScope(scope)),
  }),
  withBody({
    method: "POST",
    pattern: "restores",
    operation: "Restore",
    area: "admin",
    status: 200,
    summary: "Brings back what a backup holds, under names that are free.",
    answers: RESTORE_ANSWER,
    takes: {
      schema: object(
        {
          ...SCOPE,
          backup: optional(text("id; default the newest")),
          atMs: optional(count("the newest begun by then, milliseconds since 1970")),
          as: optional(object(SCOPE, "other names for what is named")),
          store: STORE,
        },
        "What to bring back.",
      ),
      bytesMax,
    },
    run: (call, { store, backup, atMs, as, ...scope }) =>
      doorOf(call, store).restore({
        ...toScope(scope),
        ...(backup === undefined ? {} : { backup }),
        ...(atMs === undefined ? {} : { atMs }),
        ...(as === undefined ? {} : { as: toScope(as) }),
      }),
  }),
  withBody({
    method: "POST",
    pattern: "copies",
    operation: "CopyTenant",
    area: "admin",
    status: 201,
    summary: "Makes a second tenant with the records the first has now.",
    answers: TENANT_ANSWER,
    takes: { schema: object({ from: PLACE, to: PLACE }, "From where to where."), bytesMax },
    run: ({ context }, { from, to }) => context.engine.copyTenant(from, to),
  }),
  withBody({
    method: "POST",
    pattern: "adoptions",
    operation: "AdoptTenant",
    area: "admin",
    status: 201,
    summary: "Makes a tenant of one that another data folder has offloaded to the same store.",
    answers: TENANT_ANSWER,
    takes: {
      schema: object(
        { object: text("one of its objects: tenants/SHARD/GENERATION/…"), to: PLACE },
        "What to bring where.",
      ),
      bytesMax,
    },
    run: ({ context, request: { signal } }, { object: name, to }) =>
      context.engine.adoptTenant(name, to, { signal }),
  }),
];

function doorOf({ context }: Call, store?: string): BackupDoor {
  const { backups } = context;
  if (backups === undefined) {
    throw new InsulaError(
      "operation_unsupported",
      "Cannot reach backups: this server has no store for them: set backupStore.",
    );
  }
  // A request never says where the server connects to or which folder it opens.
  if (store === undefined || store === backups.target) return backups;
  throw new InsulaError(
    "permission_denied",
    "Cannot use the store: the server backs up to the one of its settings only.",
  );
}

function toScope(given: {
  readonly database: string | undefined;
  readonly collection: string | undefined;
  readonly tenant: string | undefined;
}): BackupScope {
  const { database, collection, tenant } = given;
  return {
    ...(database === undefined ? {} : { database }),
    ...(collection === undefined ? {} : { collection }),
    ...(tenant === undefined ? {} : { tenant }),
  };
}
