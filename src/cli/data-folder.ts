/** Whether there is a data folder, without opening it. */
import { statSync } from "node:fs";
import { CommandError, EXIT_CODES } from "./command-error.ts";

/** @throws CommandError when there is no such folder, or a file of that name. */
export function requireFolder(dataDir: string): void {
  const info = statSync(dataDir, { throwIfNoEntry: false });
  if (info?.isDirectory() === true) return;
  if (info !== undefined) {
    throw new CommandError(
      EXIT_CODES.usage,
      `${dataDir} is a file, not a data folder.`,
      "Name another with --data-dir.",
    );
  }
  throw new CommandError(
    EXIT_CODES.notFound,
    `There is no data folder ${dataDir}.`,
    "Start a server with `insula serve`, name another folder with --data-dir, or a server with --url.",
  );
}
