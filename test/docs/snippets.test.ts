/** Every program and command in our documents is run as it stands, or says why not. */
import { execFile } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it, test } from "vitest";
import { openEngine } from "../../src/engine/index.ts";
import { NodeClock, NodeFileSystem, NodeRandom } from "../../src/io/node/index.ts";
import { run } from "../../scripts/process.mjs";
import { routeRows } from "../../scripts/routes-table.ts";
import {
  DIALECT_LOADERS,
  loadConfig,
  startServer,
  type RunningServer,
} from "../../src/server/index.ts";
import { comparableJson, printedByComments, RUN_LANGUAGES, snippetsOf } from "./snippets.ts";
import { rowsOf } from "./tables.ts";

const ROOT = path.resolve(import.meta.dirname, "../..");
const TSX = pathToFileURL(path.join(ROOT, "node_modules/tsx/dist/loader.mjs")).href;
const PRINTED_URL = "http://127.0.0.1:8080";
/** Separates what the blocks of one script print. */
const MARK = "\x1e";

const DOCUMENTS = [
  "README.md",
  "CONTRIBUTING.md",
  ...documentsBelow("docs"),
  ...documentsBelow("examples"),
];

function documentsBelow(folder: string): readonly string[] {
  return readdirSync(path.join(ROOT, folder), { recursive: true })
    .map((name) => path.join(folder, String(name)))
    .filter((name) => name.endsWith(".md"))
    .toSorted();
}

const read = (name: string): string => readFileSync(path.join(ROOT, name), "utf8");

describe.each(DOCUMENTS)("%s", (name) => {
  const snippets = snippetsOf(read(name)).filter(({ language }) =>
    RUN_LANGUAGES.includes(language),
  );
  const isRun = snippets.filter(({ notRun }) => notRun === undefined);

  it("says of a block that is not run who runs it, or why nobody does", () => {
    for (const { notRun, line } of snippets) {
      if (notRun === undefined) continue;
      expect(notRun.length, `line ${line}`).toBeGreaterThan(15);
    }
  });

  const scripts = isRun.filter(({ language }) => language === "sh");
  const programs = isRun.filter(({ language }) => language !== "sh");
  if (scripts.length > 0) {
    it("shows commands that print what it says", { timeout: 180_000 }, async () => {
      const printed = (await runScript(scripts.map(({ text }) => text))).split(MARK).slice(1);
      for (const [i, snippet] of scripts.entries()) {
        const { printed: expected, line } = snippet;
        if (expected === undefined) continue;
        expect(comparableJson(printed[i] ?? ""), `line ${line}: ${printed[i]}`).toEqual(
          comparableJson(expected),
        );
      }
    });
  }
  if (programs.length > 0) {
    it("shows a program that prints what its comments say", { timeout: 180_000 }, async () => {
      const program = programs.map(({ text }) => text).join("\n");
      expect(await runProgram(program)).toBe(printedByComments(program));
    });
  }
});

test("every program compiles with the strict compiler", { timeout: 120_000 }, async () => {
  // Below the root, where the types of Node are found.
  mkdirSync(path.join(ROOT, ".cache"), { recursive: true });
  const place = mkdtempSync(path.join(ROOT, ".cache/snippets-"));
  try {
    const files = DOCUMENTS.flatMap((name) => {
      const blocks = snippetsOf(read(name)).filter(({ language }) => language === "ts");
      const isRun = blocks.filter(({ notRun }) => notRun === undefined);
      const apart = blocks.filter((block) => !isRun.includes(block));
      const programs = [isRun.map(({ text }) => text).join("\n"), ...apart.map(({ text }) => text)];
      return programs
        .filter((text) => text !== "")
        .map((text, i) => {
          const file = `${name.replaceAll(/\W/g, "-")}-${i}.mts`;
          writeFileSync(
            path.join(place, file),
            withSources(text, (entry) => `../../src/${entry}`),
          );
          return file;
        });
    });
    expect(files.length).toBeGreaterThanOrEqual(3);
    const compilerOptions = {
      noPropertyAccessFromIndexSignature: false,
      isolatedDeclarations: false,
    };
    const config = {
      extends: "../../tsconfig.json",
      compilerOptions,
      include: ["*.mts"],
      exclude: [],
    };
    writeFileSync(path.join(place, "tsconfig.json"), JSON.stringify(config));
    const compiler = path.join(ROOT, "node_modules/typescript/bin/tsc");
    const { code, output } = await run([process.execPath, compiler, "-p", place], { cwd: ROOT });
    expect(code, output).toBe(0);
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
});

test("docs/http-interface.md has the routes; npx tsx scripts/routes-table.ts writes them", () => {
  const rows = rowsOf(read("docs/http-interface.md")).filter(([route]) => route !== "route");
  expect(rows).toEqual(routeRows());
});

let folder = "";
let server: RunningServer | undefined;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "insula-snippets-"));
});
afterEach(async () => {
  await server?.close();
  server = undefined;
  rmSync(folder, { recursive: true, force: true });
});

/** A server of its own on a folder. @returns its address */
async function start(name: string): Promise<string> {
  const dataDir = path.join(folder, name);
  const config = loadConfig({ flags: { httpPort: "0", dataDir, logLevel: "silent" } });
  server = await startServer(config, {
    openEngine: (_config, parts) => openEngine({ ...parts, workerCount: 0 }),
    files: new NodeFileSystem(dataDir),
    clock: new NodeClock(),
    random: new NodeRandom(),
    version: "0.0.0",
    dialects: DIALECT_LOADERS,
  });
  return server.addresses[0]?.url ?? "";
}

function environment(url: string): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith("INSULA_"));
  return {
    ...Object.fromEntries(own),
    ...{ INSULA_URL: url, INSULA_ADMIN_SECRET: server?.admin.secret, NO_COLOR: "1" },
  };
}

/** The blocks of a document are one script of bash; \`insula\` is the command of the sources. */
async function runScript(blocks: readonly string[]): Promise<string> {
  cpSync(path.join(ROOT, "examples"), path.join(folder, "examples"), { recursive: true });
  const url = await start("insula-data"); // as npm start names it
  const words = [process.execPath, "--import", TSX, path.join(ROOT, "src/cli/main.ts")];
  const command = words.map((word) => `'${word}'`).join(" ");
  const script = [
    "set -eu",
    `insula() { ${command} "$@"; }`,
    ...blocks.map((text) => `printf '${MARK}'\n${text.replaceAll(PRINTED_URL, url)}`),
  ].join("\n");
  const options = { cwd: folder, env: environment(url), timeout: 150_000 };
  return (await promisify(execFile)("bash", ["-c", script], options)).stdout;
}

/** A program whose imports of the package are those of the sources. */
function withSources(program: string, place: (entry: string) => string): string {
  return program
    .replaceAll('"insula-db"', JSON.stringify(place("index.ts")))
    .replaceAll(/"insula-db\/(\w+)"/g, (_, entry: string) =>
      JSON.stringify(place(`${entry}/index.ts`)),
    );
}

async function runProgram(program: string): Promise<string> {
  const url = await start("data-of-the-server");
  const file = path.join(folder, "program.mts");
  const text = withSources(program, (entry) => pathToFileURL(path.join(ROOT, "src", entry)).href);
  writeFileSync(file, text.replaceAll(PRINTED_URL, url));
  const options = { cwd: folder, env: environment(url), timeout: 150_000 };
  return (await promisify(execFile)(process.execPath, ["--import", TSX, file], options)).stdout;
}
