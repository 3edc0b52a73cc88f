/** How help pages look: as wide as the terminal up to a readable width, examples last. */
import type { Command } from "commander";
import { findColumns } from "./output.ts";
import { wrapWords } from "./wrap-words.ts";

/** Characters of a line of help, without a terminal and at most. */
const COLUMNS_DEFAULT = 80;
const COLUMNS_MAX = 100;

/** A column of descriptions narrower than this is not wrapped. */
const WRAP_MIN = 24;

function helpColumns(): number {
  const columns = findColumns();
  return Number.isFinite(columns) ? Math.min(columns, COLUMNS_MAX) : COLUMNS_DEFAULT;
}

/** To be called before commands are added: they take the settings over. */
export function configureHelp(program: Command): void {
  program
    .configureHelp({ showGlobalOptions: true, minWidthToWrap: WRAP_MIN })
    .configureOutput({
      getOutHelpWidth: helpColumns,
      getErrHelpWidth: helpColumns,
      // main.ts says it, in our own words or as JSON.
      outputError: () => undefined,
    })
    .exitOverride();
}

/**
 * For `addHelpText("after", …)`: commands that can be copied, then what there is to know;
 * line ends in it are as good as blanks.
 */
export function notes(examples: readonly string[], ...paragraphs: readonly string[]): () => string {
  return () => {
    const width = helpColumns();
    const commands = examples.map((example) => `  $ ${example}`);
    const title = examples.length === 1 ? "Example:" : "Examples:";
    return [
      "",
      title,
      ...commands,
      ...paragraphs.flatMap((text) => ["", ...wrapWords(text.replace(/\s+/g, " "), width)]),
    ].join("\n");
  };
}
