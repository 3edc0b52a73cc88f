/**
 * Parses a JSON text that was cut inside of a long list (`scanJsonArrays`), piece by piece: between
 * two of them the thread can be given back.
 */
import { isInsulaError } from "../../base/errors.ts";
import { jsonMalformed, type JsonValue } from "./json-value.ts";
import { parseJsonExact } from "./parse-json.ts";

/** Of one unit of a text: parsed, and its objects made anew. */
const UNIT_STEPS = 3;
/** Stands for the elements while what is around them is parsed. */
const MARK = "\u0000elements";
const MARK_TEXT: string = JSON.stringify(MARK);

/**
 * As `parseJsonExact` of the whole text; before each piece the steps it has are told.
 *
 * @param text what is before the elements of the list, or all where nothing was cut.
 * @param more the elements in parts, and what comes behind them.
 * @throws InsulaError `body_malformed`, with the position in the whole text.
 */
export function* parseJsonParts(
  text: string,
  more: readonly string[],
): Generator<number, JsonValue, void> {
  const end = more.at(-1);
  if (end === undefined) {
    yield text.length * UNIT_STEPS;
    return parseJsonExact(text);
  }
  const parts = more.slice(0, -1);
  const elements: JsonValue[] = [];
  let start = text.length;
  for (const part of parts) {
    yield part.length * UNIT_STEPS;
    if (parts.length > 1 && part.trim() === "") {
      throw jsonMalformed("expected a value, received another character", start);
    }
    const base = start - 1;
    const parsed = placed(`[${part}]`, (position) => base + position);
    for (const element of parsed as JsonValue[]) elements.push(element);
    // The comma that was left out.
    start += part.length + 1;
  }
  yield (text.length + end.length) * UNIT_STEPS;
  const shift = start - 1 - text.length - MARK_TEXT.length;
  const whole = placed(text + MARK_TEXT + end, (position) =>
    position < text.length ? position : position + shift,
  );
  if (fill(whole, elements)) return whole;
  // The member stands twice, and the last of them counts.
  const all = text + parts.join() + end;
  yield all.length * UNIT_STEPS;
  return parseJsonExact(all);
}

function placed(text: string, positionOf: (position: number) => number): JsonValue {
  try {
    return parseJsonExact(text);
  } catch (error) {
    if (!isInsulaError(error)) throw error;
    const { position, reason } = error.details as { position?: number; reason?: string };
    if (position === undefined || reason === undefined) throw error;
    throw jsonMalformed(reason, positionOf(position));
  }
}

/** @returns false when the mark stands nowhere. */
function fill(whole: JsonValue, elements: JsonValue[]): boolean {
  if (typeof whole !== "object" || whole === null || Array.isArray(whole)) return false;
  for (const [name, value] of Object.entries(whole)) {
    if (!Array.isArray(value) || value.length !== 1 || value[0] !== MARK) continue;
    whole[name] = elements;
    return true;
  }
  return false;
}
