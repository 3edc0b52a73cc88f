/**
 * `npm start`: installs and builds what is missing, then is `insula serve` in this very process, so
 * that arguments, signals and exit code need no forwarding.
 *
 *   npm start -- --http-port 0
 *
 * package.json says `exec`: a shell between npm and us would die of a signal without handing it on.
 */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ensureBuilt } from "./build.mjs";
import { ROOT } from "./install.mjs";

try {
  await ensureBuilt({ isChecked: false });
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
const entry = join(ROOT, "dist/cli/main.js");
process.argv = [process.argv[0], entry, "serve", ...process.argv.slice(2)];
await import(pathToFileURL(entry).href);
