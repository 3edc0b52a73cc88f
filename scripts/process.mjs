/**
 * Runs other programs for the scripts of the house. Plain JavaScript without dependencies: it works
 * before anything is installed.
 */
import { spawn } from "node:child_process";

/** Characters of output kept for a report; a step that says more has its beginning dropped. */
const OUTPUT_CHARACTERS_MAX = 2_000_000;
/** Time between the polite and the other signal. */
const KILL_DELAY_MS = 5_000;

/** Programs under way, each the leader of a process group of its own. */
const running = new Set();

function signalGroup(child, signal) {
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];

/** Hands a signal on, then dies of it: nothing is left running behind us. */
function onSignal(signal) {
  for (const child of running) signalGroup(child, signal);
  for (const name of SIGNALS) process.removeListener(name, onSignal);
  process.kill(process.pid, signal);
}

/** Signals are ours only while a program runs; after that they belong to whoever comes next. */
function addRunning(child) {
  if (running.size === 0) for (const name of SIGNALS) process.on(name, onSignal);
  running.add(child);
}

function removeRunning(child) {
  running.delete(child);
  if (running.size === 0) for (const name of SIGNALS) process.removeListener(name, onSignal);
}

/**
 * Runs one program to its end.
 *
 * @param {string[]} command  program and arguments; no shell
 * @param {object} options
 *   live: pass the output on while it comes, to "stdout" or to "stderr";
 *   timeoutMs: then the whole process group is ended.
 * @returns {Promise<{ code: number, output: string, seconds: number, isLate: boolean }>}
 */
export function run(command, { cwd, env, live, timeoutMs } = {}) {
  const startedAtMs = performance.now();
  return new Promise((resolve, reject) => {
    const [program, ...args] = command;
    const child = spawn(program, args, {
      cwd,
      env: env === undefined ? process.env : { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    addRunning(child);
    let output = "";
    let isLate = false;
    const onText = (text) => {
      output = (output + text).slice(-OUTPUT_CHARACTERS_MAX);
      if (live !== undefined) process[live].write(text);
    };
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", onText);
    const timers = [];
    if (timeoutMs !== undefined) {
      const onLate = () => {
        isLate = true;
        signalGroup(child, "SIGTERM");
        timers.push(setTimeout(() => signalGroup(child, "SIGKILL"), KILL_DELAY_MS));
      };
      timers.push(setTimeout(onLate, timeoutMs));
    }
    child.on("error", (error) => {
      removeRunning(child);
      reject(error);
    });
    child.on("close", (code) => {
      removeRunning(child);
      for (const timer of timers) clearTimeout(timer);
      const seconds = (performance.now() - startedAtMs) / 1000;
      resolve({ code: code ?? 1, output, seconds, isLate });
    });
  });
}

/** npm as an argument list: the one that runs us, else the one on the path. */
export function npm(...args) {
  const cli = process.env.npm_execpath;
  return cli?.endsWith("npm-cli.js") ? [process.execPath, cli, ...args] : ["npm", ...args];
}

/** Rows of strings as a table with aligned columns; the first row is its head. */
export function printTable(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]))
      .join(" | ")
      .trimEnd();
  const [head, ...body] = rows;
  const rule = widths.map((width) => "-".repeat(width)).join("-|-");
  process.stdout.write(`\n${[line(head), rule, ...body.map(line)].join("\n")}\n`);
}
