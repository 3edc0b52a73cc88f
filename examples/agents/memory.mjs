/**
 * Agents with a memory each: what one agent remembers is a tenant of its own. A sleeping memory
 * costs a row in a catalogue, so there can be as many as there are conversations. A supervisor may
 * ask several memories at once and is told whose each memory is.
 *
 *     npm install insula-db
 *     node memory.mjs
 */
import { open } from "insula-db";
import { createBuiltInEmbedder } from "insula-db/embed";

// Lexical: it finds shared words. For meaning put your model's call here; the rest stays.
const embedder = createBuiltInEmbedder({ dimension: 512 });

/** The memory of one agent. */
class Memory {
  #records;
  #count = 0;

  constructor(memories, agent) {
    this.#records = memories.tenant(agent);
  }

  /** Kept when the promise resolves, also through a power cut when the database has a folder. */
  async remember(kind, text, at = new Date()) {
    const [vector] = await embedder.embed([text]);
    const key = `${at.toISOString()}-${this.#count++}`;
    await this.#records.upsert([{ key, vector, metadata: { kind, text, at } }]);
  }

  /** The nearest memories, perhaps only of one kind or since a moment. */
  async recall(text, { kind, since, topK = 1 } = {}) {
    const [vector] = await embedder.embed([text]);
    const where = { ...(kind && { kind }), ...(since && { at: { $gte: since } }) };
    const { hits } = await this.#records.query({
      vector,
      topK,
      ...(Object.keys(where).length > 0 && { where }), // a filter without conditions is an error
    });
    return hits.map(({ metadata }) => metadata);
  }

  /** Forgets everything older than a moment. */
  async forgetBefore(moment) {
    const { rowsReplaced } = await this.#records.deleteWhere({ at: { $lt: moment } });
    return rowsReplaced;
  }
}

const db = await open(); // with { dataDir: "./memories" } they stay
await db.createDatabase("agents");
const memories = await db.createCollection("agents", "memories", {
  dimension: embedder.dimension,
  tenancy: "multi",
  unfilterable: ["text"],
});

const [cook, gardener] = ["cook", "gardener"].map((agent) => new Memory(memories, agent));
const day = (number) => new Date(Date.UTC(2026, 0, number));
await cook.remember("fact", "Anna is allergic to nuts.", day(1));
await cook.remember("event", "Anna asked for a soup with herbs.", day(2));
await cook.remember("event", "Ben had the soup without salt.", day(3));
await gardener.remember("fact", "The herbs stand in the shade of the wall.", day(2));

const [fact] = await cook.recall("may Anna eat nuts?", { kind: "fact" });
console.log("cook knows:", fact.text);
const [recent] = await cook.recall("who had soup?", { since: day(3) });
console.log("cook saw:", recent.text);
console.log("gardener knows nothing of Anna:", (await gardener.recall("Anna"))[0].text);

const [vector] = await embedder.embed(["herbs"]);
const both = await memories.queryTenants(["cook", "gardener"], { vector, topK: 2 });
for (const { place, metadata } of both.hits) console.log(`both: ${place.tenant}: ${metadata.text}`);

console.log("forgotten:", await cook.forgetBefore(day(2)));
await db.close();
