/** How searches were done, for people: `insula query --explain`. */
import type { ExplainedPart, Explanation, SearchedPlace } from "../model/index.ts";
import { printBytes, printCount, printCounted, printTable, type Output } from "./output.ts";
import { nameOfPlace } from "./place-options.ts";

/** One block a place: path and reason, cost, milliseconds by phase, and a table of its parts. */
export function printExplanations(output: Output, searched: readonly SearchedPlace[]): string {
  return searched
    .flatMap((report) => {
      const { explanation } = report;
      return explanation === undefined ? [] : [printOne(output, report, explanation)];
    })
    .join("\n\n");
}

function printOne(
  output: Output,
  { place, plan }: SearchedPlace,
  { reason, parts, bytesRead, workUnits, ms }: Explanation,
): string {
  const phases = Object.entries(ms)
    .filter(([phase, spent]) => phase !== "total" && spent > 0)
    .map(([phase, spent]) => `${phase} ${spent.toFixed(2)}`);
  const cost = `${printCounted(workUnits, "work unit")}, ${printBytes(bytesRead)} read`;
  const time = [`${ms.total.toFixed(2)} ms`, ...phases].join(", ");
  const lines = [
    `${output.bold(nameOfPlace(place))}  ${plan.path}: ${reason}`,
    output.dim(`${printCounted(parts.length, "part")}, ${cost}`),
    output.dim(time),
  ];
  if (parts.length > 0) lines.push(printTable(output, [HEADING, ...parts.map(rowOf)]));
  return lines.join("\n");
}

const HEADING = ["part", "method", "rows", "pass", "scanned", "rescored", "read", "why"];

function rowOf(part: ExplainedPart): readonly string[] {
  return [
    part.segment?.slice(0, 8) ?? part.kind,
    part.method,
    printCount(part.rowCount),
    printCount(part.matchCount),
    printCount(part.rowsScanned),
    printCount(part.rowsRescored),
    printBytes(part.bytesRead),
    part.reason,
  ];
}
