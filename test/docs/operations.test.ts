/** docs/operations.md names every metric of ours with its type and its labels, and no other. */
import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { ServerMetrics } from "../../src/server/metrics.ts";
import { rowsOf } from "./tables.ts";

const FILE = path.resolve(import.meta.dirname, "../../docs/operations.md");
const ROWS = rowsOf(readFileSync(FILE, "utf8")).filter(([name]) => name?.startsWith("`insula_"));

test("every metric has one row with its type and its labels, and every row is a metric", () => {
  const rows = ROWS.map(([name, type, labels]) => [name, { type, labels }]);
  const metrics = new ServerMetrics()
    .describe()
    .map(({ name, type, labels }) => [
      `\`${name}\``,
      { type, labels: labels.map((label) => `\`${label}\``).join(", ") || "–" },
    ]);
  expect(rows).toHaveLength(metrics.length);
  expect(Object.fromEntries(rows)).toEqual(Object.fromEntries(metrics));
});
