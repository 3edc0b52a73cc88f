/**
 * Benches run the package as users have it: `--import` this file, and what a bench imports of src/
 * is taken from dist/, which must be built. The loader of TypeScript names every function anew
 * where it is made, which is a hundredth and more of a search.
 */
import { register } from "node:module";

const hooks = `
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
export async function resolve(specifier, context, next) {
  const found = await next(specifier, context);
  const url = found.url.split("?")[0].replace(/\\/src\\/([^?]*)\\.ts$/, "/dist/$1.js");
  const isBuilt = url.endsWith(".js") && url !== found.url && existsSync(fileURLToPath(url));
  return isBuilt ? { url, format: "module", shortCircuit: true } : found;
}`;

register(`data:text/javascript,${encodeURIComponent(hooks)}`);
