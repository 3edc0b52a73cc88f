/**
 * Writes the README's table of OSS Vectors operations, between its markers.
 *
 *     node --import tsx scripts/readme-table.ts            writes
 *     node --import tsx scripts/readme-table.ts --check    fails when the README differs
 *
 * Rows come from the dialect's own list of operations, marks from the report of
 * `npm run test:clients`: a mark means that every case of that operation passed with that client.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { OSS_OPERATIONS } from "../src/dialects/vector-bucket/oss/operations.ts";

const BEGIN = "<!-- oss-operations: written by scripts/readme-table.ts -->";
const END = "<!-- /oss-operations -->";
const README = "README.md";
const REPORT = ".cache/clients-report.json";
const CLIENTS = ["Python SDK", "Go SDK"];

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

function mark(lines: readonly ReportLine[], client: string, operation: string): string {
  const cases = lines.filter((line) => line.client === client && line.operation === operation);
  if (cases.length === 0) return "not tried";
  return cases.every(({ pass }) => pass) ? "yes" : "no";
}

function renderTable(lines: readonly ReportLine[]): string {
  const names = [...new Set(OSS_OPERATIONS.map(({ name }) => name))];
  const rows = names.map((name) => [name, ...CLIENTS.map((client) => mark(lines, client, name))]);
  const table = [["operation", ...CLIENTS], ["---", ...CLIENTS.map(() => "---")], ...rows];
  return table.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** The formatter pads the columns. */
function flatten(text: string): string {
  return text.replaceAll(/ {2,}/g, " ").replaceAll(/-{3,}/g, "---");
}

function main(): void {
  const readme = readFileSync(README, "utf8");
  const begin = readme.indexOf(BEGIN);
  const end = readme.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`${README} lacks the markers ${BEGIN} and ${END}.`);
  const head = readme.slice(0, begin + BEGIN.length);
  const next = `${head}\n\n${renderTable(readReport())}\n\n${readme.slice(end)}`;
  if (flatten(next) === flatten(readme)) return;
  if (process.argv.includes("--check")) throw new Error(`${README} is behind the report.`);
  writeFileSync(README, next);
}

main();
