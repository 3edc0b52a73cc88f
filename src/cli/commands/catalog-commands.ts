/** `insula db`, `insula collection`, `insula tenant`: list, make, remove. */
import type { Command } from "commander";
import { BUILT_IN_DIMENSION } from "../../embed/index.ts";
import type { CollectionInfo, CollectionPatch, ErasureReceipt } from "../../engine/api.ts";
import { DEFAULT_VECTOR, type FieldMemory, type Schema } from "../../model/index.ts";
import { addTenantAdoptCommand, addTenantCopyCommand } from "./tenant-copy-commands.ts";
import { collectPages, pageAfter, withSession } from "../command.ts";
import { CommandError, EXIT_CODES } from "../command-error.ts";
import { notes } from "../help.ts";
import { METRICS, toMetric } from "../metric-option.ts";
import { toMemory, toShare, toWholeNumber, toYesOrNo } from "../option-values.ts";
import { printBytes, printCount, printTable } from "../output.ts";
import { addTenantCreate } from "./tenant-create-command.ts";
import { addTenantListing } from "./tenant-listing-command.ts";
import { addTenantRename } from "./tenant-rename-command.ts";
import { addTenantStateCommands } from "./tenant-state-commands.ts";
import {
  addTenantSweep,
  INACTIVE_AFTER_HELP,
  OFFLOAD_AFTER_HELP,
  MEMORY_SHARE_HELP,
  policyOf,
  printPolicy,
  type PolicyOptions,
} from "./tenant-sweep-command.ts";
import { addTenantPins } from "./tenant-pin-commands.ts";
import { addTenantWarm } from "./tenant-warm-command.ts";
import { addTenantWhy } from "./tenant-why-command.ts";
import { addLimitCommand } from "./limit-command.ts";
import { addUsageCommand } from "./usage-command.ts";
import { addWhereCommand } from "./where-command.ts";
import { TEXT_PROPERTY } from "../ingest.ts";
import type { Session } from "../session.ts";

export function addDatabaseCommands(program: Command): void {
  const db = program.command("db").description("databases (what OSS Vectors calls vector buckets)");
  db.command("ls")
    .alias("list")
    .description("list databases")
    .addHelpText("after", notes(["insula db ls", "insula db ls --json"]))
    .action(async (_: unknown, command: Command) => {
      await withSession(command, false, async ({ catalog }, output) => {
        const databases = await collectPages(
          (after) => catalog.listDatabases(pageAfter(after)),
          ({ name }) => name,
        );
        output.result(databases, () =>
          printTable(output, [
            ["DATABASE", "COLLECTIONS", "CREATED"],
            ...databases.map((info) => [
              info.name,
              String(info.collectionCount),
              printDate(info.createdAtMs),
            ]),
          ]),
        );
      });
    });
  db.command("create <database>")
    .description("make a database")
    .addHelpText("after", notes(["insula db create acme"]))
    .action(async (name: string, _: unknown, command: Command) => {
      await withSession(command, true, async ({ catalog }, output) => {
        output.result(await catalog.createDatabase(name), () => `Database ${name} created.`);
      });
    });
  db.command("rm <database>")
    .alias("delete")
    .description("remove a database")
    .option("--force", "also its collections, with all their records")
    .addHelpText("after", notes(["insula db rm acme --force"]))
    .action(async (name: string, options: { force?: true }, command: Command) => {
      await withSession(command, false, async ({ catalog }, output) => {
        if (options.force === true) await removeCollections(catalog, name);
        await catalog.deleteDatabase(name);
        output.result({ removed: name }, () => `Database ${name} removed.`);
      });
    });
}

async function removeCollections(catalog: Session["catalog"], database: string): Promise<void> {
  const collections = await collectPages(
    (after) => catalog.listCollections(database, pageAfter(after)),
    ({ name }) => name,
  );
  for (const { name } of collections) await catalog.deleteCollection(database, name);
}

