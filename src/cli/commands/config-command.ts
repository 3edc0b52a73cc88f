/** `insula config` and `insula log-level`: what can be set, and the one thing set while running. */
import { Argument, type Command } from "commander";
import { LOG_LEVELS } from "../../base/log-level.ts";
import { explainConfig } from "../../server/index.ts";
import { withSession, type GlobalOptions } from "../command.ts";
import { notes } from "../help.ts";
import { createOutput, printTable } from "../output.ts";
import { addServerSettings, serverSources } from "../server-settings.ts";

export function addConfigCommand(program: Command): void {
  const config = program
    .command("config")
    .description("every setting of a server, with the value it would start with now");
  addServerSettings(config)
    .addHelpText(
      "after",
      notes(
        ["insula config", "insula config --config insula.json --json"],
        `Reads flags, variables and the file as \`insula serve\` would, and refuses what it would refuse.
Secrets are not shown.`,
      ),
    )
    .action((options: Record<string, string>, command: Command) => {
      const { json } = command.optsWithGlobals<GlobalOptions>();
      const output = createOutput(json === true);
      const settings = explainConfig(serverSources(options, command)).map(
        ({ setting: { name, flag, variable, fallback, expected, description }, ...effect }) => ({
          name,
          flag,
          variable,
          value: effect.value ?? null,
          source: effect.source,
          default: fallback ?? null,
          expected,
          description,
        }),
      );
      output.result(settings, () =>
        printTable(output, [
          ["FLAG", "VARIABLE", "VALUE", "FROM", "WHAT"],
          ...settings.map(({ flag, variable, value, source, expected, description }) => [
            flag,
            variable,
            value ?? "-",
            source,
            `${description}: ${expected}`,
          ]),
        ]),
      );
    });
}

export function addLogLevelCommand(program: Command): void {
  program
    .command("log-level")
    .addArgument(new Argument("<level>", LOG_LEVELS.join(", ")).choices(LOG_LEVELS))
    .description("change what a running server logs, until it stops")
    .addHelpText("after", notes(["insula log-level debug"]))
    .action(async (level: string, _: unknown, command: Command) => {
      await withSession(command, false, async (session, output) => {
        await session.setLogLevel(level);
        output.result({ logLevel: level }, () => `The log level is ${level}.`);
      });
    });
}
