/**
 * Compiles src/math/kernels/*.ts (AssemblyScript) to src/math/kernels/generated/*.wasm.
 *
 *   node scripts/build-kernels.mjs [--force] [--out FOLDER]
 *
 * Also importable: `await buildKernels()` is what tests and the package build call. A module is
 * compiled only when the hash of its sources, of this script and of the compiler's version differs
 * from the one stamped beside it. Files are written under another name and renamed, so that
 * parallel runs never see half a file.
 */
import { createHash } from "node:crypto";
import { copyFile, mkdir, readFile, readdir, rename, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const SOURCE_FOLDER = join(ROOT, "src/math/kernels");
export const GENERATED_FOLDER = join(SOURCE_FOLDER, "generated");

/** No allocator, no assertion messages, no exported runtime. */
const FLAGS = ["-O3", "--converge", "--noAssert", "--runtime", "stub", "--enable", "simd"];

export const MODULES = [
  {
    name: "kernels",
    // The maximum is what a module may be given at most: 65,536 pages are 4 GiB, a smaller memory
    // fits too.
    flags: [
      ...["--enable", "threads", "--enable", "bulk-memory", "--importMemory", "--noExportMemory"],
      ...["--sharedMemory", "--initialMemory", "1", "--maximumMemory", "65536"],
    ],
  },
  // Own memory: tables, one array of numbers, the list of slow ones; the text comes behind and
  // grows.
  { name: "number-parser", flags: ["--enable", "bulk-memory", "--initialMemory", "8"] },
];

async function hashOfSources() {
  const version = createRequire(import.meta.url)("assemblyscript/package.json").version;
  const hash = createHash("sha256").update(version);
  hash.update(await readFile(fileURLToPath(import.meta.url)));
  const names = (await readdir(SOURCE_FOLDER)).filter((name) => name.endsWith(".ts")).sort();
  for (const name of names) {
    hash.update(`\0${name}\0`).update(await readFile(join(SOURCE_FOLDER, name)));
  }
  return hash.digest("hex");
}

async function readOrNothing(path) {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (error.code === "ENOENT") return "";
    throw error;
  }
}

async function isBuilt(hash) {
  if ((await readOrNothing(join(GENERATED_FOLDER, "stamp.txt"))) !== hash) return false;
  const names = await readdir(GENERATED_FOLDER);
  return MODULES.every(({ name }) => names.includes(`${name}.wasm`));
}

async function compile(asc, { name, flags }, suffix) {
  const target = join(GENERATED_FOLDER, `${name}.wasm`);
  const draft = `${target}.${suffix}`;
  const arguments_ = [`${name}.ts`, "-o", relative(SOURCE_FOLDER, draft), ...FLAGS, ...flags];
  const { error, stderr } = await asc.main([...arguments_, "--baseDir", SOURCE_FOLDER]);
  if (error) throw new Error(`Cannot compile ${name}.ts:\n${stderr.toString()}`, { cause: error });
  await rename(draft, target);
}

/**
 * Brings the modules up to date and copies them to `outFolder` when one is given (the package build
 * puts them at the same place below dist/).
 *
 * @returns {Promise<{ compiled: boolean, folder: string }>}
 */
export async function buildKernels({ force = false, outFolder = undefined } = {}) {
  const hash = await hashOfSources();
  await mkdir(GENERATED_FOLDER, { recursive: true });
  const isCurrent = !force && (await isBuilt(hash));
  if (!isCurrent) {
    const { default: asc } = await import("assemblyscript/asc");
    const suffix = `${process.pid}.${process.hrtime.bigint().toString(36)}`;
    for (const module of MODULES) await compile(asc, module, suffix);
    const stamp = join(GENERATED_FOLDER, "stamp.txt");
    await writeFile(`${stamp}.${suffix}`, hash);
    await rename(`${stamp}.${suffix}`, stamp);
  }
  if (outFolder !== undefined) {
    await mkdir(outFolder, { recursive: true });
    for (const { name } of MODULES) {
      await copyFile(join(GENERATED_FOLDER, `${name}.wasm`), join(outFolder, `${name}.wasm`));
    }
  }
  return { compiled: !isCurrent, folder: outFolder ?? GENERATED_FOLDER };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const position = process.argv.indexOf("--out");
  const outFolder = position < 0 ? undefined : process.argv[position + 1];
  if (position >= 0 && outFolder === undefined) throw new Error("--out wants a folder");
  const { compiled, folder } = await buildKernels({
    force: process.argv.includes("--force"),
    outFolder,
  });
  process.stdout.write(`${compiled ? "compiled to" : "unchanged in"} ${relative(ROOT, folder)}\n`);
}
