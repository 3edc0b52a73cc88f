/**
 * Predicate tree over metadata. Dialects translate into it; the engine never knows which one asked.
 *
 * Semantics, the same for index and row evaluation:
 * - A property that is missing, null, an object or bytes matches no positive leaf.
 * - On a list, `equal`, `in` and `range` are true when they are true for at least one element.
 * - Equality is type-strict: `"2020"` is not `2020`; all kinds of number compare exactly by value.
 * - `range` compares numbers with numbers, strings with strings (by UTF-8 bytes), dates with dates.
 * - `exists` is true when the property is present, whatever its value, null too.
 * - `not` is plain negation, so `not equal` is true for a missing property.
 */
export type Filter =
  | { readonly kind: "and"; readonly filters: readonly Filter[] }
  | { readonly kind: "or"; readonly filters: readonly Filter[] }
  | { readonly kind: "not"; readonly filter: Filter }
  | { readonly kind: "equal"; readonly property: string; readonly value: FilterScalar }
  | { readonly kind: "in"; readonly property: string; readonly values: readonly FilterScalar[] }
  | {
      readonly kind: "range";
      readonly property: string;
      readonly lower?: RangeBound;
      readonly upper?: RangeBound;
    }
  | { readonly kind: "exists"; readonly property: string };

export type FilterScalar = string | boolean | number | bigint | Date;

export interface RangeBound {
  readonly value: string | number | bigint | Date;
  readonly isInclusive: boolean;
}
