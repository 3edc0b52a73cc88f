/**
 * The embedded body of the face: an engine opened in this process.
 *
 * For: `import { open } from "insula-db"`. Not for: protocols, keys, ports; whoever has the folder
 * has every right. The same handles as the remote client's stand on it (client/insula.ts).
 *
 * Life: `open` takes the folder → calls go straight to the engine → `close` waits for what runs,
 * flushes what the policy asks for, releases the folder. Threads at rest keep no process alive.
 */
export { createEngineCalls } from "./engine-calls.ts";
export { open } from "./open.ts";
export type { EmbeddedInsula, OpenOptions } from "./open.ts";
