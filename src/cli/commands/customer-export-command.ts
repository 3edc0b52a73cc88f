/** `insula customer export`: all that a customer has, a file a collection. */
import { mkdir } from "node:fs/promises";
import type { Command } from "commander";
import { isNotServed, type CustomerRecord } from "../../client/index.ts";
import type { CustomerPlace, CustomerTenant } from "../../engine/api.ts";
import { CommandError, EXIT_CODES } from "../command-error.ts";
import { withSession } from "../command.ts";
import { notes } from "../help.ts";
import { watchInterrupts } from "../interrupt.ts";
import { printCount, printCounted, printTable, type Output } from "../output.ts";
import { createRateProgress } from "../rate-progress.ts";
import type { Session } from "../session.ts";
import { ExportFiles, type ExportedFile } from "../transfer/export-files.ts";
import { pagesOf } from "./export-command.ts";

export function addCustomerExport(customer: Command): void {
  customer
    .command("export <database> <customer> <folder>")
    .description("write all records of a customer into a folder, a file of JSON Lines a collection")
    .addHelpText(
      "after",
      notes(
        [
          "insula customer export acme team-1 team-1-records",
          "insula import --collection notes --tenant team-1 team-1-records/notes.jsonl",
        ],
        "Each file is whole, or not there. A suspended customer must be resumed before.",
      ),
    )
    .action(async (...given: [string, string, string, unknown, Command]) => {
      const [database, tenant, folder, , command] = given;
      await withSession(command, false, async (session, output) => {
        const files = await exportAll({ session, output, folder }, { database, tenant });
        const sum = files.reduce((all, { records }) => all + records, 0);
        output.result({ database, tenant, records: sum, files }, () =>
          [
            printTable(output, [
              ["COLLECTION", "RECORDS", "FILE", "CONTENT HASH"],
              ...files.map(({ collection, records, file, contentHash }) => [
                collection,
                printCount(records),
                file,
                contentHash,
              ]),
            ]),
            `${printCounted(sum, "record")} of ${printCounted(files.length, "collection")} written to ${folder}.`,
          ].join("\n"),
        );
      });
    });
}

interface ExportWork {
  readonly session: Session;
  readonly output: Output;
  readonly folder: string;
}

async function exportAll(work: ExportWork, place: CustomerPlace): Promise<readonly ExportedFile[]> {
  const { session, output, folder } = work;
  const { tenants, rowCount } = await session.catalog.customers.get(place);
  await mkdir(folder, { recursive: true });
  using interruption = watchInterrupts();
  const { signal } = interruption;
  const progress = createRateProgress(output, rowCount);
  let records = 0;
  const files = new ExportFiles(folder);
  try {
    for await (const piece of recordsOf(session, { place, tenants, signal })) {
      for (const part of byCollection(piece)) await files.write(part);
      records += piece.length;
      progress.update(records, records);
      if (signal.aborted) throw interrupted();
    }
    // Those without a record, too.
    for (const { collection } of tenants) await files.begin(collection);
    return await files.finish();
  } catch (error) {
    await files.discard();
    // What was aborted says so by itself, in other words.
    throw signal.aborted ? interrupted() : error;
  } finally {
    progress.stop();
  }
}

function interrupted(): CommandError {
  const advice = "The same command begins anew; files that are there are whole.";
  return new CommandError(EXIT_CODES.interrupted, "Interrupted.", advice);
}

interface Wanted {
  readonly place: CustomerPlace;
  readonly tenants: readonly Pick<CustomerTenant, "collection">[];
  readonly signal: AbortSignal;
}

/**
 * From a server as one answer, which ends whole or with an error. Page by page from an engine in
 * this process, and for a key that may list records but not export a customer.
 */
async function* recordsOf(
  session: Session,
  { place, tenants, signal }: Wanted,
): AsyncIterable<readonly CustomerRecord[]> {
  let hasBegun = false;
  try {
    for await (const piece of session.records.stream?.(place, { signal }) ?? []) {
      hasBegun = true;
      yield piece;
    }
    if (session.records.stream !== undefined) return;
  } catch (error) {
    if (hasBegun || !isNotServed(error)) throw error;
  }
  for (const { collection } of tenants) {
    for await (const items of pagesOf(session, { ...place, collection })) {
      yield items.map((record) => ({ collection, record }));
    }
  }
}

/** Records that follow one another and are of one collection. */
function byCollection(piece: readonly CustomerRecord[]): readonly (readonly CustomerRecord[])[] {
  const parts: CustomerRecord[][] = [];
  for (const each of piece) {
    const part = parts.at(-1);
    if (part?.[0]?.collection === each.collection) part.push(each);
    else parts.push([each]);
  }
  return parts;
}
