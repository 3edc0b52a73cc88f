/**
 * The package, installed where nothing of this house is near: as a library, bundled, in Next.js.
 */
import { type ChildProcess, spawn } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  installPackage,
  installTools,
  loadEsbuild,
  ROOT,
  runStep,
  TOOLS,
  writeJson,
} from "./installed.ts";
import { snippetsOf } from "../docs/snippets.ts";
import * as programs from "./programs.ts";

let folder = "";
const servers: ChildProcess[] = [];

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "insula-package-"));
  await installTools();
  await installPackage(folder);
}, 300_000);
afterAll(async () => {
  await Promise.all(servers.map(stop));
  rmSync(folder, { recursive: true, force: true });
});

function write(name: string, text: string): string {
  const file = path.join(folder, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

const node = (file: string, ...words: readonly string[]): Promise<string> =>
  runStep([process.execPath, file, ...words], path.dirname(file));

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await ended;
}

/** A line of a server's output that says where it listens. */
function firstMatch(child: ChildProcess, pattern: RegExp): Promise<string> {
  servers.push(child);
  return new Promise((resolve, reject) => {
    let output = "";
    const onText = (text: string): void => {
      output += text;
      const found = pattern.exec(output)?.[1];
      if (found !== undefined) resolve(found);
    };
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding("utf8").on("data", onText);
    child.once("exit", () => {
      reject(new Error(`the server ended: ${output}`));
    });
  });
}

describe("the installed package", () => {
  it("holds the build and its papers, and no sources or tests", () => {
    const installed = path.join(folder, "node_modules/insula-db");
    expect(readdirSync(installed).sort()).toEqual([
      ...["CHANGELOG.md", "LICENSE", "README.md", "dist", "package.json"],
    ]);
    const files = readdirSync(path.join(installed, "dist"), { recursive: true }).map(String);
    expect(files.filter((name) => /\.(test|contract)\./.test(name))).toEqual([]);
    expect(files.filter((name) => name.endsWith(".wasm"))).toHaveLength(2);
  });

  it("opens a folder with worker and log threads; the script ends by itself", async () => {
    const program = write("embedded.mjs", programs.EMBEDDED);
    expect(await node(program, path.join(folder, "data-embedded"))).toBe("embedded 0 0\n");
  });

  it("works in memory, and has doors for tests", async () => {
    expect(await node(write("memory.mjs", programs.IN_MEMORY))).toBe("in memory 1\n");
  });

  // The client's declarations touch those of a few files that know Buffer: only skipLibCheck, which
  // every template for browsers sets, does without the types of Node.
  it.each([
    ["the library, in Node", programs.TYPED_EMBEDDED, "NodeNext", ["node"]],
    ["the client, in a browser without the types of Node", programs.TYPED_REMOTE, "Bundler", []],
  ])("has types that a strict program compiles with: %s", async (_, text, resolution, types) => {
    write("typed.ts", text);
    const compilerOptions = {
      ...{ strict: true, noEmit: true, exactOptionalPropertyTypes: true },
      ...{ types, typeRoots: [path.join(ROOT, "node_modules/@types")] },
      skipLibCheck: types.length === 0,
      ...{ target: "ES2022", lib: ["ES2022", "DOM", "ESNext.Disposable"] },
      ...{ module: resolution === "Bundler" ? "ESNext" : resolution, moduleResolution: resolution },
    };
    writeJson(path.join(folder, "tsconfig.json"), { compilerOptions, files: ["typed.ts"] });
    const compiler = path.join(ROOT, "node_modules/typescript/bin/tsc");
    await runStep([process.execPath, compiler, "-p", "tsconfig.json"], folder);
  });

  it("serves with its command, and its client speaks to it", async () => {
    const command = path.join(folder, "node_modules/.bin/insula");
    const words = ["serve", "--json", "--http-port", "0", "--admin-secret", "hush-hush-hush"];
    const child = spawn(command, [...words, "--data-dir", path.join(folder, "data-served")]);
    const url = await firstMatch(child, /"url":"(http:[^"]+)"/);
    const program = write("remote.mjs", programs.REMOTE);
    expect(await node(program, url, "hush-hush-hush")).toBe("remote 1\n");
  });
});

