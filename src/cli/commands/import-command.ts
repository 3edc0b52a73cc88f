/** `insula import`: vectors from files into a collection. */
import { resolve } from "node:path";
import type { Command } from "commander";
import type { CollectionInfo } from "../../engine/api.ts";
import type { Place } from "../../model/index.ts";
import { CommandError, EXIT_CODES } from "../command-error.ts";
import { withSession } from "../command.ts";
import { notes } from "../help.ts";
import { watchInterrupts } from "../interrupt.ts";
import { METRICS, toMetric } from "../metric-option.ts";
import { toCount } from "../option-values.ts";
import { printCount, printCounted, type Output } from "../output.ts";
import { addPlaceOptions, findCollection, type PlaceOptions } from "../place-options.ts";
import { createRateProgress, printDuration } from "../rate-progress.ts";
import { UPSERT_RECORDS_MAX, type Session } from "../session.ts";
import { Checkpoint } from "../transfer/checkpoint.ts";
import { CustomerTarget } from "../transfer/customer-target.ts";
import {
  runImport,
  type ImportOptions as ImportRun,
  type ImportReport,
  type ImportTarget,
} from "../transfer/import-run.ts";
import { JsonlSource } from "../transfer/jsonl-source.ts";
import { refuseOthersAlone } from "../transfer/passed-over.ts";
import {
  usesCollection,
  type CollectionChoice,
  type MemberNames,
} from "../transfer/record-members.ts";
import {
  IMPORT_FORMATS,
  openSources,
  type ImportFormat,
  type SourceFile,
} from "../transfer/open-source.ts";
import type { RecordSource, SourceShape } from "../transfer/record-source.ts";

/** Bytes of vectors in one batch, about. Source: ours; four fill a group of the log. */
const BATCH_BYTES = 4 * 1_048_576;

interface ImportOptions extends PlaceOptions {
  readonly format?: string;
  readonly create?: true;
  readonly customer?: string;
  readonly metric: string;
  readonly keys?: string;
  readonly keyPrefix?: string;
  readonly keyField?: string;
  readonly vectorField?: string;
  readonly metadataFrom?: readonly string[];
  readonly ignoreUnknown?: true;
  readonly batchSize?: number;
  /** False for `--no-checkpoint`. */
  readonly checkpoint?: string | false;
  readonly restart?: true;
}

export function addImportCommand(program: Command): void {
  addPlaceOptions(
    program
      .command("import <file...>")
      .description("write vectors from JSON Lines, Parquet, npy, fvecs or ivecs files"),
  )
    .option("--customer <name>", "each line into the collection it names, as this tenant")
    .option("--format <format>", `${IMPORT_FORMATS.join(", ")}; default by the ending`)
    .option("--create", "make the database and collection when missing")
    .option("--metric <metric>", `of a collection that is made: ${METRICS.join(", ")}`, "cosine")
    .option(
      "--keys <file>",
      "keys of an npy, fvecs or ivecs file, one a line (default: FILE.keys, if there)",
    )
    .option("--key-prefix <text>", "before the row number where there are no keys")
    .option("--key-field <name>", "member or column of the key (default: key or id)")
    .option("--vector-field <name>", "of the vector (default: vector, values, embedding or emb)")
    .option("--metadata-from <name...>", "members or columns that become metadata")
    .option("--ignore-unknown", "pass over members and columns that mean nothing here")
    .option("--batch-size <n>", "records written together", toCount)
    .option("--checkpoint <file>", "where it is noted how far the import came")
    .option("--no-checkpoint", "note nothing: an interrupted import begins anew")
    .option("--restart", "begin anew although an import was interrupted")
    .addHelpText(
      "after",
      notes(
        [
          "insula import --create --collection notes notes.jsonl",
          "insula import --create --collection images vectors.npy --keys names.txt",
          "insula import --collection notes part-*.parquet --key-field id --vector-field emb",
          "insula import --database acme --customer team-1 export.jsonl",
        ],
        `Interrupted, the same command goes on behind the last record that was written: how far it came
is noted in FILE.insula-import. "-" is standard input as JSON Lines, which cannot be resumed.
Lines of a customer's export over HTTP name their collection: --collection takes those of one and
passes over the others, --customer takes all.`,
      ),
    )
    .action(async (paths: readonly string[], options: ImportOptions, command: Command) => {
      const format = toFormat(options.format);
      const { sources, files } = await openSources(paths, {
        format,
        names: toNames(options, toChoice(options, command)),
        keysPath: options.keys,
        keyPrefix: options.keyPrefix ?? "",
      });
      await withSession(command, options.create === true, async (session, output) => {
        const work = { session, output, options, sources, files };
        if (options.customer !== undefined) await importFiles(forCustomer(work, options.customer));
        else await importFiles(await forCollection(work));
      });
    });
}

