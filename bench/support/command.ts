/** Runs the built command as people do, and tells how much memory it had at most. */
import { spawn } from "node:child_process";
import { resolve } from "node:path";
import { readMemory } from "./machine.ts";

const ENTRY = resolve(import.meta.dirname, "../../dist/cli/main.js");
/** Between two readings of the memory, ms: the peak itself is the system's count. */
const READING_MS = 50;

export interface CommandRun {
  /** What `--json` printed. */
  readonly result: Readonly<Record<string, unknown>>;
  readonly seconds: number;
  /** Resident, at most. 0 where there is no /proc. */
  readonly peakMib: number;
}

/** @throws Error with what the command said when it does not end with 0. */
export async function runCommand(
  words: readonly string[],
  variables: Readonly<Record<string, string>> = {},
): Promise<CommandRun> {
  const startedAt = performance.now();
  const child = spawn(process.execPath, [ENTRY, ...words, "--json"], {
    env: { ...process.env, ...variables },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  let said = "";
  let peakMib = 0;
  child.stdout.on("data", (part: Buffer) => (text += part.toString()));
  child.stderr.on("data", (part: Buffer) => (said += part.toString()));
  const timer = setInterval(() => {
    peakMib = Math.max(peakMib, readMemory(child.pid ?? "self").peakResidentMib);
  }, READING_MS);
  const code = await new Promise((ended) => child.once("close", ended));
  clearInterval(timer);
  if (code !== 0) throw new Error(`insula ${words.join(" ")} ended with ${String(code)}: ${said}`);
  const seconds = (performance.now() - startedAt) / 1_000;
  return { result: JSON.parse(text) as Record<string, unknown>, seconds, peakMib };
}
