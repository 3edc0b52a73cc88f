/** The options that say which texts a command takes, the same for `put` and `query`. */
import { stat } from "node:fs/promises";
import path from "node:path";
import type { Command } from "commander";
import { CommandError, EXIT_CODES } from "./command-error.ts";
import { fromPattern, isPattern } from "./glob.ts";
import { fromFile, fromFolder, fromStdin, fromText, type TextSource } from "./text-sources.ts";

export interface TextInputs {
  readonly text?: readonly string[];
  readonly file?: readonly string[];
  readonly folder?: readonly string[];
}

/** Where a path is expected: standard input. */
const STDIN = "-";

export function addTextInputs(command: Command): Command {
  return command
    .option("--text <text...>", "a text in words, or several")
    .option(
      "--file <path...>",
      'text files or patterns such as "docs/**/*.md"; - is standard input',
    )
    .option("--folder <path...>", "every text file below");
}

/**
 * The texts named, in the order texts, files, folders; standard input when nothing is named and it
 * is no terminal.
 *
 * @param key  of the one text there is; without it the path of a file, the hash of a text.
 */
export async function findInputs(inputs: TextInputs, key?: string): Promise<readonly TextSource[]> {
  const { text: texts = [], file: files = [], folder: folders = [] } = inputs;
  const count = texts.length + files.length + folders.length;
  if (key !== undefined && count > 1)
    throw new CommandError(EXIT_CODES.usage, "--key names one text, but several are given.");
  if (count === 0) {
    if (!process.stdin.isTTY) return [await fromStdin(key)];
    throw new CommandError(
      EXIT_CODES.usage,
      "There is no text.",
      "Give --text, --file, --folder or standard input.",
    );
  }
  const sources = texts.map((text) => fromText(text, key));
  for (const file of files) {
    if (file === STDIN) sources.push(await fromStdin(key));
    else if (isPattern(file)) sources.push(...(await fromPattern(file)));
    else sources.push(fromFile(file, key ?? path.normalize(file).split(path.sep).join("/")));
  }
  for (const folder of folders) sources.push(...(await fromFolder(await requireFolder(folder))));
  return sources;
}

async function requireFolder(folder: string): Promise<string> {
  const info = await stat(folder).catch(() => undefined);
  if (info?.isDirectory() === true) return folder;
  throw new CommandError(
    EXIT_CODES.notFound,
    `There is no folder ${folder}.`,
    "Check the path; a single file goes with --file.",
  );
}
