/**
 * Plays commands as a user gives them and returns what the user sees, as text.
 *
 * A terminal is a real pseudo-terminal: `script` of util-linux makes it, `stty` sets its width, so
 * that the command finds it by itself. Colours become words; a progress bar, which is drawn over
 * itself, is gone at the end as it is on the screen.
 */
import { spawn } from "node:child_process";
import path from "node:path";

const ENTRY = path.resolve(import.meta.dirname, "../../dist/cli/main.js");

/** How the command is watched. */
export interface Stage {
  readonly title: string;
  /** Of the terminal; without one output and errors are pipes. */
  readonly columns?: number;
  readonly variables: Readonly<Record<string, string>>;
}

/** Where everything is played. */
export const NARROW: Stage = { title: "a terminal of 80 columns", columns: 80, variables: {} };

/** Where the layout is another. */
export const STAGES: readonly Stage[] = [
  { title: "140 columns", columns: 140, variables: {} },
  { title: "no terminal", variables: {} },
  { title: "with NO_COLOR", columns: 80, variables: { NO_COLOR: "1" } },
];

/** A command as it is typed, without `insula`; single quotes as in a shell. */
export interface Step {
  readonly line: string;
  readonly variables?: Readonly<Record<string, string>>;
  /** Standard input; without it there is none, or the terminal. */
  readonly input?: string;
  /** Whether it is played on every stage; without it the test judges by the line. */
  readonly isLaidOut?: boolean;
  /** Plays these while the command runs, once it has said this; then Ctrl-C ends it. */
  readonly meanwhile?: { readonly after: RegExp; readonly steps: readonly Step[] };
}

export interface Played {
  /** What came out, in the order it came; with pipes the output before the errors. */
  readonly text: string;
  readonly exitCode: number | null;
}

/** @param folder  the working folder. */
export async function play(step: Step, stage: Stage, folder: string): Promise<Played> {
  let inner = "";
  const { text, exitCode } = await run(step, stage, folder, async () => {
    for (const each of step.meanwhile?.steps ?? []) inner += (await play(each, stage, folder)).text;
  });
  const variables = Object.entries(step.variables ?? {}).map(
    ([name, value]) => `${name}=${value} `,
  );
  const stdin = step.input === undefined ? "" : " < input";
  const shown = text === "" || text.endsWith("\n") ? text : `${text}\n`;
  const head = `$ ${variables.join("")}insula ${step.line}${stdin}\n`;
  const whole = `${head}${shown}[${String(exitCode)}]\n${inner}`;
  return { text: mask(whole, folder), exitCode };
}

async function run(
  step: Step,
  stage: Stage,
  folder: string,
  meanwhile: () => Promise<void>,
): Promise<Played> {
  const command = `exec ${process.execPath} ${ENTRY} ${step.line}`;
  const { columns } = stage;
  const isTerminal = columns !== undefined;
  // A pipe before the command keeps the output a terminal.
  const given = step.input === undefined ? "" : "exec < input.txt; ";
  const shell = `${given}${isTerminal ? `stty cols ${String(columns)} rows 50 < /dev/tty; ` : ""}${command}`;
  if (step.input !== undefined) {
    const { writeFile } = await import("node:fs/promises");
    await writeFile(path.join(folder, "input.txt"), step.input);
  }
  const [program, args] = isTerminal
    ? ["script", ["-qefc", shell, "/dev/null"]]
    : ["/bin/sh", ["-c", shell]];
  const child = spawn(program, args, {
    cwd: folder,
    // Variables of whoever runs the test would be settings.
    env: {
      PATH: process.env["PATH"],
      HOME: folder,
      SHELL: "/bin/sh",
      TERM: "xterm-256color",
      LANG: "C.UTF-8",
      ...stage.variables,
      ...step.variables,
    },
    stdio: [isTerminal ? "pipe" : "ignore", "pipe", "pipe"],
  });
  const parts = { out: "", err: "" };
  let onText = (): void => undefined;
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    parts.out += text;
    onText();
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    parts.err += text;
    onText();
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  if (step.meanwhile !== undefined) {
    const { after } = step.meanwhile;
    const said = new Promise<void>((resolve) => {
      onText = () => {
        if (after.test(parts.out + parts.err)) resolve();
      };
      onText();
    });
    await Promise.race([said, ended]);
    await meanwhile();
    if (isTerminal) child.stdin?.write("\u0003");
    else child.kill("SIGINT");
  }
  const exitCode = await ended;
  child.stdin?.destroy();
  return { text: toText(parts.out) + toText(parts.err), exitCode };
}

/** What is left on the screen, with colours as words. */
function toText(raw: string): string {
  const lines = raw.replaceAll("\r\n", "\n").split("\n");
  return lines.map(toLine).join("\n");
}

const ESCAPE = "\u001b";

function toLine(line: string): string {
  const drawn = line.split(/\r|\u001b\[[01]?G/).at(-1) ?? "";
  return drawn
    .replace(/\u001b\[1m/g, "<bold>")
    .replace(/\u001b\[2m/g, "<dim>")
    .replace(/\u001b\[0m/g, "</>")
    .replace(/\u001b\[\??\d*[A-Za-z]/g, "")
    .replaceAll(ESCAPE, "<escape>");
}

/** What differs from run to run, by name; of the same width where it stands in a table. */
const MASKS: readonly (readonly [string, RegExp, string])[] = [
  ["time of day", /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, "<date and time    >"],
  ["backup id", /\b\d{8}T\d{9}Z-[0-9a-f]{8}\b/g, "<backup id                >"],
  ["milliseconds since 1970", /((?:At|since|from|to|until)Ms":)\d{13}/g, "$1<ms>"],
  ["time of a log line", /"time":[^,}]+/g, '"time":<time>'],
  ["duration", /\bin \d+ s\b/g, "in <seconds>"],
  ["rate", /(in <seconds>, )[\d,]+\/s\b/g, "$1<rate>/s"],
  ["seconds", /("seconds":)[\d.]+/g, "$1<seconds>"],
  ["key id", /\bIN[A-Z2-7]{18}\b/g, "<key id            >"],
  ["key secret", /(_SECRET=|_ACCESS_KEY=|"secret":")[\w-]{40}/g, "$1<secret>"],
  // An idle log may close with one group more.
  ["size of a log", /(\.log +)\d+ B/g, "$1<n> B"],
  ["place in a log", /(\.log) +\d+(?= +\d)/g, "$1 <n>"],
  ["place in a log", /(\.log","offset":)\d+/g, "$1<n>"],
  ["random id", /\b(?!1000000000000001)[0-9a-f]{16}(?:[0-9a-f]{16})?\b/g, "<random id>"],
  ["memory and disk of the machine", /(?<!at least )\d[\d,]* MiB/g, "<n> MiB"],
  ["room on the disk of the machine", /("(?:freeBytes|reserveBytes)":)\d+/g, "$1<n>"],
  ["memory budget of the machine", /[\d.]+ GiB/g, "<n> GiB"],
  ["memory budget in bytes", /("memoryBudgetBytes":)\d+/g, "$1<n>"],
  ["share of the machine", /half of the (?:container|machine)/g, "half of the machine"],
  ["file handles of the machine", /\d+ may be open/g, "<n> may be open"],
  ["Node", /\bv\d+\.\d+\.\d+/g, "<node>"],
  ["port", /127\.0\.0\.1:\d{4,5}\b/g, "127.0.0.1:<port>"],
];

function mask(text: string, folder: string): string {
  let masked = text.replaceAll(folder, "<folder>");
  for (const [, pattern, name] of MASKS) masked = masked.replace(pattern, name);
  return masked;
}
