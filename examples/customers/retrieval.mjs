/**
 * Retrieval per customer: the texts of each customer are a tenant of their own. A question is
 * answered from the texts of the one who asks; nobody else's can come up, because the search is
 * given one tenant and cannot see another.
 *
 *     npm install insula-db
 *     node retrieval.mjs
 */
import { open } from "insula-db";
import { createBuiltInEmbedder } from "insula-db/embed";

// Lexical: it finds shared words. For meaning put your model's call here; the rest stays.
const embedder = createBuiltInEmbedder({ dimension: 512 });
const embed = (texts) => embedder.embed(texts);

const TEXTS = {
  acme: {
    returns: "Customers of Acme may return an item within 30 days, in its box.",
    shipping: "Acme ships on the day of the order, and the parcel takes two days.",
    opening: "The shop of Acme is open from nine to six, Monday to Friday.",
  },
  globex: {
    returns: "Globex takes items back within 14 days and sends the money by cheque.",
    warranty: "The warranty of Globex covers parts and labour for three years.",
  },
};

const db = await open(); // with { dataDir: "./data" } it stays
await db.createDatabase("support");
const passages = await db.createCollection("support", "passages", {
  dimension: embedder.dimension,
  tenancy: "multi",
  unfilterable: ["text"], // returned, never searched as a property
});

/** Replaces passages with the same name; a customer comes into being with the first. */
async function learn(customer, texts) {
  const vectors = await embed(Object.values(texts));
  const records = Object.entries(texts).map(([key, text], i) => ({
    key,
    vector: vectors[i],
    metadata: { text },
  }));
  await passages.tenant(customer).upsert(records);
}

/** What a language model is given to answer from. */
async function passagesFor(customer, question, topK = 1) {
  const [vector] = await embed([question]);
  const { hits } = await passages.tenant(customer).query({ vector, topK });
  return hits.map(({ key, metadata }) => `[${key}] ${metadata.text}`);
}

for (const [customer, texts] of Object.entries(TEXTS)) await learn(customer, texts);

const question = "within how many days may I return an item?";
for (const customer of ["acme", "globex"]) {
  console.log(`${customer}: ${(await passagesFor(customer, question)).join("\n")}`);
}

// A customer leaves: everything of theirs goes, and nothing else.
await passages.deleteTenant("acme");
const { items } = await passages.listTenants();
console.log("left:", items.map(({ name, rowCount }) => `${name} (${rowCount})`).join(", "));

await db.close();
