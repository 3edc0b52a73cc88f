/** `insula customer`: one name over all collections of a database. */
import type { Command } from "commander";
import type { CustomerErasure, CustomerInfo, CustomerPlace } from "../../engine/api.ts";
import type { UsagePeriod } from "../../model/index.ts";
import { collectPages, pageAfter, withSession } from "../command.ts";
import { notes } from "../help.ts";
import { printBytes, printCount, printCounted, printTable, type Output } from "../output.ts";
import type { Session } from "../session.ts";
import { addCustomerExport } from "./customer-export-command.ts";
import { printItems, toPeriod, toTime } from "./usage-command.ts";

type Customers = Session["catalog"]["customers"];

interface CustomerCommand {
  readonly verb: string;
  readonly description: string;
  readonly note: string;
  readonly run: (customers: Customers, place: CustomerPlace) => Promise<CustomerInfo>;
  readonly print: (info: CustomerInfo, output: Output) => string;
}

const COMMANDS: readonly CustomerCommand[] = [
  {
    verb: "show",
    description: "show what a customer has in every collection, and whether it is suspended",
    note: "A customer is whoever has one name as a tenant in the collections of a database.",
    run: (customers, place) => customers.get(place),
    print: printCustomer,
  },
  {
    verb: "suspend",
    description: "refuse all calls of a customer, in every collection",
    note: "Nothing is lost, a restart changes nothing. Operators may still erase it.",
    run: (customers, place) => customers.suspend(place),
    print: (info) => `Customer ${nameOf(info)} suspended in ${printPlaces(info)}.`,
  },
  {
    verb: "resume",
    description: "take the calls of a suspended customer again",
    note: "A customer that is being erased cannot be resumed.",
    run: (customers, place) => customers.resume(place),
    print: (info) => `Customer ${nameOf(info)} resumed in ${printPlaces(info)}.`,
  },
];

export function addCustomerCommands(program: Command): void {
  const customer = program
    .command("customer")
    .description("one customer over all collections of a database");
  addListing(customer);
  for (const { verb, description, note, run, print } of COMMANDS) {
    customer
      .command(`${verb} <database> <customer>`)
      .description(description)
      .addHelpText("after", notes([`insula customer ${verb} acme team-1`], note))
      .action(async (...given: [string, string, unknown, Command]) => {
        const [database, tenant, , command] = given;
        await withSession(command, false, async ({ catalog }, output) => {
          const info = await run(catalog.customers, { database, tenant });
          output.result(info, () => print(info, output));
        });
      });
  }
  addErase(customer);
  addCopy(customer);
  addUsage(customer);
  addCustomerExport(customer);
}

function addListing(customer: Command): void {
  customer
    .command("ls <database>")
    .alias("list")
    .description("list the customers that are suspended or being erased")
    .addHelpText(
      "after",
      notes(
        ["insula customer ls acme"],
        "The others are names of tenants: `insula tenant ls DATABASE COLLECTION`.",
      ),
    )
    .action(async (database: string, _: unknown, command: Command) => {
      await withSession(command, false, async ({ catalog }, output) => {
        const found = await collectPages(
          (after) => catalog.customers.list(database, pageAfter(after)),
          ({ tenant }) => tenant,
        );
        output.result(found, () =>
          found.length === 0
            ? "No customer is suspended."
            : printTable(output, [
                ["CUSTOMER", "STATE", "SINCE"],
                ...found.map(({ tenant, state, sinceMs }) => [tenant, state, printTime(sinceMs)]),
              ]),
        );
      });
    });
}

function addErase(customer: Command): void {
  customer
    .command("erase <database> <customer>")
    .aliases(["rm", "delete"])
    .description("erase a customer from every collection, with one receipt")
    .addHelpText(
      "after",
      notes(
        ["insula customer erase acme team-1", "insula customer erase acme team-1 --json"],
        "Interrupted, it goes on by itself; the same command gets the receipt. Backups are not touched.",
      ),
    )
    .action(async (...given: [string, string, unknown, Command]) => {
      const [database, tenant, , command] = given;
      await withSession(command, false, async ({ catalog }, output) => {
        const receipt = await catalog.customers.erase({ database, tenant });
        output.result(receipt, () => printReceipt(receipt, output));
      });
    });
}

