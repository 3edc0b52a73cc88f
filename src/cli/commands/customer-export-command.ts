/** `insula customer export`: all that a customer has, a file a collection. */
import { mkdir } from "node:fs/promises";
import path from "node:path";
import type { Command } from "commander";
import type { CustomerPlace } from "../../engine/api.ts";
import { CommandError, EXIT_CODES } from "../command-error.ts";
import { withSession } from "../command.ts";
import { notes } from "../help.ts";
import { watchInterrupts } from "../interrupt.ts";
import { printCount, printCounted, printTable } from "../output.ts";
import type { Session } from "../session.ts";
import { ContentHash } from "../transfer/content-hash.ts";
import { openJsonlSink } from "../transfer/jsonl-sink.ts";
import { pagesOf } from "./export-command.ts";

interface ExportedFile {
  readonly collection: string;
  readonly file: string;
  readonly records: number;
  readonly contentHash: string;
}

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
        const files = await exportAll(session, { database, tenant }, folder);
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

async function exportAll(
  session: Session,
  place: CustomerPlace,
  folder: string,
): Promise<readonly ExportedFile[]> {
  const { tenants } = await session.catalog.customers.get(place);
  await mkdir(folder, { recursive: true });
  using interruption = watchInterrupts();
  const files: ExportedFile[] = [];
  for (const { collection } of tenants) {
    // A name may have what a path cannot.
    const file = path.join(folder, `${encodeURIComponent(collection)}.jsonl`);
    files.push({
      collection,
      file,
      ...(await exportOne(
        session,
        { ...place, collection },
        { file, signal: interruption.signal },
      )),
    });
  }
  return files;
}

async function exportOne(
  session: Session,
  place: CustomerPlace & { readonly collection: string },
  { file, signal }: { readonly file: string; readonly signal: AbortSignal },
): Promise<Pick<ExportedFile, "records" | "contentHash">> {
  const sink = await openJsonlSink(file);
  const hash = new ContentHash();
  let records = 0;
  try {
    for await (const items of pagesOf(session, place)) {
      if (signal.aborted) {
        const advice = "The same command begins anew; files that are there are whole.";
        throw new CommandError(EXIT_CODES.interrupted, "Interrupted.", advice);
      }
      for (const record of items) hash.add(undefined, record);
      await sink.write(items.map((record) => ({ tenant: undefined, record })));
      records += items.length;
    }
    await sink.finish();
  } catch (error) {
    await sink.discard().catch(() => undefined);
    throw error;
  }
  return { records, contentHash: hash.finish() };
}
