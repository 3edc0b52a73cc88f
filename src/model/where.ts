/**
 * Filters as people write them, in programs and in JSON: `{ year: { $gte: 2020 }, color: "red" }`.
 * Read into the {@link Filter} tree that everything below knows.
 *
 * Conditions side by side must all hold. A value alone means equality. Names that start with `$`
 * are words of this language, so properties of such names cannot be filtered by in it.
 */
import { InsulaError } from "../base/errors.ts";
import type { Filter, FilterScalar, RangeBound } from "./filter.ts";
import type { Metadata } from "./metadata.ts";

/**
 * A filter over records whose metadata are of type `M`. With the plain {@link Metadata} every
 * property and value is taken; with a type of your own a wrong one does not compile.
 */
export type Where<M extends object = Metadata> = string extends keyof M
  ? AnyWhere
  : WhereOf<M> & Junctions<M>;

/** What one property must be: a value, or operators that must all hold. */
export type Condition<Value> =
  | Value
  | {
      readonly $eq?: Value;
      /** Also true where the property is missing. */
      readonly $ne?: Value;
      readonly $in?: readonly Value[];
      readonly $nin?: readonly Value[];
      readonly $gt?: Exclude<Value, boolean>;
      readonly $gte?: Exclude<Value, boolean>;
      readonly $lt?: Exclude<Value, boolean>;
      readonly $lte?: Exclude<Value, boolean>;
      /** Whether there is such a property, whatever its value. */
      readonly $exists?: boolean;
    };

interface AnyWhere {
  readonly [name: string]: Condition<FilterScalar> | AnyWhere | readonly AnyWhere[] | undefined;
}

type WhereOf<M extends object> = {
  readonly [Name in Extract<keyof M, string>]?: Condition<ScalarOf<M[Name]>>;
};

interface Junctions<M extends object> {
  readonly $and?: readonly Where<M>[];
  readonly $or?: readonly Where<M>[];
  readonly $not?: Where<M>;
}

/** What a property can be compared with: the element of a list; nothing for objects and bytes. */
type ScalarOf<Value> = Value extends readonly (infer Element)[]
  ? Extract<Element, FilterScalar>
  : Extract<Value, FilterScalar>;

/**
 * Reads a filter; nobody has looked at it yet.
 *
 * @throws InsulaError `filter_invalid`, also for one without any condition: a misspelt variable
 *   must not select everything.
 */
export function filterFromWhere(where: unknown): Filter {
  return readWhere(where, 1);
}

/** Deeper than a filter may be: `checkFilter` then says so in its own words. */
const DEPTH_MAX = 64;

function readWhere(where: unknown, depth: number): Filter {
  if (!isConditions(where)) throw refusal("expected an object of conditions");
  if (depth > DEPTH_MAX) throw refusal(`nested too deep: expected at most ${String(DEPTH_MAX)}`);
  const parts: Filter[] = [];
  for (const [name, value] of Object.entries(where)) {
    if (value === undefined) continue;
    if (!name.startsWith("$")) parts.push(...readProperty(name, value));
    else if (name === "$and" || name === "$or") parts.push(readList(name, value, depth));
    else if (name === "$not") parts.push({ kind: "not", filter: readWhere(value, depth + 1) });
    else throw refusal(`unknown word ${quote(name)}: expected a property, $and, $or or $not`);
  }
  return allOf(parts, "expected at least one condition");
}

function readList(name: "$and" | "$or", value: unknown, depth: number): Filter {
  if (!Array.isArray(value) || value.length === 0) {
    throw refusal(`${name}: expected a list of at least one filter`);
  }
  const filters = value.map((part: unknown) => readWhere(part, depth + 1));
  return { kind: name === "$and" ? "and" : "or", filters };
}

function readProperty(property: string, value: unknown): readonly Filter[] {
  if (isScalar(value)) return [{ kind: "equal", property, value }];
  if (!isConditions(value)) {
    throw refusal(`${quote(property)}: expected a value or an object of operators`);
  }
  const parts: Filter[] = [];
  const bounds: { lower?: RangeBound; upper?: RangeBound } = {};
  for (const [operator, operand] of Object.entries(value)) {
    if (operand === undefined) continue;
    const edge = EDGES[operator];
    if (edge === undefined) parts.push(readOperator(property, operator, operand));
    else if (bounds[edge.side] === undefined) {
      bounds[edge.side] = { value: toBound(operand, operator), isInclusive: edge.isInclusive };
    } else {
      throw refusal(`${quote(property)}: expected one ${edge.side} bound, received two`);
    }
  }
  if (bounds.lower !== undefined || bounds.upper !== undefined) {
    parts.push({ kind: "range", property, ...bounds });
  }
  if (parts.length === 0) throw refusal(`${quote(property)}: expected at least one operator`);
  return parts;
}

const EDGES: Readonly<
  Record<string, { readonly side: "lower" | "upper"; readonly isInclusive: boolean } | undefined>
> = Object.assign(
  Object.create(null) as object,
  {
    $gt: { side: "lower", isInclusive: false },
    $gte: { side: "lower", isInclusive: true },
    $lt: { side: "upper", isInclusive: false },
    $lte: { side: "upper", isInclusive: true },
  } as const,
);

function readOperator(property: string, operator: string, operand: unknown): Filter {
  switch (operator) {
    case "$eq":
      return { kind: "equal", property, value: toScalar(operand, operator) };
    case "$ne":
      return not({ kind: "equal", property, value: toScalar(operand, operator) });
    case "$in":
      return { kind: "in", property, values: toScalars(operand, operator) };
    case "$nin":
      return not({ kind: "in", property, values: toScalars(operand, operator) });
    case "$exists":
      if (operand === true) return { kind: "exists", property };
      if (operand === false) return not({ kind: "exists", property });
      throw refusal("$exists: expected true or false");
    default:
      throw refusal(
        `${quote(property)}: unknown operator ${quote(operator)}: expected $eq, $ne, $in, $nin, ` +
          "$gt, $gte, $lt, $lte or $exists",
      );
  }
}

function not(filter: Filter): Filter {
  return { kind: "not", filter };
}

function allOf(parts: readonly Filter[], empty: string): Filter {
  const [first] = parts;
  if (first === undefined) throw refusal(empty);
  return parts.length === 1 ? first : { kind: "and", filters: parts };
}

function toScalar(value: unknown, operator: string): FilterScalar {
  if (isScalar(value)) return value;
  throw refusal(`${operator}: expected text, a number, a boolean or a date`);
}

function toScalars(value: unknown, operator: string): readonly FilterScalar[] {
  if (!Array.isArray(value)) throw refusal(`${operator}: expected a list`);
  return value.map((item: unknown) => toScalar(item, operator));
}

function toBound(value: unknown, operator: string): RangeBound["value"] {
  const scalar = toScalar(value, operator);
  if (typeof scalar !== "boolean") return scalar;
  throw refusal(`${operator}: expected text, a number or a date`);
}

function isScalar(value: unknown): value is FilterScalar {
  const kind = typeof value;
  return (
    kind === "string" ||
    kind === "number" ||
    kind === "boolean" ||
    kind === "bigint" ||
    value instanceof Date
  );
}

function isConditions(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Date) &&
    !(value instanceof Uint8Array)
  );
}

function refusal(reason: string): InsulaError {
  return new InsulaError("filter_invalid", `Cannot use the filter: ${reason}.`);
}

function quote(name: string): string {
  return JSON.stringify(name.length > 64 ? `${name.slice(0, 64)}…` : name);
}
