import { readFileSync } from "node:fs";

/**
 * Version of the package, from its package.json, which lies two folders up from here and from
 * dist/cli alike.
 */
export function readVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  const { version } = JSON.parse(text) as { version: string };
  return version;
}
