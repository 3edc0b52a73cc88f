/**
 * Writes the README's tables of operations, each between its markers.
 *
 *     node --import tsx scripts/readme-table.ts            writes
 *     node --import tsx scripts/readme-table.ts --check    fails when the README differs
 *
 * Rows come from a dialect's own list of operations, marks from the report of
 * `npm run test:clients`: a mark means that every case of that operation passed with that client.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { OSS_OPERATIONS } from "../src/dialects/vector-bucket/oss/operations.ts";
import { S3_OPERATIONS } from "../src/dialects/vector-bucket/s3/operations.ts";

const README = "README.md";
const REPORT = ".cache/clients-report.json";

interface OperationsTable {
  /** In the markers `<!-- NAME: … -->` and `<!-- /NAME -->`. */
  readonly name: string;
  readonly operations: readonly { readonly name: string }[];
  readonly clients: readonly string[];
  /** Operations whose cases expect a refusal: passing them is no "yes". */
  readonly refused: readonly string[];
}

const TABLES: readonly OperationsTable[] = [
  {
    name: "oss-operations",
    operations: OSS_OPERATIONS,
    clients: ["Python SDK", "Go SDK"],
    refused: [],
  },
  {
    name: "s3-operations",
    operations: S3_OPERATIONS,
    clients: ["JavaScript SDK", "boto3"],
    refused: ["UpdateMetadataConfiguration"],
  },
];

interface ReportLine {
  readonly client: string;
  readonly operation: string;
  readonly pass: boolean;
}

function readReport(): readonly ReportLine[] {
  try {
    return (JSON.parse(readFileSync(REPORT, "utf8")) as { results: ReportLine[] }).results;
  } catch {
    throw new Error(`There is no ${REPORT}: run npm run test:clients first.`);
  }
}

function mark(
  lines: readonly ReportLine[],
  table: OperationsTable,
  place: { readonly client: string; readonly operation: string },
): string {
  const cases = lines.filter(
    (line) => line.client === place.client && line.operation === place.operation,
  );
  if (cases.length === 0) return "not in it";
  if (!cases.every(({ pass }) => pass)) return "no";
  return table.refused.includes(place.operation) ? "refused" : "yes";
}

function renderTable(lines: readonly ReportLine[], table: OperationsTable): string {
  const { clients } = table;
  const names = [...new Set(table.operations.map(({ name }) => name))];
  const rows = names.map((operation) => [
    operation,
    ...clients.map((client) => mark(lines, table, { client, operation })),
  ]);
  return [["operation", ...clients], ["---", ...clients.map(() => "---")], ...rows]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
}

function withTable(readme: string, lines: readonly ReportLine[], table: OperationsTable): string {
  const beginMark = `<!-- ${table.name}: written by scripts/readme-table.ts -->`;
  const endMark = `<!-- /${table.name} -->`;
  const begin = readme.indexOf(beginMark);
  const end = readme.indexOf(endMark);
  if (begin < 0 || end < begin) throw new Error(`${README} lacks ${beginMark} and ${endMark}.`);
  const head = readme.slice(0, begin + beginMark.length);
  return `${head}\n\n${renderTable(lines, table)}\n\n${readme.slice(end)}`;
}

/** The formatter pads the columns. */
function flatten(text: string): string {
  return text.replaceAll(/ {2,}/g, " ").replaceAll(/-{3,}/g, "---");
}

function main(): void {
  const readme = readFileSync(README, "utf8");
  const lines = readReport();
  const next = TABLES.reduce((text, table) => withTable(text, lines, table), readme);
  if (flatten(next) === flatten(readme)) return;
  if (process.argv.includes("--check")) throw new Error(`${README} is behind the report.`);
  writeFileSync(README, next);
}

main();
