/** `insula tenant create`: one tenant, or as many as there are lines. */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import type { Command } from "commander";
import { TENANTS_CREATED_MAX } from "../../base/limits.ts";
import { withSession } from "../command.ts";
import { CommandError, EXIT_CODES } from "../command-error.ts";
import { notes } from "../help.ts";
import { watchInterrupts } from "../interrupt.ts";
import { printCount, printCounted } from "../output.ts";
import type { Session } from "../session.ts";

interface Made {
  readonly created: number;
  readonly existing: number;
}

export function addTenantCreate(tenant: Command): void {
  tenant
    .command("create <database> <collection> [tenant...]")
    .description("make a tenant, or many")
    .option("--file <path>", "names of many, a line each; - is standard input")
    .addHelpText(
      "after",
      notes(
        [
          "insula tenant create acme notes team-1",
          "insula tenant create acme notes --file customers.txt",
          `printf '{"name":"team-%d"}\\n' 1 2 3 | insula tenant create acme notes --file -`,
        ],
        `A line is a name, or one as JSON: a text, or an object with "name". Of many those that are there
are passed over; interrupted, the same command goes on.`,
      ),
    )
    .action(async (...given: [string, string, readonly string[], { file?: string }, Command]) => {
      const [database, collection, names, { file }, command] = given;
      const [only, ...others] = names;
      if (only === undefined && file === undefined) {
        throw new CommandError(EXIT_CODES.usage, "Expected the name of a tenant, or --file.");
      }
      await withSession(command, false, async ({ catalog }, output) => {
        if (only !== undefined && others.length === 0 && file === undefined) {
          const info = await catalog.createTenant({ database, collection, tenant: only });
          output.result(info, () => `Tenant ${only} created.`);
          return;
        }
        const made = await createMany(catalog, { database, collection }, namesOf(names, file));
        output.result(made, () => printMade(made));
      });
    });
}

function printMade({ created, existing }: Made): string {
  const were = existing === 0 ? "" : `, ${printCount(existing)} there before`;
  return `${printCounted(created, "tenant")} created${were}.`;
}

/** @throws CommandError when it is interrupted: between two calls. */
async function createMany(
  catalog: Session["catalog"],
  { database, collection }: { readonly database: string; readonly collection: string },
  names: AsyncIterable<string>,
): Promise<Made> {
  using interruption = watchInterrupts();
  let made: Made = { created: 0, existing: 0 };
  let part: string[] = [];
  const send = async (): Promise<void> => {
    const { created, existing } = await catalog.createTenants(database, collection, part);
    made = { created: made.created + created, existing: made.existing + existing };
    part = [];
  };
  for await (const name of names) {
    if (interruption.signal.aborted) {
      throw new CommandError(
        EXIT_CODES.interrupted,
        `Interrupted: ${printMade(made)}`,
        "The same command goes on.",
      );
    }
    part.push(name);
    if (part.length === TENANTS_CREATED_MAX) await send();
  }
  if (part.length > 0) await send();
  return made;
}

/** Those of the line first. */
async function* namesOf(names: readonly string[], file: string | undefined): AsyncIterable<string> {
  yield* names;
  if (file === undefined) return;
  const input = file === "-" ? process.stdin : createReadStream(file);
  let number = 0;
  try {
    for await (const line of createInterface({ input, crlfDelay: Infinity })) {
      number++;
      if (line.trim() !== "") yield toName(line, `${file}, line ${String(number)}`);
    }
  } catch (cause) {
    if (cause instanceof CommandError || number > 0) throw cause;
    throw new CommandError(EXIT_CODES.notFound, `Cannot read the file ${file}.`, undefined, cause);
  }
}

function toName(line: string, where: string): string {
  if (!/^\s*["{]/.test(line)) return line;
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    value = undefined;
  }
  const name: unknown =
    typeof value === "object" && value !== null && "name" in value ? value.name : value;
  if (typeof name === "string") return name;
  const form = 'a text, or an object with "name"';
  throw new CommandError(EXIT_CODES.usage, `${where}: expected a name, or as JSON ${form}.`);
}
