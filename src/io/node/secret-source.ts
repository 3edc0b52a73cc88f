/** Where a secret of the operator comes from: a file, or a command that prints it. */
import { exec } from "node:child_process";
import { readFile } from "node:fs/promises";
import { InsulaError } from "../../base/errors.ts";
import { systemCode } from "../system-error.ts";

/** A command that has not answered by then will not, ms. */
const COMMAND_TIMEOUT_MS = 30_000;
/** More than any key; what else is printed is a mistake. */
const OUTPUT_BYTES_MAX = 4_096;

/** Its text. @throws InsulaError `setting_invalid` that names the file, never what is in it. */
export async function readSecretFile(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    throw new InsulaError(
      "setting_invalid",
      `Cannot read the file ${path}: ${systemCode(cause) ?? "it is not text"}. Nothing was changed.`,
      { cause },
    );
  }
}

/**
 * What a command of the system's shell prints: the way to a key management service. Its error
 * stream goes where this process' does.
 *
 * @throws InsulaError `setting_invalid` when it fails, prints too much or takes 30 s.
 */
export function runSecretCommand(command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const limits = { timeout: COMMAND_TIMEOUT_MS, maxBuffer: OUTPUT_BYTES_MAX };
    const child = exec(command, limits, (error, stdout) => {
      if (error === null) {
        resolve(stdout);
        return;
      }
      // Not the error itself: it holds what was printed.
      const reason = error.killed === true ? "it took too long" : `it ended with ${codeOf(error)}`;
      reject(
        new InsulaError(
          "setting_invalid",
          `Cannot use what the command for the master key prints: ${reason}. Nothing was changed.`,
        ),
      );
    });
    child.stderr?.pipe(process.stderr);
  });
}

function codeOf({ code }: { readonly code?: number | string | null }): string {
  return code === "ERR_CHILD_PROCESS_STDIO_MAXBUFFER" ? "too much output" : String(code);
}
