/**
 * Commands and their options as docs/cli.md has them: from the definition the program parses by.
 */
import type { Command, Option } from "commander";
import { SETTINGS } from "../../src/server/index.ts";

export interface DocumentedCommand {
  /** `insula db create <database>` */
  readonly usage: string;
  /** Option, what it is, default; without those of docs/configuration.md where all are taken. */
  readonly rows: readonly (readonly string[])[];
}

/** The commands that do something, in the order of the help text; groups are left out. */
export function documentedCommands(command: Command): readonly DocumentedCommand[] {
  if (command.commands.length > 0) return command.commands.flatMap(documentedCommands);
  return [{ usage: usageOf(command), rows: optionRows(command) }];
}

function usageOf(command: Command): string {
  const words = command.registeredArguments.map((argument) => {
    const name = `${argument.name()}${argument.variadic ? "..." : ""}`;
    return argument.required ? `<${name}>` : `[${name}]`;
  });
  return [...pathOf(command), ...words].join(" ");
}

function pathOf(command: Command): readonly string[] {
  return command.parent === null ? [command.name()] : [...pathOf(command.parent), command.name()];
}

/** Of one command or of the program itself. */
export function optionRows(command: Command): readonly (readonly string[])[] {
  const flags: readonly string[] = SETTINGS.map(({ flag }) => flag);
  const takesAll = flags.every(
    (flag) => flag === "--data-dir" || command.options.some(({ long }) => long === flag),
  );
  return command.options
    .filter(({ long }) => !takesAll || !flags.includes(long ?? ""))
    .map((option) => [`\`${option.flags}\``, ...meaningOf(option)]);
}

/** What it is and its default, which may stand in the text. */
function meaningOf({ description, defaultValue }: Option): readonly [string, string] {
  const [, text = description, said] = /^(.*) \(default: (.*)\)$/.exec(description) ?? [];
  const values: readonly unknown[] = Array.isArray(defaultValue) ? defaultValue : [defaultValue];
  const given = values
    // What --no-… sets is no value that people give.
    .filter((value) => value !== undefined && value !== true)
    .map(String)
    .join(" ");
  // A default in several words is a sentence.
  if (said?.includes(" ") === true) return [text, said];
  const shown = said ?? given;
  return [text, shown === "" ? "" : `\`${shown}\``];
}
