/** What users of the package write, as small as it can be. Each prints one line. */

/**
 * On a folder: enough rows for the worker threads, written through the log thread. Ends by itself.
 */
export const EMBEDDED: string = `
import { open } from "insula-db";

const dataDir = process.argv[2];
const db = await open({ dataDir });
await db.createDatabase("shop");
const notes = await db.createCollection("shop", "notes", { dimension: 128 });
const keys = Array.from({ length: 9_000 }, (_, i) => String(i));
const values = Float32Array.from({ length: keys.length * 128 }, (_, i) => Math.sin(i * i));
await notes.upsert({ keys, vectors: [{ field: "", values }], metadata: keys.map((_, i) => ({ i })) });
await db.engine.flush();
const { hits } = await notes.query({ vector: values.subarray(0, 128), topK: 1, where: { i: { $lt: 9 } } });
await db.close();
console.log("embedded", hits[0].key, hits[0].metadata.i);
`;

export const IN_MEMORY: string = `
import { open } from "insula-db";
import { MemoryFileSystem, openEngine, SeededRandom, ManualClock } from "insula-db/testing";

const db = await open();
await db.createDatabase("shop");
const notes = await db.createCollection("shop", "notes", { dimension: 2, tenancy: "multi" });
await notes.tenant("acme").upsert([{ key: "a", vector: [1, 0] }]);
const count = await notes.tenant("acme").count();
await db.close();
const engine = await openEngine({
  files: new MemoryFileSystem(),
  clock: new ManualClock(),
  random: new SeededRandom(1),
});
await engine.close();
console.log("in memory", count);
`;

const SEARCH = `
interface Note {
  readonly year: number;
}

export async function search(notes: Collection<Note>): Promise<number | undefined> {
  const { hits } = await notes.query({ vector: [1, 0], where: { year: { $gte: 2024 } } });
  // @ts-expect-error a year is a number
  await notes.query({ vector: [1, 0], where: { year: "2024" } });
  return hits[0]?.metadata?.year;
}

async function use(db: Insula): Promise<void> {
  try {
    await search(db.collection<Note>("shop", "notes"));
  } catch (error) {
    if (!(error instanceof InsulaError)) throw error;
  } finally {
    await db.close();
  }
}
`;

/** Compiled by a reader's TypeScript, never run: in Node, and in a browser. */
export const TYPED_EMBEDDED: string = `
import { InsulaError, open, type Collection, type Insula } from "insula-db";
${SEARCH}
await use(await open({ dataDir: "data" }));
`;
export const TYPED_REMOTE: string = `
import { connect, InsulaError, type Collection, type Insula } from "insula-db/client";
${SEARCH}
await use(await connect({ url: "http://127.0.0.1:8080", secret: "" }));
`;

export const REMOTE: string = `
import { connect } from "insula-db/client";

const [url, secret] = process.argv.slice(2);
const db = await connect({ url, secret });
await db.createDatabase("shop");
const notes = await db.createCollection("shop", "notes", { dimension: 2 });
await notes.upsert([{ key: "a", vector: [1, 0] }]);
const { hits } = await notes.query({ vector: [1, 0] });
await db.close();
console.log("remote", hits.length);
`;

/** A route handler of Next.js: opened with the first request, not while the app is built. */
export const NEXT_ROUTE: string = `
import { open } from "insula-db";

let opened;

export const dynamic = "force-dynamic";

export async function GET() {
  opened ??= open({ dataDir: process.env.NOTES_DIR });
  const db = await opened;
  if ((await db.getDatabase("shop")) === undefined) {
    await db.createDatabase("shop");
    await db.createCollection("shop", "notes", { dimension: 2 });
  }
  const notes = db.collection("shop", "notes");
  await notes.upsert([{ key: "oak", vector: [1, 0] }]);
  await db.engine.flush();
  const { hits } = await notes.query({ vector: [1, 0] });
  return Response.json(hits.map(({ key }) => key));
}
`;

/** \`outputFileTracingRoot\`: this app shares the folder of modules above it. */
export const NEXT_CONFIG: string = `
import path from "node:path";

export default {
  output: "standalone",
  serverExternalPackages: ["insula-db"],
  outputFileTracingRoot: path.resolve(import.meta.dirname, ".."),
};
`;
