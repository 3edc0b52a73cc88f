import { InsulaError } from "../base/errors.ts";
import { RECALL_MAX, RECALL_MIN } from "../base/limits.ts";

/**
 * @param cannot beginning of the message: what is refused.
 * @throws InsulaError `argument_invalid`.
 */
export function checkRecall(recall: unknown, cannot: string): void {
  const isRecall = typeof recall === "number" && recall >= RECALL_MIN && recall <= RECALL_MAX;
  if (isRecall) return;
  throw new InsulaError(
    "argument_invalid",
    `${cannot}: recall out of range: expected ${String(RECALL_MIN)} to ${String(RECALL_MAX)}, ` +
      `received ${String(recall)}.`,
  );
}
