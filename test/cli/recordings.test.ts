/**
 * Every command as people see it, compared with recordings/*.txt: at 80 and 140 columns, without a
 * terminal, with NO_COLOR. To write them anew: `RECORD=1 npm run test:cli`, then read the diff.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { play, type Stage, STAGES, type Step } from "./player.ts";
import { FILES, SCENARIOS } from "./scenarios.ts";

const RECORDINGS = path.resolve(import.meta.dirname, "recordings");
const isRecording = process.env["RECORD"] === "1";

describe.concurrent("the recording of", () => {
  it.each(Object.entries(SCENARIOS))("%s is what it shows today", async (name, steps) => {
    let text = "";
    for (const stage of STAGES) text += await playAll(steps, stage);
    const file = path.join(RECORDINGS, `${name}.txt`);
    if (isRecording) await writeFile(file, text);
    expect(text).toBe(await readFile(file, "utf8"));
  });
});

/** In a folder of its own, which is gone afterwards. */
async function playAll(steps: readonly Step[], stage: Stage): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "insula-play-"));
  try {
    for (const [name, content] of Object.entries(FILES)) {
      await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
      await writeFile(path.join(folder, name), content);
    }
    let text = `==== ${stage.title} ====\n\n`;
    for (const step of steps) {
      // Help has no colours: it is the same with NO_COLOR.
      if ("NO_COLOR" in stage.variables && step.line.endsWith("--help")) continue;
      text += `${await play(step, stage, folder)}\n`;
    }
    return text;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
