/**
 * Where the server of a data folder listens, noted in the folder while it runs: so that the other
 * commands find it on whatever port. After a kill the note stays; whoever reads it asks there.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";

const ADDRESS_PATH = "server-address";

export function noteServerAddress(dataDir: string, url: string): void {
  writeFileSync(path.join(dataDir, ADDRESS_PATH), `${url}\n`, { mode: 0o600 });
}

/** Undefined when no server ever said, or the last one said goodbye. */
export function readServerAddress(dataDir: string): string | undefined {
  try {
    const text = readFileSync(path.join(dataDir, ADDRESS_PATH), "utf8").trim();
    return URL.canParse(text) ? text : undefined;
  } catch {
    // Not there or not readable: the default address is tried.
    return undefined;
  }
}

export function removeServerAddress(dataDir: string): void {
  rmSync(path.join(dataDir, ADDRESS_PATH), { force: true });
}
