/** What the README shows is run as it stands. */
import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";

const ROOT = path.resolve(import.meta.dirname, "../..");
const README = readFileSync(path.join(ROOT, "README.md"), "utf8");
const LOADER = pathToFileURL(path.join(ROOT, "node_modules/tsx/dist/loader.mjs")).href;
const run = promisify(execFile);

/** The fenced blocks of one language, without their fences. */
function blocks(language: string): readonly string[] {
  const fenced = new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, "gms");
  return [...README.matchAll(fenced)].map(([, code]) => code ?? "");
}

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "insula-readme-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a program in the temporary folder; what it prints. */
async function node(...words: readonly string[]): Promise<string> {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith("INSULA_"));
  const options = { cwd: folder, env: { ...Object.fromEntries(own), NO_COLOR: "1" } };
  const { stdout } = await run(process.execPath, ["--import", LOADER, ...words], options);
  return stdout;
}

test("the README has programs to run", () => {
  expect(blocks("ts").length).toBeGreaterThan(0); // run by snippets.test.ts
  expect(
    blocks("sh")
      .join("")
      .match(/^insula /gm)?.length,
  ).toBeGreaterThanOrEqual(3);
});

test("the commands of the first screen print what the screen shows", async () => {
  cpSync(path.join(ROOT, "examples/texts"), path.join(folder, "examples/texts"), {
    recursive: true,
  });
  const [screen = ""] = blocks("text");
  let printed = "";
  for (const line of blocks("sh").join("").split("\n")) {
    const words = /^insula ((?:put|query) .*)$/.exec(line)?.[1];
    if (words === undefined) continue;
    const given = [...words.matchAll(/"([^"]*)"|(\S+)/g)].map(([, a, b]) => a ?? b ?? "");
    printed += `${(await node(path.join(ROOT, "src/cli/main.ts"), ...given)).trimEnd()}\n`;
  }
  expect(withoutTails(printed, screen)).toBe(screen);
}, 60_000);

/** The screen cuts long lines off with "…": so are the printed ones, at the same place. */
function withoutTails(printed: string, screen: string): string {
  const shown = screen.split("\n");
  const lines = printed.split("\n").map((line, i) => {
    const cut = shown[i]?.endsWith("…") === true ? (shown[i]?.length ?? 0) - 1 : undefined;
    return cut === undefined || line.length < cut ? line : `${line.slice(0, cut)}…`;
  });
  return lines.join("\n");
}

test("every file the README links to is there", () => {
  const links = [...README.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(
    ([, target]) => target ?? "",
  );
  expect(links.length).toBeGreaterThan(10);
  expect(links.filter((target) => !existsSync(path.join(ROOT, target)))).toEqual([]);
});
