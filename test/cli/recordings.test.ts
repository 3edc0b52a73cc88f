/**
 * Every command as people see it, compared with recordings/*.txt: on a terminal of 80 columns, and
 * what has a layout also at 140 columns, without a terminal and with NO_COLOR. To write them anew:
 * `RECORD=1 npm run test:cli`, then read the diff.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { NARROW, play, type Played, type Stage, STAGES, type Step } from "./player.ts";
import { FILES, SCENARIOS } from "./scenarios.ts";

const RECORDINGS = path.resolve(import.meta.dirname, "recordings");
const isRecording = process.env["RECORD"] === "1";

describe.concurrent("the recording of", () => {
  it.each(Object.entries(SCENARIOS))("%s is what it shows today", async (name, steps) => {
    const text = await playAll(steps);
    const file = path.join(RECORDINGS, `${name}.txt`);
    if (isRecording) await writeFile(file, text);
    expect(text).toBe(await readFile(file, "utf8"));
  });
});

/** In a folder of its own, which is gone afterwards. */
async function playAll(steps: readonly Step[]): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "insula-play-"));
  try {
    for (const [name, content] of Object.entries(FILES)) {
      await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
      await writeFile(path.join(folder, name), content);
    }
    let text = "";
    for (const step of steps) {
      const { text: first, exitCode } = await play(step, NARROW, folder);
      text += `${first}\n`;
      if (exitCode !== 0 || !isPlayedAgain(step)) continue;
      for (const stage of STAGES) text += compare(first, await play(step, stage, folder), stage);
    }
    return text;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Only what has a layout is worth it: failures and what a command says that changed something are
 * sentences, JSON is for programs, and one help page wraps as the other.
 */
function isPlayedAgain({ line, isLaidOut }: Step): boolean {
  if (isLaidOut !== undefined) return isLaidOut;
  if (line.includes("--json") || line.includes("--help")) return false;
  return !/^(put|import|log-level)\b|^\w+ (create|rm|disable|rotate|reset-admin)\b/.test(line);
}

function compare(first: string, { text }: Played, { title }: Stage): string {
  return text === first ? `-- ${title}: the same\n\n` : `-- ${title}:\n${text}\n`;
}
