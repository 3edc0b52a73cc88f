/**
 * The package as users get it: packed, installed into an empty folder, with the tools around it.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { npm, run } from "../../scripts/process.mjs";

export const ROOT: string = path.resolve(import.meta.dirname, "../..");

/** Bundlers of the tests: installed here and nowhere else. */
export const TOOLS: string = path.join(ROOT, ".cache/package");
const TOOL_VERSIONS = {
  esbuild: "0.28.2",
  next: "15.5.29",
  react: "19.3.1",
  "react-dom": "19.3.1",
};

/** A minute for what takes seconds: registries have slow days. */
const STEP_MS_MAX = 180_000;

/** Runs a program to its end. @returns what it printed. @throws when it fails or is late. */
export async function runStep(
  command: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { code, output, isLate } = await run(command, { cwd, env, timeoutMs: STEP_MS_MAX });
  if (code === 0) return output;
  throw new Error(
    `${command.join(" ")}: ${isLate ? "took too long" : `ended with ${code}`}\n${output}`,
  );
}

/** Packs the built package and installs it with its dependencies into an empty folder. */
export async function installPackage(folder: string): Promise<void> {
  await runStep(npm("pack", "--ignore-scripts", "--pack-destination", folder), ROOT);
  const packed = readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? "";
  writeJson(path.join(folder, "package.json"), { name: "user", private: true, type: "module" });
  await runStep(npm("install", "--no-audit", "--no-fund", "--prefer-offline", packed), folder);
}

/** Installs the bundlers; a second time takes no time. */
export async function installTools(): Promise<void> {
  const manifest = { private: true, dependencies: TOOL_VERSIONS };
  const stamp = path.join(TOOLS, "installed.json");
  const text = JSON.stringify(manifest);
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === text) return;
  rmSync(TOOLS, { recursive: true, force: true });
  mkdirSync(TOOLS, { recursive: true });
  writeFileSync(path.join(TOOLS, "package.json"), text);
  await runStep(npm("install", "--no-audit", "--no-fund", "--ignore-scripts"), TOOLS);
  writeFileSync(stamp, text);
}

/** The part of esbuild's interface that is used. */
export interface Esbuild {
  build(options: Readonly<Record<string, unknown>>): Promise<{
    readonly metafile: {
      readonly inputs: Readonly<
        Record<string, { readonly imports: readonly { path: string; external?: boolean }[] }>
      >;
    };
  }>;
}

export async function loadEsbuild(): Promise<Esbuild> {
  const file = path.join(TOOLS, "node_modules/esbuild/lib/main.js");
  const module = (await import(pathToFileURL(file).href)) as { readonly default: Esbuild };
  return module.default;
}

export function writeJson(file: string, value: unknown): void {
  writeFileSync(file, JSON.stringify(value));
}
