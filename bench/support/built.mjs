/**
 * A bench that is started with `--import` of this file runs the package as users have it: what it
 * imports of src/ is taken from dist/, which must be built; test doubles are not there. The loader
 * of TypeScript names every function anew where it is made, which is some hundredths of a search.
 * Processes that a bench starts are as it starts them.
 */
import { existsSync } from "node:fs";
import { register } from "node:module";

const root = new URL("../../", import.meta.url);
if (!existsSync(new URL("dist/index.js", root))) {
  throw new Error("There is no dist/: run `node scripts/build.mjs` first.");
}

const hooks = `
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
const SOURCES = ${JSON.stringify(new URL("src/", root).href)};
const BUILT = ${JSON.stringify(new URL("dist/", root).href)};
export async function resolve(specifier, context, next) {
  const found = await next(specifier, context);
  const url = found.url.split("?")[0];
  if (!url.startsWith(SOURCES) || !url.endsWith(".ts")) return found;
  const built = BUILT + url.slice(SOURCES.length, -3) + ".js";
  const isThere = existsSync(fileURLToPath(built));
  return isThere ? { url: built, format: "module", shortCircuit: true } : found;
}`;

register(`data:text/javascript,${encodeURIComponent(hooks)}`);