function addCopy(customer: Command): void {
  customer
    .command("copy <database> <customer> <copy>")
    .description("make a second customer with the records the first has now")
    .addHelpText(
      "after",
      notes(
        ["insula customer copy acme team-1 team-1-test"],
        "It appears in all collections at once, or in none.",
      ),
    )
    .action(async (...given: [string, string, string, unknown, Command]) => {
      const [database, tenant, copy, , command] = given;
      await withSession(command, false, async ({ catalog }, output) => {
        const info = await catalog.customers.copy({ database, tenant }, copy);
        output.result(info, () => `Customer ${tenant} copied to ${copy}: ${printPlaces(info)}.`);
      });
    });
}

interface UsageOptions {
  readonly by: UsagePeriod;
  readonly from?: number;
  readonly to?: number;
}

function addUsage(customer: Command): void {
  customer
    .command("usage <database> <customer>")
    .description("what a customer did, in each collection and in all")
    .option("--by <period>", "hour, day or month", toPeriod, "day")
    .option("--from <time>", "periods that end after it, such as 2030-01-31", toTime)
    .option("--to <time>", "periods that begin before it", toTime)
    .addHelpText(
      "after",
      notes(
        ["insula customer usage acme team-1 --by month"],
        "The lines of DATABASE/* are the sums. `insula tenant usage` writes CSV.",
      ),
    )
    .action(async (...given: [string, string, UsageOptions, Command]) => {
      const [database, tenant, { by, from, to }, command] = given;
      await withSession(command, false, async ({ catalog }, output) => {
        const usage = await catalog.customers.usage(
          { database, tenant },
          {
            period: by,
            ...(from !== undefined && { fromMs: from }),
            ...(to !== undefined && { toMs: to }),
          },
        );
        const sums = usage.total.map((sum) => ({ database, collection: "*", tenant, ...sum }));
        output.result(usage, () => printItems(output, [...usage.items, ...sums]));
      });
    });
}

function nameOf({ database, tenant }: CustomerPlace): string {
  return `${database}/*/${tenant}`;
}

function printPlaces({ tenants, rowCount }: CustomerInfo): string {
  return `${printCounted(tenants.length, "collection")}, ${printCounted(rowCount, "record")}`;
}

function printCustomer(info: CustomerInfo, output: Output): string {
  const since = info.sinceMs === undefined ? "" : ` since ${printTime(info.sinceMs)}`;
  const table = printTable(output, [
    ["COLLECTION", "STATE", "RECORDS", "SIZE"],
    ...info.tenants.map(({ collection, state, rowCount, byteCount }) => [
      collection,
      state,
      printCount(rowCount),
      printBytes(byteCount),
    ]),
  ]);
  return `Customer ${nameOf(info)} is ${info.state}${since}: ${printPlaces(info)}.\n${table}`;
}

function printReceipt(receipt: CustomerErasure, output: Output): string {
  const { tenants, recordCount, isUnreadable, wasInterrupted } = receipt;
  const records = printCounted(recordCount, "record");
  return [
    `Customer ${nameOf(receipt)} erased: ${printCounted(tenants.length, "tenant")}, ${records}.`,
    printTable(output, [
      ["COLLECTION", "SHARD", "RECORDS", "KEY", "FILES", "SHARED"],
      ...tenants.map((each) => [
        each.collection,
        each.shard,
        printCount(each.recordCount),
        each.isKeyDestroyed ? `${String(each.keyId)}, destroyed` : "none",
        each.filesLeft === 0
          ? `${String(each.filesRemoved)} removed`
          : `${String(each.filesLeft)} still read`,
        printBytes(each.sharedBytes),
      ]),
    ]),
    ...(wasInterrupted ? ["An erasure that was interrupted is in this receipt."] : []),
    isUnreadable
      ? "Nobody can read any of it in this data folder."
      : "What is left can still be read by who has the folder and its keys.",
  ].join("\n");
}

function printTime(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}
