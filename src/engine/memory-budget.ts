/** How much memory the engine may take when nobody says it. */
import { totalmem } from "node:os";

/** One step of growth for small extents and one for large ones, with room for a second of each. */
const MEMORY_BYTES_MIN = 256 * 1024 * 1024;

export interface MemoryBudget {
  readonly bytes: number;
  /** Where it comes from: as given, half of the container's limit, half of the machine. */
  readonly source: "given" | "container" | "machine";
}

/**
 * What was given; else half of what the container may use; else, without a container, half of the
 * machine.
 *
 * @param constrained  limit of the container in bytes; 0, or more than there is, means none.
 */
export function findMemoryBudget(
  given: number | undefined,
  constrained: number = process.constrainedMemory(),
  total: number = totalmem(),
): MemoryBudget {
  if (given !== undefined) return { bytes: Math.max(MEMORY_BYTES_MIN, given), source: "given" };
  const isConstrained = constrained > 0 && constrained < total;
  const half = Math.floor((isConstrained ? constrained : total) / 2);
  return {
    bytes: Math.max(MEMORY_BYTES_MIN, half),
    source: isConstrained ? "container" : "machine",
  };
}
