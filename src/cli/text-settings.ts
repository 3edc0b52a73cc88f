/**
 * Which embedder and reranker the commands for texts use: the settings of the server, by the same
 * flags, variables and file, since a server and the commands beside it should embed alike.
 */
import { readFileSync } from "node:fs";
import type { Command } from "commander";
import type { CallDoors, EmbedderSettings, Reranker } from "../embed/index.ts";
import { NodeClock, NodeRandom } from "../io/index.ts";
import {
  createReranker,
  loadConfig,
  readEmbedderSettings,
  SETTINGS,
  toFlag,
} from "../server/index.ts";
import { FOREIGN_VARIABLES } from "./environment.ts";

/** Flags of the commands; keys are not among them: other users of the machine see arguments. */
const FLAGS = ["embedder", "embedderUrl", "embedderModel", "embedderDimension", "embedderKeyFile"];
const RERANK_FLAGS = ["reranker", "rerankerUrl", "rerankerModel", "rerankerKeyFile"];

export interface TextSettings {
  readonly embedder: EmbedderSettings;
  /** Undefined when none is configured. */
  readonly reranker: Reranker | undefined;
  readonly doors: CallDoors;
}

export function addTextSettings(command: Command, hasReranker: boolean): Command {
  const names = hasReranker ? [...FLAGS, ...RERANK_FLAGS] : FLAGS;
  for (const { name, flag, description, fallback } of SETTINGS) {
    if (!names.includes(name)) continue;
    const note = fallback === undefined ? "" : ` (default: ${fallback})`;
    command.option(`${flag} <value>`, `${description}${note}`);
  }
  return command.option(`${toFlag("config")} <file>`, "JSON file with any of these settings");
}

/** @param options  of the command; what is no setting is left alone. @throws `setting_invalid` */
export function readTextSettings(options: Readonly<Record<string, unknown>>): TextSettings {
  const flags: Record<string, string> = {};
  for (const name of ["config", ...FLAGS, ...RERANK_FLAGS]) {
    const value = options[name];
    if (typeof value === "string") flags[name] = value;
  }
  const config = loadConfig({
    flags,
    environment: process.env,
    readFile: (path) => readFileSync(path, "utf8"),
    foreignVariables: FOREIGN_VARIABLES,
  });
  const doors = { clock: waitingClock(), random: new NodeRandom() };
  return {
    embedder: readEmbedderSettings(config),
    reranker: createReranker(config, doors),
    doors,
  };
}

/** Keeps the process alive while it waits: between two tries of a call nothing else does. */
function waitingClock(): CallDoors["clock"] {
  const clock = new NodeClock();
  return {
    wallMs: () => clock.wallMs(),
    after: (delayMs, task) => {
      const timer = setTimeout(task, delayMs);
      return {
        cancel: () => {
          clearTimeout(timer);
        },
      };
    },
  };
}
