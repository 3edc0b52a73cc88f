/**
 * Writes the table of all routes into docs/http-interface.md, from the routes themselves:
 *
 *   npx tsx scripts/routes-table.ts
 *
 * The tests of the documents compare the two.
 */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { format } from "prettier";
import { NATIVE_ROUTES } from "../src/dialects/native/index.ts";

const FILE = path.resolve(import.meta.dirname, "../docs/http-interface.md");
const TABLE = /(<!-- routes:start -->\n).*(<!-- routes:end -->\n)/s;

/** Route, right and summary of each; those of the records of one tenant are like the others. */
export function routeRows(): readonly (readonly string[])[] {
  return NATIVE_ROUTES.filter(({ pattern }) => !pattern.includes("/:tenant/records/")).map(
    ({ method, pattern, area, operation, summary }) => [
      `\`${method} ${pattern.replaceAll(/:(\w+)/g, "{$1}")}\``,
      area === "open" || area === "public" ? "" : `\`${area}:${operation}\``,
      summary,
    ],
  );
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const rows = [["route", "right", "what it does"], ["-", "-", "-"], ...routeRows()];
  const table = rows.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
  const document = readFileSync(FILE, "utf8").replace(TABLE, `$1\n${table}\n\n$2`);
  writeFileSync(
    FILE,
    await format(document, { parser: "markdown", printWidth: 100, proseWrap: "always" }),
  );
}
