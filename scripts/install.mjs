/** Brings node_modules up to what package-lock.json says, when it is not. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { npm, run } from "./process.mjs";

export const ROOT = resolve(fileURLToPath(import.meta.url), "../..");

function readPackages(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8")).packages;
  } catch {
    return undefined; // missing or half written: installing is right in both cases
  }
}

/** npm leaves a list of what it installed; a package for another platform is missing rightly. */
function isInstalled() {
  const wanted = readPackages(join(ROOT, "package-lock.json"));
  const present = readPackages(join(ROOT, "node_modules/.package-lock.json"));
  if (wanted === undefined || present === undefined) return false;
  return Object.entries(wanted).every(([path, { version, optional, link }]) => {
    if (path === "" || link) return true;
    return present[path] === undefined ? Boolean(optional) : present[path].version === version;
  });
}

/**
 * Installs with `npm ci` when something is missing or of another version. All it says goes to
 * stderr.
 */
export async function ensureInstalled() {
  if (isInstalled()) return;
  process.stderr.write("installing what package-lock.json names\n");
  const command = npm("ci", "--include=dev", "--no-audit", "--no-fund");
  const { code } = await run(command, { cwd: ROOT, live: "stderr" });
  if (code !== 0) throw new Error("Cannot install: npm ci failed, see above.");
}