describe("the examples, beside the installed package", () => {
  const document = readFileSync(path.join(ROOT, "examples/README.md"), "utf8");
  const shown = snippetsOf(document).filter(({ language }) => language === "sh");

  it("are all shown in their README", () => {
    expect(shown).toHaveLength(3);
  });

  it.each(shown.map(({ text, printed }) => [text.trim(), printed]))(
    "%s prints what is shown",
    async (line, printed) => {
      const examples = path.join(folder, "examples");
      cpSync(path.join(ROOT, "examples"), examples, { recursive: true });
      expect(await runStep(["sh", "-c", line ?? ""], examples)).toBe(printed);
    },
  );
});

describe("the client's entry", () => {
  it("is bundled for a browser: it loads no other package and no module of Node", async () => {
    const { build } = await loadEsbuild();
    const { metafile } = await build({
      stdin: { contents: 'export { connect } from "insula-db/client";', resolveDir: folder },
      absWorkingDir: folder,
      bundle: true,
      platform: "browser",
      format: "esm",
      metafile: true,
      write: false,
      logLevel: "silent",
    });
    const inputs = Object.entries(metafile.inputs).filter(([name]) => name !== "<stdin>");
    expect(inputs.length).toBeGreaterThan(5);
    for (const [name, { imports }] of inputs) {
      expect(name).toMatch(/^node_modules\/insula-db\/dist\/(client|base)\//);
      expect(imports.filter(({ external }) => external === true)).toEqual([]);
    }
  });
});

describe("bundled by esbuild", () => {
  async function bundle(): Promise<string> {
    const { build } = await loadEsbuild();
    const outfile = path.join(folder, "out/app.mjs");
    await build({
      entryPoints: [write("embedded.mjs", programs.EMBEDDED)],
      ...{ absWorkingDir: folder, bundle: true, platform: "node", format: "esm", outfile },
      ...{ metafile: true, logLevel: "silent" },
    });
    return outfile;
  }

  it("the library finds its threads and kernels in the package above the bundle", async () => {
    const outfile = await bundle();
    expect(await node(outfile, path.join(folder, "data-bundled"))).toBe("embedded 0 0\n");
  });

  it("the bundle moves with the package's folder alone, and says so when it is not there", async () => {
    const outfile = await bundle();
    const elsewhere = mkdtempSync(path.join(tmpdir(), "insula-moved-"));
    try {
      const moved = path.join(elsewhere, "app.mjs");
      cpSync(outfile, moved);
      await expect(node(moved, path.join(elsewhere, "data"))).rejects.toThrow(
        "in the package insula-db",
      );
      cpSync(
        path.join(folder, "node_modules/insula-db"),
        path.join(elsewhere, "node_modules/insula-db"),
        { recursive: true },
      );
      expect(await node(moved, path.join(elsewhere, "data"))).toBe("embedded 0 0\n");
    } finally {
      rmSync(elsewhere, { recursive: true, force: true });
    }
  });
});

describe("a standalone build of Next.js", () => {
  it("holds the package's files; its route handler opens a database and answers", async () => {
    const app = path.join(TOOLS, "next-app");
    rmSync(app, { recursive: true, force: true });
    mkdirSync(path.join(app, "app/notes"), { recursive: true });
    writeJson(path.join(app, "package.json"), { name: "next-app", private: true, type: "module" });
    writeFileSync(path.join(app, "next.config.mjs"), programs.NEXT_CONFIG);
    writeFileSync(path.join(app, "app/notes/route.js"), programs.NEXT_ROUTE);
    cpSync(path.join(folder, "node_modules/insula-db"), path.join(app, "node_modules/insula-db"), {
      recursive: true,
    });
    const next = path.join(TOOLS, "node_modules/next/dist/bin/next");
    const quiet = { NEXT_TELEMETRY_DISABLED: "1" };
    await runStep([process.execPath, next, "build"], app, quiet);
    const standalone = path.join(folder, "standalone");
    cpSync(path.join(app, ".next/standalone"), standalone, { recursive: true });
    const port = await freePort();
    const env = { ...process.env, ...quiet, PORT: String(port), HOSTNAME: "127.0.0.1" };
    const child = spawn(process.execPath, ["next-app/server.js"], {
      cwd: standalone,
      env: { ...env, NOTES_DIR: path.join(folder, "data-next") },
    });
    await firstMatch(child, /(Ready)/);
    for (let i = 0; i < 2; i++) {
      const answer = await fetch(`http://127.0.0.1:${port}/notes`);
      expect([answer.status, await answer.text()]).toEqual([200, '["oak"]']);
    }
    await stop(child);
  });
});

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return typeof address === "object" ? (address?.port ?? 0) : 0;
}
