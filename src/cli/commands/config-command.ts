/** `insula config` and `insula log-level`: what can be set, and the one thing set while running. */
import { Argument, type Command } from "commander";
import { SETTINGS } from "../../server/index.ts";
import { example, withSession, type GlobalOptions } from "../command.ts";
import { createOutput, printTable } from "../output.ts";

const LOG_LEVELS = ["silent", "error", "warn", "info", "debug"];

export function addConfigCommand(program: Command): void {
  program
    .command("config")
    .description("list every setting of a server with its flag, variable and default")
    .addHelpText("after", example("insula config --json"))
    .action((_: unknown, command: Command) => {
      const { json } = command.optsWithGlobals<GlobalOptions>();
      const output = createOutput(json === true);
      const settings = SETTINGS.map(
        ({ name, flag, variable, fallback, expected, description }) => ({
          name,
          flag,
          variable,
          default: fallback ?? null,
          expected,
          description,
        }),
      );
      output.result(settings, () =>
        printTable(output, [
          ["FLAG", "VARIABLE", "DEFAULT", "EXPECTED"],
          ...settings.flatMap((setting) => [
            [setting.flag, setting.variable, setting.default ?? "-", setting.expected],
            [`  ${setting.description}`],
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
    .addHelpText("after", example("insula log-level debug"))
    .action(async (level: string, _: unknown, command: Command) => {
      await withSession(command, false, async (session, output) => {
        await session.setLogLevel(level);
        output.result({ logLevel: level }, () => `The log level is ${level}.`);
      });
    });
}