const CREATES_HELP = "a write to a tenant that does not exist creates it";
const ACTIVATES_HELP = "a call about records of an inactive tenant activates it";
const RECALL_HELP = "share of the true nearest that searches aim at, 0.5 to 0.999";

interface CollectionCreateOptions extends PolicyOptions {
  readonly dimension: number;
  readonly metric: string;
  readonly recall?: number;
  readonly memory?: FieldMemory;
  readonly sparse?: readonly string[];
  readonly tenants?: true;
  readonly unfilterable: readonly string[];
  readonly createsTenants?: boolean;
  readonly activatesTenants?: boolean;
}

export function addCollectionCommands(program: Command): void {
  const collection = program
    .command("collection")
    .description("collections (what OSS Vectors calls vector indexes)");
  collection
    .command("ls <database>")
    .alias("list")
    .description("list collections with their exact sizes")
    .addHelpText("after", notes(["insula collection ls acme"]))
    .action(async (database: string, _: unknown, command: Command) => {
      await withSession(command, false, async ({ catalog }, output) => {
        const collections = await collectPages(
          (after) => catalog.listCollections(database, pageAfter(after)),
          ({ name }) => name,
        );
        const rows = collections.map(toRow);
        output.result(collections, () =>
          printTable(output, [
            ["COLLECTION", "RECORDS", "SIZE", "DIM", "METRIC", "TENANTS", "STATUS", "MODEL"],
            ...rows,
          ]),
        );
      });
    });
  addCreateCommand(collection);
  addCollectionStateCommands(collection);
}

function addCreateCommand(parent: Command): void {
  parent
    .command("create <database> <collection>")
    .description("make a collection")
    .option("--dimension <n>", "components of a vector", toWholeNumber, BUILT_IN_DIMENSION)
    .option("--metric <metric>", METRICS.join(", "), "cosine")
    .option("--recall <share>", `${RECALL_HELP} (default: 0.95)`, toShare)
    .option(
      "--memory <how>",
      "fast, or small: a bit a component in memory, rows in files",
      toMemory,
    )
    .option("--sparse <field...>", "sparse vectors a record may have besides")
    .option("--tenants", "a collection with tenants, each with a shard of its own")
    .option("--unfilterable <property...>", "returned, never filtered by", [TEXT_PROPERTY])
    .option("--creates-tenants <yes-or-no>", CREATES_HELP, toYesOrNo)
    .option("--activates-tenants <yes-or-no>", ACTIVATES_HELP, toYesOrNo)
    .option("--inactive-after <time>", INACTIVE_AFTER_HELP)
    .option("--offload-after <time>", OFFLOAD_AFTER_HELP)
    .option("--memory-share <share>", MEMORY_SHARE_HELP)
    .addHelpText(
      "after",
      notes([
        "insula collection create acme notes --dimension 1024",
        "insula collection create acme people --dimension 256 --metric dot --tenants",
      ]),
    )
    .action(
      async (
        database: string,
        name: string,
        options: CollectionCreateOptions,
        command: Command,
      ) => {
        const metric = toMetric(options.metric);
        const { dimension, recall, memory } = options;
        const aim = {
          ...(recall === undefined ? {} : { recall }),
          ...(memory === undefined ? {} : { memory }),
        };
        await withSession(command, true, async ({ catalog }, output) => {
          const info = await catalog.createCollection(database, name, {
            schema: {
              vectors: [{ name: DEFAULT_VECTOR, dimension, metric, ...aim }],
              ...sparseOf(options.sparse),
              identity: "key",
              unfilterable: options.unfilterable,
            },
            tenancy: options.tenants === true ? "multi" : "single",
            ...rulesOf(options),
          });
          output.result(info, () => `Collection ${database}/${name} created.`);
        });
      },
    );
}

function sparseOf(names: readonly string[] = []): Pick<Schema, "sparseVectors"> {
  return names.length === 0 ? {} : { sparseVectors: names.map((name) => ({ name })) };
}

