/** `insula serve`: starts a server and says where it is. */
import type { Command } from "commander";
import {
  debugOnSignal,
  DIALECT_LOADERS,
  loadConfig,
  openLog,
  readTraceSettings,
  renewOnSignal,
  startServer,
  stopOnSignals,
  type RunningServer,
  type ServerConfig,
} from "../../server/index.ts";
import { type GlobalOptions } from "../command.ts";
import { notes } from "../help.ts";
import { createOutput, printBudget, type Output } from "../output.ts";
import { noteServerAddress, removeServerAddress } from "../server-address.ts";
import { addServerSettings, serverSources } from "../server-settings.ts";
import { readVersion } from "../version.ts";

export function addServeCommand(program: Command): void {
  const serve = program.command("serve").description("start a server on the data folder");
  addServerSettings(serve)
    .addHelpText(
      "after",
      notes(
        [
          "insula serve",
          "insula serve --data-dir ./insula-data --http-port 0 --json",
          "INSULA_LOG_LEVEL=warn insula serve --host 0.0.0.0",
        ],
        `Every setting is also a variable: --http-port is INSULA_HTTP_PORT. Flags win over variables,
those over the file. Ctrl-C stops gracefully.`,
      ),
    )
    .action(async (options: Record<string, string>, command: Command) => {
      const globals = command.optsWithGlobals<GlobalOptions>();
      const config = loadConfig(serverSources(options, command));
      await serveUntilStopped(config, createOutput(globals.json === true));
    });
}

async function serveUntilStopped(config: ServerConfig, output: Output): Promise<void> {
  const { openDoors, openFolderEngine } = await import("../folder-engine.ts");
  const doors = openDoors(config.dataDir);
  const log = openLog(config.logLevel);
  const tracing = readTraceSettings(process.env);
  for (const warning of tracing.warnings) log.warn({}, warning);
  const server = await startServer(config, {
    ...doors,
    openEngine: (_config, _parts, hooks) => openFolderEngine(doors, config, hooks),
    version: readVersion(),
    log,
    ...(tracing.settings !== undefined && { tracing: tracing.settings }),
    dialects: DIALECT_LOADERS,
  });
  const [address] = server.addresses;
  if (address !== undefined) noteServerAddress(config.dataDir, address.url);
  announce(server, config, output);
  await new Promise<void>(() => {
    stopOnSignals({
      server,
      clock: doors.clock,
      process,
      exit: (code) => {
        removeServerAddress(config.dataDir);
        process.exit(code);
      },
    });
    debugOnSignal({ log: server.log, process });
    if (config.tlsCert !== undefined) renewOnSignal({ server, process });
  });
}

/** One line per listener when it answers; a program reads them with `--json`. */
function announce(server: RunningServer, config: ServerConfig, output: Output): void {
  const { adminSecretPath = null, memoryBudget } = server;
  for (const address of server.addresses) {
    const line = {
      event: "listening",
      ...address,
      accountId: config.accountId,
      adminSecretPath,
      memoryBudget,
    };
    output.result(line, () => `${output.bold(address.speaks)} on ${address.url}`);
    output.remark(`What its own interface can do: ${address.url}/docs`);
  }
  if (server.addresses.length === 0) output.remark("No listener is on: every port is off.");
  output.remark(`Memory budget: ${printBudget(memoryBudget)}`);
  if (adminSecretPath === null) return;
  const note = server.isAdminSecretNew ? "made just now" : "as before";
  output.remark(`Admin secret (${note}): ${adminSecretPath}`);
  output.remark(`Data folder: ${config.dataDir}. Account: ${config.accountId}. Ctrl-C stops.`);
}
