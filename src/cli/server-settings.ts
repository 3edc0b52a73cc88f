/** The settings of a server as options of a command: the same flags, variables and file for all. */
import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { SETTINGS, toFlag, type ConfigSources } from "../server/index.ts";
import type { GlobalOptions } from "./command.ts";
import { FOREIGN_VARIABLES } from "./environment.ts";

export function addServerSettings(command: Command): Command {
  for (const { name, flag, description, fallback } of SETTINGS) {
    if (name === "dataDir") continue; // a global option
    const note = fallback === undefined ? "" : ` (default: ${fallback})`;
    command.option(`${flag} <value>`, `${description}${note}`);
  }
  return command.option(`${toFlag("config")} <file>`, "JSON file with any of these settings");
}

/** @param options  those of {@link addServerSettings}, as the command got them. */
export function serverSources(
  options: Readonly<Record<string, string | undefined>>,
  command: Command,
): ConfigSources {
  const { dataDir } = command.optsWithGlobals<GlobalOptions>();
  const isDirGiven = command.getOptionValueSourceWithGlobals("dataDir") === "cli";
  return {
    flags: { ...options, ...(isDirGiven && { dataDir }) },
    environment: process.env,
    readFile: (path) => readFileSync(path, "utf8"),
    foreignVariables: FOREIGN_VARIABLES,
  };
}
