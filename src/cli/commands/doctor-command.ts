/** `insula doctor`: whether this machine is fit for a server. */
import { totalmem } from "node:os";
import type { Command } from "commander";
import { findMemoryBudget } from "../../engine/index.ts";
import { loadConfig, type ServerConfig } from "../../server/index.ts";
import { CommandError, EXIT_CODES } from "../command-error.ts";
import { type GlobalOptions } from "../command.ts";
import { notes } from "../help.ts";
import {
  finding,
  judgeClock,
  judgeDisk,
  judgeFolder,
  judgeHandles,
  judgeMemory,
  judgeNode,
  judgePort,
  type Finding,
} from "../doctor.ts";
import { FOREIGN_VARIABLES } from "../environment.ts";
import { readClockFacts, readFolderFacts, readFreeBytes, readPortState } from "../machine-facts.ts";
import { findHandleLimit } from "../../io/index.ts";
import { createOutput, printTable } from "../output.ts";

export function addDoctorCommand(program: Command): void {
  program
    .command("doctor")
    .description("check this machine: Node, memory, files, disk, clock, folder, port, settings")
    .addHelpText(
      "after",
      notes(
        ["insula doctor", "INSULA_HTTP_PORT=9000 insula doctor --data-dir ./insula-data"],
        `Reads the environment as \`insula serve\` would. Ends with 1 when something would stop a server.`,
      ),
    )
    .action(async (_: unknown, command: Command) => {
      const { dataDir, json } = command.optsWithGlobals<GlobalOptions>();
      const output = createOutput(json === true);
      const findings = await examine(dataDir);
      output.result({ findings }, () =>
        printTable(output, [
          ["CHECK", "STATE", "WHAT"],
          ...findings.map(({ name, state, message }) => [
            name,
            state === "failed" ? "FAILED" : state,
            message,
          ]),
        ]),
      );
      if (findings.every(({ state }) => state !== "failed")) return;
      throw new CommandError(EXIT_CODES.failed, "Something would stop a server.");
    });
}

async function examine(dataDir: string): Promise<readonly Finding[]> {
  const { config, settings } = readConfig(dataDir);
  const limit = process.constrainedMemory();
  const memory = limit > 0 && limit < totalmem() ? limit : totalmem();
  const nowMs = Date.now();
  const clock = await readClockFacts(dataDir).then(
    ({ skewMs, newestMs }) => judgeClock(skewMs, newestMs, nowMs),
    () => finding("clock", "warning", "cannot be compared: nothing can be written"),
  );
  return [
    judgeNode(process.version),
    settings,
    judgeMemory(findMemoryBudget(config?.memoryBudget), memory),
    judgeHandles(findHandleLimit(), config?.connectionsMax ?? 0),
    judgeFolder(await readFolderFacts(dataDir)),
    judgeDisk(await readFreeBytes(dataDir)),
    clock,
    ...(config === undefined
      ? []
      : [judgePort(config.httpPort, await readPortState(config.host, config.httpPort))]),
  ];
}

function readConfig(dataDir: string): { config: ServerConfig | undefined; settings: Finding } {
  try {
    const config = loadConfig({
      flags: { dataDir },
      environment: process.env,
      foreignVariables: FOREIGN_VARIABLES,
    });
    return { config, settings: finding("settings", "ok", "every variable is known") };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { config: undefined, settings: finding("settings", "failed", message) };
  }
}
