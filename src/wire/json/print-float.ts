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
  const size = Math.abs(value);
  if (size >= SCALED_MIN && size < SCALED_MAX) {
    const shortest = shortestByScaling(size);
    return String(value < 0 ? -shortest : shortest);
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

/** Bounds of the numbers whose digits are found without `toPrecision`, eight times as fast. */
const SCALED_MIN = 1e-5;
const SCALED_MAX = 1e6;
/** Exact as doubles. */
const POWERS = Float64Array.from({ length: 16 }, (_, n) => 10 ** n);

/**
 * An integer divided by an exact power of ten is the double nearest to that decimal, as `Number()`
 * of its text would be: so a candidate is tested without making a text.
 */
function shortestByScaling(size: number): number {
  let decimals = 3;
  while (size * (POWERS[decimals] ?? 0) < 1e8) decimals++;
  for (let fewer = 3; fewer > 0; fewer--) {
    const unit = POWERS[decimals - fewer] ?? 1;
    const candidate = Math.round(size * unit) / unit;
    if (Math.fround(candidate) === size) return candidate;
  }
  const unit = POWERS[decimals] ?? 1;
  return Math.round(size * unit) / unit;
}

/** A JSON list of {@link printFloat32}. */
export function printFloat32Array(values: Float32Array): string {
  let text = "[";
  for (let i = 0; i < values.length; i++) {
    text += i === 0 ? printFloat32(values[i] ?? 0) : `,${printFloat32(values[i] ?? 0)}`;
  }
  return `${text}]`;
}
