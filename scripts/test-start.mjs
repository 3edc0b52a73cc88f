/**
 * `npm run test:start`: what a visitor does first. Clones the last commit into an empty folder,
 * runs `npm start` there until it listens, asks it to stop, and does so again; then compares a
 * second start with running the built command directly.
 *
 *   node scripts/test-start.mjs [ARGUMENT ...]     more arguments for the server
 *
 * What npm itself takes is printed apart: it is the price of `npm`, not of the start script.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "./install.mjs";
import { npm, printTable, run } from "./process.mjs";

/** Installing, building and starting on a slow machine. */
const READY_SECONDS_MAX = 300;
const STOP_SECONDS_MAX = 30;
/** What a start with nothing to do may add to running the built command. */
const ADDED_SECONDS_MAX = 0.3;
/** Odd: the middle one is taken. */
const ROUNDS = 5;

const folder = mkdtempSync(join(tmpdir(), "insula-start-"));
const clone = join(folder, "clone");
const extra = process.argv.slice(2);
const serverArguments = [
  "--http-port",
  "0",
  "--data-dir",
  join(folder, "data"),
  "--json",
  ...extra,
];

/** The line that says where it listens, in the words of `insula serve --json`. */
function findAddress(output) {
  for (const line of output.split("\n")) {
    if (!line.startsWith("{")) continue;
    try {
      const { event, url } = JSON.parse(line);
      if (event === "listening") return url;
    } catch {
      // half a line: the rest comes
    }
  }
  return undefined;
}

/** Starts, waits for the line, sends SIGTERM, waits for the end. */
function startAndStop(command) {
  return new Promise((resolve, reject) => {
    const startedAtMs = performance.now();
    const [program, ...args] = command;
    const child = spawn(program, args, {
      cwd: clone,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    let output = "";
    let ready;
    const fail = (why) => {
      clearTimeout(timer);
      try {
        process.kill(-child.pid, "SIGKILL"); // the whole group: npm may have left its child behind
      } catch (error) {
        if (error.code !== "ESRCH") throw error; // it is gone, as it should be
      }
      child.stdout.destroy();
      child.stderr.destroy();
      reject(new Error(`${command.join(" ")}: ${why}\n${output}`));
    };
    let timer = setTimeout(() => fail("not ready in time"), READY_SECONDS_MAX * 1000);
    const onReady = async (url) => {
      clearTimeout(timer);
      ready = { seconds: (performance.now() - startedAtMs) / 1000 };
      try {
        const { status } = await fetch(new URL("/healthz", url));
        if (status !== 200) return fail(`/healthz answered ${status}`);
      } catch (error) {
        return fail(`/healthz did not answer: ${error.message}`);
      }
      timer = setTimeout(() => fail("does not stop after SIGTERM"), STOP_SECONDS_MAX * 1000);
      child.kill("SIGTERM");
    };
    const onText = (text) => {
      output += text;
      const url = ready === undefined ? findAddress(output) : undefined;
      if (url !== undefined) void onReady(url);
    };
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", onText);
    child.on("error", reject);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      if (ready === undefined) fail(`ended with ${code ?? signal} before it was ready`);
      else if (code !== 0) fail(`ended with ${code ?? signal} after SIGTERM, expected 0`);
      else resolve(ready.seconds);
    });
  });
}

/** The middle of several rounds, taken in turns so that a busy moment meets all of them. */
async function compare(commands) {
  const seconds = commands.map(() => []);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, command] of commands.entries()) seconds[i].push(await startAndStop(command));
  }
  return seconds.map((list) => list.sort((a, b) => a - b)[(ROUNDS - 1) / 2]);
}

async function main() {
  const { code, output } = await run(["git", "clone", "--quiet", ROOT, clone]);
  if (code !== 0) throw new Error(output);
  const start = npm("start", "--", ...serverArguments);
  const first = await startAndStop(start);
  const [direct, script, throughNpm] = await compare([
    [process.execPath, "dist/cli/main.js", "serve", ...serverArguments],
    [process.execPath, "scripts/start.mjs", ...serverArguments],
    start,
  ]);
  const row = (name, seconds) => [name, seconds.toFixed(2), (seconds - direct).toFixed(2)];
  printTable([
    ["until it listens", "seconds", "added"],
    row("first npm start: installs and builds", first),
    row("node dist/cli/main.js serve", direct),
    row("node scripts/start.mjs", script),
    row("npm start", throughNpm),
  ]);
  const added = script - direct;
  if (added <= ADDED_SECONDS_MAX) return;
  throw new Error(
    `A start with nothing to do adds ${added} s, expected ${ADDED_SECONDS_MAX} at most.`,
  );
}

let failure;
try {
  await main();
} catch (error) {
  failure = error;
  process.stderr.write(`${error.message}\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.stdout.write(failure === undefined ? "\n1 passed, 0 failed\n" : "\n0 passed, 1 failed\n");
process.exitCode = failure === undefined ? 0 : 1;