function addCollectionStateCommands(parent: Command): void {
  addUpdateCommand(parent);
  addStatusCommand(parent, "enable", "enabled", "let a disabled collection read and write again");
  addStatusCommand(parent, "disable", "disabled", "refuse reads and writes; nothing is removed");
  parent
    .command("rm <database> <collection>")
    .alias("delete")
    .description("remove a collection with all its records")
    .addHelpText("after", notes(["insula collection rm acme notes"]))
    .action(async (database: string, name: string, _: unknown, command: Command) => {
      await withSession(command, false, async ({ catalog }, output) => {
        await catalog.deleteCollection(database, name);
        output.result(
          { removed: `${database}/${name}` },
          () => `Collection ${database}/${name} removed.`,
        );
      });
    });
}

function addUpdateCommand(parent: Command): void {
  parent
    .command("update <database> <collection>")
    .description("change how searches are done, and what tenants do by themselves")
    .option("--recall <share>", RECALL_HELP, toShare)
    .option("--field <name>", "a named vector field", DEFAULT_VECTOR)
    .option("--creates-tenants <yes-or-no>", CREATES_HELP, toYesOrNo)
    .option("--activates-tenants <yes-or-no>", ACTIVATES_HELP, toYesOrNo)
    .option("--inactive-after <time>", INACTIVE_AFTER_HELP)
    .option("--offload-after <time>", OFFLOAD_AFTER_HELP)
    .option("--memory-share <share>", MEMORY_SHARE_HELP)
    .addHelpText(
      "after",
      notes(
        [
          "insula collection update acme notes --recall 0.99",
          "insula collection update acme notes --activates-tenants yes",
        ],
        "Nothing is written anew.",
      ),
    )
    .action(
      async (
        database: string,
        name: string,
        options: CollectionUpdateOptions,
        command: Command,
      ) => {
        const patch = patchOf(options);
        await withSession(command, false, async ({ catalog }, output) => {
          const info = await catalog.updateCollection(database, name, patch);
          output.result(info, () => printPatch(`${database}/${name}`, options));
        });
      },
    );
}

interface CollectionUpdateOptions extends PolicyOptions {
  readonly recall?: number;
  readonly field: string;
  readonly createsTenants?: boolean;
  readonly activatesTenants?: boolean;
}

/** @throws CommandError when nothing is to change. */
function patchOf(options: CollectionUpdateOptions): CollectionPatch {
  const { recall, field } = options;
  const rules = rulesOf(options);
  if (recall === undefined && Object.keys(rules).length === 0) {
    throw new CommandError(
      EXIT_CODES.usage,
      "Nothing to change.",
      "`insula collection update --help` shows what can be changed.",
    );
  }
  return { ...rules, ...(recall === undefined ? {} : { vectors: [{ name: field, recall }] }) };
}

function printPatch(
  place: string,
  { recall, createsTenants, activatesTenants, ...policy }: CollectionUpdateOptions,
): string {
  const lines = [
    recall === undefined ? "" : `Searches of ${place} aim at a recall of ${String(recall)}.`,
    createsTenants === undefined
      ? ""
      : `A write to a missing tenant of ${place} ${createsTenants ? "creates" : "does not create"} it.`,
    activatesTenants === undefined
      ? ""
      : `A call to an inactive tenant of ${place} ${activatesTenants ? "activates" : "does not activate"} it.`,
    printPolicy(place, policy),
  ];
  return lines.filter((line) => line !== "").join("\n");
}

type RuleName = "createsTenants" | "activatesTenants" | "policy";
type RuleOption = Exclude<RuleName, "policy"> | keyof PolicyOptions;

function rulesOf({
  createsTenants,
  activatesTenants,
  ...policyOptions
}: Pick<CollectionUpdateOptions, RuleOption>): Pick<CollectionPatch, RuleName> {
  const policy = policyOf(policyOptions);
  return {
    ...(policy === undefined ? {} : { policy }),
    ...(createsTenants === undefined ? {} : { createsTenants }),
    ...(activatesTenants === undefined ? {} : { activatesTenants }),
  };
}

