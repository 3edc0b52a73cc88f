/** Puts a configuration together: flags before environment before file before defaults. */
import { InsulaError } from "../base/errors.ts";
import {
  CONFIG_SCHEMA,
  RESERVED_SETTINGS,
  SETTINGS,
  toFlag,
  toVariable,
  type ServerConfig,
  type Setting,
} from "./config.ts";

export interface ConfigSources {
  /** By setting name (`dataDir`); `config` names the file. Undefined values count as absent. */
  readonly flags?: Readonly<Record<string, string | undefined>>;
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Text of a file. Needed when a file is named. */
  readFile?(path: string): string;
  /** Variables with our prefix that belong to somebody else, for example to the command line. */
  readonly foreignVariables?: readonly string[];
}

interface GivenValue {
  readonly value: unknown;
  /** How the user wrote it: `--http-port`, `INSULA_HTTP_PORT`, `httpPort in insula.json`. */
  readonly label: string;
}

/** One setting as it would hold for a server started with the same sources. */
export interface SettingInEffect {
  readonly setting: Setting;
  /** As text; undefined when it is not set; `[secret]` for what is never printed. */
  readonly value: string | undefined;
  /** As it was written: `--http-port`, `INSULA_HTTP_PORT`, `httpPort in x.json`; or `default`. */
  readonly source: string;
}

/**
 * @throws InsulaError `setting_invalid`, naming the source, what is expected and what was received.
 */
export function loadConfig(sources: ConfigSources): ServerConfig {
  return checkValues(readSources(sources));
}

/** Every setting with its value and where that comes from. @throws as {@link loadConfig}. */
export function explainConfig(sources: ConfigSources): readonly SettingInEffect[] {
  const given = readSources(sources);
  const config = checkValues(given);
  return SETTINGS.map((setting) => {
    const value = config[setting.name];
    const isHidden = setting.isSecret === true && value !== undefined;
    return {
      setting,
      value: value === undefined ? undefined : isHidden ? "[secret]" : String(value),
      source: given.get(setting.name)?.label ?? "default",
    };
  });
}

/** What was given, by name; of several sources the strongest. */
function readSources(sources: ConfigSources): Map<string, GivenValue> {
  const flags = readFlags(sources.flags ?? {});
  const variables = readVariables(sources.environment ?? {}, sources.foreignVariables ?? []);
  const path = flags.get("config") ?? variables.get("config");
  const file = path === undefined ? new Map<string, GivenValue>() : readFileValues(sources, path);
  const given = new Map([...file, ...variables, ...flags]);
  given.delete("config");
  return given;
}

function checkValues(given: ReadonlyMap<string, GivenValue>): ServerConfig {
  const values = Object.fromEntries([...given].map(([name, { value }]) => [name, value]));
  const parsed = CONFIG_SCHEMA.safeParse(values);
  if (parsed.success) return parsed.data;
  const name = String(parsed.error.issues[0]?.path[0] ?? "");
  throw invalidValue(name, given.get(name));
}

/**
 * Reads `--data-dir x` and `--data-dir=x` into names and values for {@link loadConfig}.
 *
 * @throws InsulaError `setting_invalid` for an unknown flag, a missing value or a bare word.
 */
export function parseFlags(words: readonly string[]): Record<string, string> {
  const names = new Map(knownNames().map((name) => [toFlag(name), name]));
  const flags: Record<string, string> = {};
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? "";
    const equals = word.indexOf("=");
    const flag = equals < 0 ? word : word.slice(0, equals);
    const name = names.get(flag);
    if (name === undefined) throw unknown(flag, [...names.keys()]);
    const value = equals < 0 ? words[++i] : word.slice(equals + 1);
    if (value === undefined) {
      throw new InsulaError("setting_invalid", `Cannot use ${flag}: expected a value after it.`);
    }
    flags[name] = value;
  }
  return flags;
}

