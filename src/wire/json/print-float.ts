/**
 * float32 to decimal text: the fewest digits that `Math.fround` reads back as the same number.
 *
 * Nine significant digits tell all float32 apart, six always survive the way there and back (C
 * standard, FLT_DECIMAL_DIG and FLT_DIG); only below the smallest normal number may fewer than six
 * do. -0 is "-0". NaN and infinities are "null", as `JSON.stringify` writes them.
 */
export function printFloat32(value: number): string {
  if (!Number.isFinite(value)) return "null";
  if (Number.isInteger(value) && Math.abs(value) < INTEGER_LIMIT) {
    return Object.is(value, -0) ? "-0" : String(value);
  }
  let digits = 8;
  let shortest = Number(value.toPrecision(digits));
  if (Math.fround(shortest) !== value) return String(Number(value.toPrecision(9)));
  const digitsMin = Math.abs(value) < SMALLEST_NORMAL ? 1 : 6;
  while (digits > digitsMin) {
    const shorter = Number(value.toPrecision(--digits));
    if (Math.fround(shorter) !== value) break;
    shortest = shorter;
  }
  return String(shortest);
}

/** Integers below have at most as many digits as their float32 needs. */
const INTEGER_LIMIT = 2 ** 24;
const SMALLEST_NORMAL = 2 ** -126;

/** A JSON list of {@link printFloat32}. Cost: two to four `toPrecision` a number. */
export function printFloat32Array(values: Float32Array): string {
  let text = "[";
  for (let i = 0; i < values.length; i++) {
    text += i === 0 ? printFloat32(values[i] ?? 0) : `,${printFloat32(values[i] ?? 0)}`;
  }
  return `${text}]`;
}