function toNames(options: ImportOptions, collections: CollectionChoice | undefined): MemberNames {
  const names = {
    metadata: options.metadataFrom ?? [],
    isLax: options.ignoreUnknown === true,
    ...(collections !== undefined && { collections }),
    ...(options.keyField !== undefined && { key: options.keyField }),
    ...(options.vectorField !== undefined && { vector: options.vectorField }),
  };
  if (collections?.kind === "each" && usesCollection(names)) {
    throw new CommandError(
      EXIT_CODES.usage,
      "With --customer the member collection says where a record goes: it can be no key, no " +
        "vector and no metadata.",
    );
  }
  return names;
}

/** What is said on the command line counts, not the collection that is meant by default. */
function toChoice(
  { customer, collection }: ImportOptions,
  command: Command,
): CollectionChoice | undefined {
  const isSaid = (name: string): boolean => command.getOptionValueSource(name) === "cli";
  if (customer === undefined) {
    return isSaid("collection") ? { kind: "one", name: collection } : undefined;
  }
  if (!isSaid("collection") && !isSaid("tenant")) return { kind: "each", tenant: customer };
  throw new CommandError(
    EXIT_CODES.usage,
    "Expected --customer, or --collection and --tenant, not both.",
  );
}

function toFormat(text: string | undefined): ImportFormat | undefined {
  if (text === undefined) return undefined;
  const format = IMPORT_FORMATS.find((known) => known === text);
  if (format !== undefined) return format;
  throw new CommandError(EXIT_CODES.usage, `--format: expected ${IMPORT_FORMATS.join(", ")}.`);
}

interface ImportWork {
  readonly session: Session;
  readonly output: Output;
  readonly options: ImportOptions;
  readonly sources: readonly RecordSource[];
  readonly files: readonly SourceFile[];
}

/** Work whose records have a place. */
interface PlacedWork extends ImportWork, Pick<ImportRun, "target" | "placeOf"> {
  /** Tells this target from another of the same names. */
  readonly identity: string;
}

async function forCollection(work: ImportWork): Promise<PlacedWork> {
  const { session, options, sources } = work;
  const { database, collection, tenant } = options;
  const info = await openCollection(session, options, sources);
  return {
    ...work,
    target: toTarget(session),
    placeOf: (named) => placeOf(options, info, named.tenant),
    identity: JSON.stringify([database, collection, tenant ?? null, info.createdAtMs]),
  };
}

function forCustomer(work: ImportWork, tenant: string): PlacedWork {
  const { session, options, sources } = work;
  const { database, create } = options;
  const other = sources.find((source) => !(source instanceof JsonlSource));
  if (other !== undefined) {
    throw new CommandError(
      EXIT_CODES.usage,
      `Cannot take ${other.path} for --customer: only JSON Lines name a collection.`,
    );
  }
  const made = create === true ? { metric: toMetric(options.metric) } : undefined;
  return {
    ...work,
    target: new CustomerTarget(session, { database, tenant }, made),
    placeOf: ({ collection = "" }) => ({ database, collection, tenant }),
    identity: JSON.stringify([database, tenant]),
  };
}

async function importFiles(work: PlacedWork): Promise<void> {
  const { output, options, sources } = work;
  const checkpoint = openCheckpoint(work);
  if (options.restart === true) await checkpoint?.remove();
  const from = await checkpoint?.read((tenants) => work.target.findOther?.(tenants));
  if (from !== undefined)
    output.remark(`Going on behind record ${printCount(from.counts.records)}.`);
  const bytesTotal = sources.some(({ byteLength }) => byteLength === undefined)
    ? undefined
    : sources.reduce((sum, { byteLength }) => sum + (byteLength ?? 0), 0);
  const progress = createRateProgress(output, bytesTotal);
  const startedAtMs = performance.now();
  using interruption = watchInterrupts();
  const report = await runImport({
    sources,
    target: work.target,
    placeOf: work.placeOf,
    bounds: {
      recordsMax: Math.min(options.batchSize ?? Infinity, UPSERT_RECORDS_MAX),
      bytesMax: BATCH_BYTES,
    },
    checkpoint,
    from,
    signal: interruption.signal,
    onBatch: ({ records }, bytesDone) => {
      progress.update(records, bytesDone);
    },
  }).finally(() => {
    progress.stop();
  });
  const seconds = Number(((performance.now() - startedAtMs) / 1_000).toFixed(3));
  const passedOver = sources.reduce((sum, source) => sum + (source.passedOver?.records ?? 0), 0);
  output.result({ ...report, ...(passedOver > 0 && { passedOver }), seconds }, () =>
    [
      printReport(report, seconds),
      ...(passedOver > 0
        ? [`${printCounted(passedOver, "record")} of other collections passed over.`]
        : []),
    ].join("\n"),
  );
  if (report.isComplete) return;
  throw new CommandError(
    EXIT_CODES.interrupted,
    "Interrupted.",
    checkpoint === undefined
      ? "Nothing notes how far it came: the same command begins anew, which changes nothing twice."
      : "The same command goes on where it stopped.",
  );
}

