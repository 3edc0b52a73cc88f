/**
 * Three indexes of one server, each reached by the line that docs/dialects/pinecone.md has for it,
 * with Pinecone's client for TypeScript. Address and key come from the environment, as
 * test/clients/pinecone-routing-suite.ts sets them.
 */
import assert from "node:assert/strict";
import { createRequire } from "node:module";

const load = createRequire(process.env.INSULA_TEST_NODE ?? import.meta.url);
const { Pinecone } = load(`pinecone-${process.env.INSULA_TEST_LINE}`);
const names = process.env.INSULA_TEST_INDEXES.split(",");
const apiKey = process.env.INSULA_TEST_KEY;
const pc = new Pinecone({ apiKey, controllerHostUrl: process.env.INSULA_TEST_BASE });

for (const name of names) {
  const line = { operation: "routing", case: `the line finds ${name} among ${names.length}` };
  try {
    const index = pc.index({ name });
    const routed = index.namespace("routed");
    await routed.upsert({ records: [{ id: name, values: [1, 0.5] }] });
    const { matches } = await routed.query({ vector: [1, 0.5], topK: 9 });
    assert.deepEqual(
      matches.map(({ id }) => id),
      [name],
    );
    assert.equal((await index.describeIndexStats()).totalRecordCount, 1);
    line.pass = true;
  } catch (error) {
    Object.assign(line, { pass: false, detail: `${error.name}: ${error.message}`.slice(0, 600) });
    process.stderr.write(`${error.stack}\n`);
    process.exitCode = 1;
  }
  process.stdout.write(`${JSON.stringify(line)}\n`);
}
