/** `insula config`: what can be set. */
import type { Command } from "commander";
import { SETTINGS } from "../../server/index.ts";
import { type GlobalOptions } from "../command.ts";
import { notes } from "../help.ts";
import { createOutput, printTable } from "../output.ts";

export function addConfigCommand(program: Command): void {
  program
    .command("config")
    .description("list every setting of a server with its flag, variable and default")
    .addHelpText("after", notes(["insula config", "insula config --json"]))
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
          ["FLAG", "VARIABLE", "DEFAULT", "WHAT"],
          ...settings.map((setting) => [
            setting.flag,
            setting.variable,
            setting.default ?? "-",
            `${setting.description}: ${setting.expected}`,
          ]),
        ]),
      );
    });
}