function toTarget({ records }: Session): ImportTarget {
  return {
    upsert: async (place, batch) => {
      const result = await records.upsert(place, batch);
      return { added: result.rowsAdded, replaced: result.rowsReplaced };
    },
  };
}

/** Standard input cannot be read again, so nothing is noted of it. */
function openCheckpoint({ options, files, identity }: PlacedWork): Checkpoint | undefined {
  const [first] = files;
  if (options.checkpoint === false || first === undefined) return undefined;
  const { format, keys, keyPrefix = "" } = options;
  const { keyField, vectorField, metadataFrom } = options;
  return new Checkpoint(options.checkpoint ?? `${first.path}.insula-import`, {
    files: files.map((file) => ({ ...file, path: resolve(file.path) })),
    target: identity,
    options: JSON.stringify([format, keys, keyPrefix, keyField, vectorField, metadataFrom]),
  });
}

async function openCollection(
  session: Session,
  options: ImportOptions,
  sources: readonly RecordSource[],
): Promise<CollectionInfo> {
  const { catalog } = session;
  const { database, collection } = options;
  const metric = toMetric(options.metric);
  const found = await catalog.getCollection(database, collection);
  if (found !== undefined) return found;
  if (options.create !== true) return findCollection(session, database, collection);
  if (sources.some(({ path }) => path === "-")) {
    throw new CommandError(
      EXIT_CODES.usage,
      `Cannot make a collection for standard input: its dimension is known only by reading it.`,
      "Make it first with `insula collection create`.",
    );
  }
  const shape = await firstShape(sources);
  if (shape === undefined) {
    refuseOthersAlone(sources);
    throw new CommandError(
      EXIT_CODES.usage,
      "Cannot make a collection for a file without records.",
    );
  }
  const { sparseFields = [] } = shape;
  if ((await catalog.getDatabase(database)) === undefined) await catalog.createDatabase(database);
  return catalog.createCollection(database, collection, {
    schema: {
      vectors: [...shape.dimensions].map(([name, dimension]) => ({ name, dimension, metric })),
      ...(sparseFields.length === 0
        ? {}
        : { sparseVectors: sparseFields.map((name) => ({ name })) }),
      identity: "key",
      unfilterable: [],
    },
    tenancy: shape.hasTenants || options.tenant !== undefined ? "multi" : "single",
  });
}

/** Of the first source with a record; files before it may be of other collections. */
async function firstShape(sources: readonly RecordSource[]): Promise<SourceShape | undefined> {
  for (const source of sources) {
    const shape = await source.shape();
    if (shape.dimensions.size + (shape.sparseFields?.length ?? 0) > 0) return shape;
  }
  return undefined;
}

/** The tenant on the command line wins over those of the records. */
function placeOf(options: ImportOptions, info: CollectionInfo, named: string | undefined): Place {
  const { database, collection } = options;
  const tenant = options.tenant ?? named;
  if (info.tenancy === "single") {
    if (tenant === undefined) return { database, collection };
    throw new CommandError(
      EXIT_CODES.usage,
      `Collection ${collection} has no tenants, but there are records of ${tenant}.`,
    );
  }
  if (tenant !== undefined) return { database, collection, tenant };
  throw new CommandError(
    EXIT_CODES.usage,
    `Collection ${collection} has tenants, but there are records without one.`,
    "Name one with --tenant.",
  );
}

function printReport(report: ImportReport, seconds: number): string {
  const { records, before, added, replaced } = report;
  const rate = Math.round((records - before) / Math.max(0.001, seconds));
  const effect =
    added === undefined || replaced === undefined
      ? ""
      : ` (${printCount(added)} new, ${printCount(replaced)} replaced)`;
  const earlier = before === 0 ? "" : `, ${printCount(before)} of them before`;
  return (
    `${printCounted(records, "record")} written${effect}${earlier}, ` +
    `in ${printDuration(seconds)}, ${printCount(rate)}/s.`
  );
}