function knownNames(): string[] {
  return ["config", ...SETTINGS.map(({ name }) => name), ...RESERVED_SETTINGS];
}

function readFlags(flags: Readonly<Record<string, string | undefined>>): Map<string, GivenValue> {
  const given = new Map<string, GivenValue>();
  for (const [name, value] of Object.entries(flags)) {
    if (value === undefined) continue;
    const label = toFlag(name);
    if (!knownNames().includes(name)) throw unknown(label, knownNames().map(toFlag));
    refuseReserved(name, label);
    given.set(name, { value, label });
  }
  return given;
}

function readVariables(
  environment: Readonly<Record<string, string | undefined>>,
  foreign: readonly string[],
): Map<string, GivenValue> {
  const names = new Map(knownNames().map((name) => [toVariable(name), name]));
  const given = new Map<string, GivenValue>();
  for (const [variable, value] of Object.entries(environment)) {
    if (!variable.startsWith("INSULA_") || foreign.includes(variable)) continue;
    const name = names.get(variable);
    if (name === undefined) throw unknown(variable, [...names.keys()]);
    refuseReserved(name, variable);
    // An empty variable is how shells and containers say that it is not set.
    if (value !== undefined && value !== "") given.set(name, { value, label: variable });
  }
  return given;
}

function readFileValues(sources: ConfigSources, path: GivenValue): Map<string, GivenValue> {
  const name = String(path.value);
  const given = new Map<string, GivenValue>();
  for (const [member, value] of Object.entries(parseFile(sources, name))) {
    const label = `${member} in ${name}`;
    const known = knownNames().filter((other) => other !== "config");
    if (!known.includes(member)) throw unknown(label, known, member);
    refuseReserved(member, label);
    given.set(member, { value, label });
  }
  return given;
}

function parseFile(sources: ConfigSources, path: string): object {
  let value: unknown;
  try {
    value = JSON.parse(sources.readFile?.(path) ?? "");
  } catch (cause) {
    // The cause is left out of the message: it can repeat a part of the file, and so a secret.
    throw new InsulaError(
      "setting_invalid",
      `Cannot use the configuration file ${path}: expected a readable file with one JSON object.`,
      { cause: cause instanceof SyntaxError ? undefined : cause },
    );
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  throw new InsulaError(
    "setting_invalid",
    `Cannot use the configuration file ${path}: expected one JSON object.`,
  );
}

function refuseReserved(name: string, label: string): void {
  if (!RESERVED_SETTINGS.includes(name)) return;
  throw new InsulaError(
    "setting_invalid",
    `Cannot use ${label}: this version has no such feature yet; the name is reserved.`,
  );
}

function invalidValue(name: string, given: GivenValue | undefined): InsulaError {
  const setting = SETTINGS.find((candidate) => candidate.name === name);
  const label = given?.label ?? setting?.flag ?? name;
  const expected = setting?.expected ?? "another value";
  const received =
    given === undefined
      ? "nothing"
      : setting?.isSecret === true
        ? "something else"
        : JSON.stringify(given.value).slice(0, 200);
  return new InsulaError(
    "setting_invalid",
    `Cannot use ${label}: expected ${expected}, received ${received}.`,
  );
}

function unknown(label: string, names: readonly string[], word: string = label): InsulaError {
  const near = nearest(word, names);
  const hint = near === undefined ? "" : ` Did you mean ${near}?`;
  return new InsulaError(
    "setting_invalid",
    `Cannot use ${label}: there is no such setting.${hint}`,
  );
}

/**
 * The name with the fewest edits, when those are few enough to be a slip; a beginning counts as one
 * edit.
 */
function nearest(word: string, names: readonly string[]): string | undefined {
  let best: string | undefined;
  let fewest = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const name of names) {
    const isBeginning = word.startsWith(name) || (word.length > 4 && name.startsWith(word));
    const edits = isBeginning ? 1 : editDistance(word.slice(0, 64), name);
    if (edits < fewest) {
      fewest = edits;
      best = name;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