function addStatusCommand(
  parent: Command,
  verb: string,
  status: "enabled" | "disabled",
  description: string,
): void {
  parent
    .command(`${verb} <database> <collection>`)
    .description(description)
    .addHelpText("after", notes([`insula collection ${verb} acme notes`]))
    .action(async (database: string, name: string, _: unknown, command: Command) => {
      await withSession(command, false, async ({ catalog }, output) => {
        const info = await catalog.updateCollection(database, name, { status });
        output.result(info, () => `Collection ${database}/${name} is ${status}.`);
      });
    });
}

function toRow(info: CollectionInfo): readonly string[] {
  const [vector] = info.schema.vectors;
  return [
    info.name,
    String(info.rowCount),
    printBytes(info.byteCount),
    String(vector?.dimension ?? 0),
    vector?.metric ?? "",
    info.tenancy === "multi" ? String(info.tenantCount) : "-",
    info.status,
    info.embeddingModel ?? "-",
  ];
}

export function addTenantCommands(program: Command): void {
  const tenant = program
    .command("tenant")
    .description("tenants of a collection made with --tenants");
  addTenantListing(tenant);
  addTenantCreate(tenant);
  addTenantRename(tenant);
  addTenantCopyCommand(tenant);
  addTenantAdoptCommand(tenant);
  tenant
    .command("rm <database> <collection> <tenant>")
    .alias("delete")
    .description("remove a tenant with all its records")
    .addHelpText("after", notes(["insula tenant rm acme notes team-1"]))
    .action(async (...given: [string, string, string, unknown, Command]) => {
      const [database, collection, name, , command] = given;
      await withSession(command, false, async ({ catalog }, output) => {
        await catalog.deleteTenant({ database, collection, tenant: name });
        output.result({ removed: name }, () => `Tenant ${name} removed.`);
      });
    });
  addWhereCommand(tenant);
  addTenantStateCommands(tenant);
  addTenantWarm(tenant);
  addTenantWhy(tenant);
  addTenantSweep(tenant);
  addTenantPins(tenant);
  addUsageCommand(tenant);
  addLimitCommand(tenant);
  addErase(tenant);
}

function addErase(tenant: Command): void {
  tenant
    .command("erase <database> <collection> <tenant>")
    .description("remove a tenant, destroy its key and say what is left of it")
    .addHelpText(
      "after",
      notes(
        ["insula tenant erase acme notes team-1", "insula tenant erase acme notes team-1 --json"],
        "The receipt is printed when the key is overwritten and the files are gone. Backups are not touched.",
      ),
    )
    .action(async (...given: [string, string, string, unknown, Command]) => {
      const [database, collection, name, , command] = given;
      await withSession(command, false, async ({ catalog }, output) => {
        const receipt = await catalog.eraseTenant({ database, collection, tenant: name });
        output.result(receipt, () => printReceipt(receipt));
      });
    });
}

function printReceipt(receipt: ErasureReceipt): string {
  const { tenant, shard, keyId, isKeyDestroyed, filesLeft, filesRemoved, sharedBytes } = receipt;
  const key = isKeyDestroyed ? `${String(keyId)}, destroyed` : "none: it was not sealed";
  const left = filesLeft === 0 ? "" : `, ${String(filesLeft)} still read by somebody`;
  return [
    `Tenant ${tenant} erased at ${printDate(receipt.erasedAtMs)} UTC.`,
    `shard    ${shard}`,
    `records  ${printCount(receipt.recordCount)}`,
    `key      ${key}`,
    `files    ${String(filesRemoved)} removed${left}`,
    ...(receipt.isCopyRemoved === undefined
      ? []
      : [
          `copies   ${receipt.isCopyRemoved ? "removed" : "not removed yet"} from the object store`,
        ]),
    `shared   ${printBytes(sharedBytes)} in packs and the log until those are rewritten`,
    receipt.isUnreadable
      ? "Nobody can read any of it in this data folder."
      : "What is left can still be read by who has the folder and its keys.",
  ].join("\n");
}

function printDate(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 19).replace("T", " ");
}
