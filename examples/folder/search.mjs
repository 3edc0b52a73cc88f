/**
 * Search over a folder of texts. The index lies beside the texts and is brought up to date at each
 * start: only what has changed is embedded again, what is gone is removed.
 *
 *     npm install insula-db
 *     node search.mjs FOLDER "a question"
 */
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { open } from "insula-db";
import { createBuiltInEmbedder } from "insula-db/embed";

const [folder, question] = process.argv.slice(2);
if (question === undefined) {
  console.error('usage: node search.mjs FOLDER "a question"');
  process.exit(2);
}

// Lexical: it finds shared words. For meaning put your model's call here; the rest stays.
const embedder = createBuiltInEmbedder();

const db = await open({ dataDir: join(folder, ".index") });
const paragraphs = await openCollection();
const { changed, removed } = await refresh();
console.log(`${changed} files read, ${removed} gone, ${await paragraphs.count()} paragraphs`);

const [vector] = await embedder.embed([question]);
const { hits } = await paragraphs.query({ vector, topK: 3 });
for (const { distance, metadata } of hits) {
  const [line] = metadata.text.split("\n");
  console.log(`${distance.toFixed(2)} ${metadata.file}: ${line}`);
}
await db.close();

async function openCollection() {
  if ((await db.getCollection("folder", "paragraphs")) === undefined) {
    if ((await db.getDatabase("folder")) === undefined) await db.createDatabase("folder");
    await db.createCollection("folder", "paragraphs", {
      dimension: embedder.dimension,
      embeddingModel: embedder.model,
      unfilterable: ["text"],
    });
  }
  return db.collection("folder", "paragraphs");
}

/** Compares the folder with what was indexed of it. */
async function refresh() {
  const indexed = new Map();
  for await (const { metadata } of paragraphs.scan()) indexed.set(metadata.file, metadata.hash);
  let changed = 0;
  for (const file of (await readdir(folder)).filter((name) => /\.(txt|md)$/.test(name))) {
    const text = await readFile(join(folder, file), "utf8");
    const hash = createHash("sha256").update(text).digest("hex");
    if (indexed.get(file) !== hash) {
      await paragraphs.deleteWhere({ file });
      await write(file, hash, text);
      changed++;
    }
    indexed.delete(file);
  }
  for (const file of indexed.keys()) await paragraphs.deleteWhere({ file });
  return { changed, removed: indexed.size };
}

async function write(file, hash, text) {
  const parts = text.split(/\n\s*\n/).filter((part) => part.trim() !== "");
  const vectors = await embedder.embed(parts);
  await paragraphs.upsert(
    parts.map((part, i) => ({
      key: `${file}#${i}`,
      vector: vectors[i],
      metadata: { file, hash, text: part },
    })),
  );
}
