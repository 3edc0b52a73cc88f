/** Packages a bench compares with: installed beside the project, never part of it. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";

const FOLDER = resolve(import.meta.dirname, "../../.cache/bench");

/**
 * Loads a package out of .cache/bench, installing it first when it is missing.
 *
 * @param wanted  name and exact version.
 * @returns       what the package exports; undefined when it cannot be had, with the reason told.
 */
export async function loadPeer(wanted: string, tell: (text: string) => void): Promise<unknown> {
  const name = wanted.slice(0, wanted.lastIndexOf("@"));
  if (!existsSync(resolve(FOLDER, "node_modules", name))) {
    process.stderr.write(`Installing ${wanted} into .cache/bench for the comparison.\n`);
    mkdirSync(FOLDER, { recursive: true });
    const words = ["install", "--prefix", FOLDER, "--no-audit", "--no-fund", wanted];
    const { status } = spawnSync("npm", words, { stdio: ["ignore", "ignore", "inherit"] });
    if (status !== 0) {
      tell(`${wanted} could not be installed: no comparison with it (--peer off silences this).`);
      return undefined;
    }
  }
  try {
    const path = createRequire(resolve(FOLDER, "package.json")).resolve(name);
    return (await import(path)) as unknown;
  } catch (error) {
    tell(`${wanted} is installed but does not load here: ${String(error)}`);
    return undefined;
  }
}
