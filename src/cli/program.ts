/** All commands with their options: what main.ts parses and docs/cli.md is compared with. */
import { Command } from "commander";
import { EXIT_MEANINGS } from "./command-error.ts";
import {
  addCollectionCommands,
  addDatabaseCommands,
  addTenantCommands,
} from "./commands/catalog-commands.ts";
import { addBackupCommands, addRestoreCommand } from "./commands/backup-commands.ts";
import { addCustomerCommands } from "./commands/customer-commands.ts";
import { addMirrorCommands } from "./commands/mirror-commands.ts";
import { addKeyCommands } from "./commands/key-commands.ts";
import { addExportCommand } from "./commands/export-command.ts";
import { addImportCommand } from "./commands/import-command.ts";
import { addConfigCommand, addLogLevelCommand } from "./commands/config-command.ts";
import { addDoctorCommand } from "./commands/doctor-command.ts";
import { addInspectCommand, addVerifyCommand } from "./commands/folder-commands.ts";
import { addHealthCommand } from "./commands/health-command.ts";
import { addServeCommand } from "./commands/serve-command.ts";
import { addStatusCommand } from "./commands/status-command.ts";
import { addQueryCommand } from "./commands/query-command.ts";
import { addPutCommand } from "./commands/text-commands.ts";
import { configureHelp, notes } from "./help.ts";
import { readVersion } from "./version.ts";

const EXIT_HELP = EXIT_MEANINGS.map(
  ([code, meaning]) => `${String(code).padStart(5)}  ${meaning}`,
).join("\n");

/** A new one for every parse: commander keeps what it parsed in it. */
export function createProgram(): Command {
  const program = new Command("insula")
    .description("A multi-tenant vector database that speaks the protocols people already use.")
    .version(readVersion())
    .option("--data-dir <path>", "data folder", process.env["INSULA_DATA_DIR"] ?? "./insula-data")
    .option("--url <url>", "a running server (also INSULA_URL)", process.env["INSULA_URL"])
    .option("--json", "results as one JSON document, for programs");
  configureHelp(program);
  program
    .addHelpText(
      "after",
      notes(
        [
          "insula put --create --folder docs",
          "insula query --text 'how do I reset a password'",
          "insula serve",
        ],
        `Commands open the data folder themselves, or ask the server that holds it, or the one at --url. A
server is asked with the admin secret of the data folder, INSULA_ADMIN_SECRET, or a key in
OSS_ACCESS_KEY_ID and OSS_ACCESS_KEY_SECRET. Results go to standard output, everything else to
standard error. NO_COLOR is obeyed, and COLUMNS.`,
      ),
    )
    .addHelpText("after", `\nExit codes:\n${EXIT_HELP}`);
  addServeCommand(program);
  addHealthCommand(program);
  addPutCommand(program);
  addQueryCommand(program);
  addImportCommand(program);
  addExportCommand(program);
  addStatusCommand(program);
  addDatabaseCommands(program);
  addCollectionCommands(program);
  addTenantCommands(program);
  addCustomerCommands(program);
  addKeyCommands(program);
  addBackupCommands(program);
  addRestoreCommand(program);
  addMirrorCommands(program);
  addInspectCommand(program);
  addVerifyCommand(program);
  addDoctorCommand(program);
  addConfigCommand(program);
  addLogLevelCommand(program);
  return program;
}
