/** Starts a thread from an entry file that may still be TypeScript. */
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";

/**
 * @param entryUrl ends in `.ts` when the sources run as they are (tests, development): then a
 *   loader
 *                 is put before it, by hand, because Node 20 does not run `--import` hooks for the
 *                 entry of a worker. Ends in `.js` once built.
 */
export function startThread(entryUrl: URL): Worker {
  if (!entryUrl.pathname.endsWith(".ts")) return new Worker(entryUrl, { execArgv: [] });
  const resolved = createRequire(import.meta.url).resolve("tsx/esm/api");
  // `require` finds the CommonJS twin, whose hooks do not load; the module lies beside it.
  const loader = new URL("index.mjs", pathToFileURL(resolved)).href;
  const script =
    `const { register } = await import(${JSON.stringify(loader)});` +
    `register(); await import(${JSON.stringify(entryUrl.href)});`;
  return new Worker(new URL(`data:text/javascript,${encodeURIComponent(script)}`), {
    execArgv: [],
  });
}
