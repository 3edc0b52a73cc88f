/**
 * Builds dist/: compiled sources, declarations, kernels and what else lies beside the sources.
 *
 *   node scripts/build.mjs            with all types checked
 *
 * A build is made in a folder of its own and put in place by renaming: what runs from dist/ never
 * sees half of one. A stamp in dist/ names the sources it was made of (path, size and time of
 * change); when nothing changed nothing is started, which is what `npm start` costs the second
 * time.
 */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { dirname, join, relative } from "node:path";
import { pathToFileURL } from "node:url";
import { ROOT, ensureInstalled } from "./install.mjs";
import { run } from "./process.mjs";

const DIST = join(ROOT, "dist");
const STAMP = join(DIST, ".stamp.json");
const ENTRY = join(DIST, "cli/main.js");
const MODULES = join(ROOT, "node_modules/.package-lock.json");
const PROJECT = "scripts/config/tsconfig.build.json";
const KERNELS = "math/kernels";
/** What a build depends on besides src/. */
const INPUTS = [
  ...["package-lock.json", "tsconfig.json", PROJECT],
  ...["scripts/build.mjs", "scripts/build-kernels.mjs"],
];
/** Attempts to put a build in place while others do the same. */
const SWAP_COUNT_MAX = 10;

/** Files of src/ that go into a build, relative to src/, in order. */
function listSources() {
  const names = fs.readdirSync(join(ROOT, "src"), { recursive: true, withFileTypes: true });
  return names
    .filter((entry) => entry.isFile() && !/\.(test|contract)\.ts$/.test(entry.name))
    .map((entry) => relative(join(ROOT, "src"), join(entry.parentPath, entry.name)))
    .filter((path) => !path.startsWith(join(KERNELS, "generated")))
    .sort();
}

function hashOfInputs(sources) {
  const hash = createHash("sha256");
  for (const path of [...sources.map((path) => join("src", path)), ...INPUTS]) {
    const { size, mtimeMs } = fs.statSync(join(ROOT, path));
    hash.update(`${path}\0${size}\0${mtimeMs}\0`);
  }
  return hash.digest("hex");
}

function readStamp() {
  try {
    return JSON.parse(fs.readFileSync(STAMP, "utf8"));
  } catch {
    return {}; // none, or a broken one: both mean "build"
  }
}

/** Everything beside the sources that is no source: messages, pages, tables. */
function copyAssets(sources, target) {
  for (const path of sources) {
    if (/\.(ts|md)$|\.gitignore$/.test(path) || path.startsWith(KERNELS)) continue;
    fs.mkdirSync(dirname(join(target, path)), { recursive: true });
    fs.copyFileSync(join(ROOT, "src", path), join(target, path));
  }
}

/** Another build may do the same at the same time; the last one stays. */
function putInPlace(draft, old) {
  for (let i = 0; ; i++) {
    try {
      if (fs.existsSync(DIST)) fs.renameSync(DIST, `${old}-${i}`);
      fs.renameSync(draft, DIST);
      return;
    } catch (error) {
      if (!["ENOENT", "ENOTEMPTY", "EEXIST"].includes(error.code) || i === SWAP_COUNT_MAX)
        throw error;
    }
  }
}

async function compile(draft, isChecked) {
  const compiler = join(ROOT, "node_modules/typescript/bin/tsc");
  const command = [process.execPath, compiler, "-p", PROJECT, "--outDir", draft];
  if (!isChecked) command.push("--noCheck");
  const { code, output } = await run(command, { cwd: ROOT });
  if (code === 0) return;
  process.stderr.write(output);
  throw new Error("Cannot build: the compiler found errors, see above.");
}

/**
 * Brings dist/ up to date.
 *
 * @param {{ isChecked: boolean }} options isChecked: types too. A build without takes a third of
 *   the time and is what `npm start` and the tests want, where the check is a step of its own.
 * @returns {Promise<boolean>} whether there was something to do
 */
export async function ensureBuilt({ isChecked }) {
  const sources = listSources();
  const hash = hashOfInputs(sources);
  const stamp = readStamp();
  const isCurrent = stamp.hash === hash && (stamp.isChecked || !isChecked);
  if (isCurrent && [ENTRY, MODULES].every((path) => fs.existsSync(path))) return false;
  await ensureInstalled();
  const work = join(ROOT, ".cache/build", String(process.pid));
  const draft = join(work, "dist");
  fs.mkdirSync(work, { recursive: true });
  try {
    await compile(draft, isChecked);
    const { buildKernels } = await import("./build-kernels.mjs");
    await buildKernels({ outFolder: join(draft, KERNELS, "generated") });
    copyAssets(sources, draft);
    const entry = join(draft, "cli/main.js");
    if (fs.existsSync(entry)) fs.chmodSync(entry, 0o755);
    fs.writeFileSync(join(draft, ".stamp.json"), JSON.stringify({ hash, isChecked }));
    putInPlace(draft, join(work, "old"));
  } finally {
    fs.rmSync(work, { recursive: true, force: true });
  }
  return true;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  try {
    const isBuilt = await ensureBuilt({ isChecked: true });
    process.stderr.write(isBuilt ? "built dist/\n" : "dist/ is up to date\n");
  } catch (error) {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  }
}
