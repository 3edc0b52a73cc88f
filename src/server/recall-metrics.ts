/** The recall of live searches by collection, for Prometheus: found of wanted, both only grow. */
import { Counter, type Registry } from "prom-client";
import type { RecallFigure } from "../engine/api.ts";

type Sum = "queries" | "wanted" | "found";

const SUMS: readonly (readonly [Sum, name: string, help: string])[] = [
  ["queries", "insula_recall_probes_total", "Searches repeated exactly in the background."],
  ["wanted", "insula_recall_wanted_total", "Hits of those exact searches."],
  ["found", "insula_recall_found_total", "Of them, hits that the search as planned had."],
];

export class RecallMetrics {
  readonly #counters: readonly (readonly [Sum, Counter<"collection">])[];

  readonly #areNamesShown: boolean;

  /** @param areNamesShown  else all collections are one, `all`. */
  constructor(registry: Registry, areNamesShown: boolean) {
    this.#areNamesShown = areNamesShown;
    const shape = { labelNames: ["collection"] as const, registers: [registry] };
    this.#counters = SUMS.map(([sum, name, help]) => [sum, new Counter({ name, help, ...shape })]);
  }

  /** Takes the engine's figures of this moment; their number is bounded. */
  read(figures: readonly RecallFigure[]): void {
    for (const [sum, counter] of this.#counters) {
      counter.reset();
      for (const figure of figures) {
        const collection = this.#areNamesShown ? figure.collection : "all";
        counter.inc({ collection }, figure[sum]);
      }
    }
  }
}
