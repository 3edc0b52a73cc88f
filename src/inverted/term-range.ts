/** A range of values as a range of terms. */
import type { Filter } from "../model/index.ts";
import { kindOfTerm, toTerm } from "./term.ts";

export interface TermRange {
  readonly kind: number;
  readonly lower: Uint8Array;
  readonly isLowerInclusive: boolean;
  readonly upper: Uint8Array;
  readonly isUpperInclusive: boolean;
}

/** Undefined when nothing can pass: no bounds, or bounds of two kinds. */
export function toTermRange({
  lower,
  upper,
}: Extract<Filter, { readonly kind: "range" }>): TermRange | undefined {
  const kind = lower === undefined ? upper && kindOfTerm(upper.value) : kindOfTerm(lower.value);
  if (kind === undefined) return undefined;
  if (upper !== undefined && kindOfTerm(upper.value) !== kind) return undefined;
  // An open side ends where the terms of the kind do: no term is only a kind.
  return {
    kind,
    lower: lower === undefined ? Buffer.from([kind]) : toTerm(lower.value),
    isLowerInclusive: lower?.isInclusive ?? true,
    upper: upper === undefined ? Buffer.from([kind + 1]) : toTerm(upper.value),
    isUpperInclusive: upper?.isInclusive ?? false,
  };
}
