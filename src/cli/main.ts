#!/usr/bin/env node
/**
 * The command `insula`.
 *
 * Commands are in commands/; each parses its options, works on a Session and prints through an
 * Output. program.ts puts them together; this file turns failures into one sentence and an exit
 * code.
 */
import { EXIT_CODES, toReport } from "./command-error.ts";
import { createProgram } from "./program.ts";

async function main(): Promise<number> {
  const program = createProgram();
  endWithTheReader();
  try {
    await program.parseAsync(process.argv);
    return EXIT_CODES.done;
  } catch (error) {
    const report = toReport(error);
    if (report === undefined) return EXIT_CODES.done;
    const { json } = program.opts<{ json?: true }>();
    if (json === true) process.stderr.write(`${JSON.stringify({ error: report })}\n`);
    else if (report.message !== "") {
      process.stderr.write(`insula: ${report.message}\n`);
      if (report.advice !== undefined) process.stderr.write(`        ${report.advice}\n`);
    }
    return report.exitCode;
  }
}

/** Behind `| head` nobody reads any more: that is no failure to talk about. */
function endWithTheReader(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
      process.exit(EXIT_CODES.done);
    });
  }
}

process.exitCode = await main();
