/**
 * JSON number arrays to float32, in a memory of its own.
 *
 * A number of at most 19 significant digits becomes a u64 and a power of ten. Below 2^53 and with a
 * power within ±22 one double operation gives the correctly rounded double (Clinger, "How to read
 * floating point numbers accurately", 1990), and its float32 is exactly what JSON.parse and
 * Math.fround give. Otherwise the double may be some units off: its float32 is still right unless
 * the double lies next to the midpoint of two float32, or the float32 is subnormal or near
 * overflow. Those rare numbers go into a list and the caller redoes them with Number().
 *
 * INVARIANT: the text is followed by at least 16 zero bytes. Zero belongs to no number, so every
 * loop
 * stops there; nothing is read past them.
 *
 * Memory: [report][numbers][list of slow numbers][text]; offsets are asked for, not known, outside.
 */

/** As `number-parser.ts` one floor up has them. */
const MALFORMED: i32 = -1;
const NOT_A_NUMBER: i32 = -2;
const TOO_MANY: i32 = -3;
const OUT_OF_RANGE: i32 = -4;

/** Numbers of one array, at most. Source: DIMENSION_MAX in base/limits.ts. */
const COUNT_MAX: u32 = 16384;

const REPORT: usize = 4096;
const NUMBERS: usize = 8192;
const SLOW: usize = NUMBERS + ((<usize>COUNT_MAX) << 2);
/** 12 bytes each: position in the array, start and end in the text. */
const TEXT: usize = SLOW + (<usize>COUNT_MAX) * 12;

const POWERS = memory.data<f64>([
  1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
  1e18, 1e19, 1e20, 1e21, 1e22,
]);

/** Digits beyond this many no longer fit a u64 for certain; they only move the power. */
const DIGITS_MAX: u32 = 19;
/** Exponents are held here: far beyond any float32, far below an overflow of i32. */
const EXPONENT_MAX: i32 = 1000000000;

export function countMax(): u32 {
  return COUNT_MAX;
}

export function textStart(): usize {
  return TEXT;
}

export function numbersStart(): usize {
  return NUMBERS;
}

export function slowStart(): usize {
  return SLOW;
}

/**
 * Two u32: where in the text the last call ended or failed, and how many slow numbers it listed.
 */
export function reportStart(): usize {
  return REPORT;
}

@inline
function isDigit(byte: u32): bool {
  return byte - 48 < 10;
}

@inline
function isSpace(byte: u32): bool {
  return byte == 32 || byte == 10 || byte == 13 || byte == 9;
}

/** Whether eight bytes are all digits. */
@inline
function areDigits(eight: u64): bool {
  return (
    ((eight & 0xf0f0f0f0f0f0f0f0) | (((eight + 0x0606060606060606) & 0xf0f0f0f0f0f0f0f0) >> 4)) ==
    0x3333333333333333
  );
}

/** The value of eight digits; the first is in the lowest byte. */
@inline
function valueOfDigits(digits: u64): u64 {
  let v = digits - 0x3030303030303030;
  v = v * 10 + (v >> 8);
  return (
    ((v & 0x000000ff000000ff) * 0x000f424000000064 +
      ((v >> 16) & 0x000000ff000000ff) * 0x0000271000000001) >>
    32
  ) & 0xffffffff;
}

// The number being read. The parts below keep what they can in locals and leave their result here.
/** Its first digits without the point, at most DIGITS_MAX of them. */
let mantissa: u64 = 0;
/** How many significant digits are in the mantissa. */
let kept: u32 = 0;
/** Power of ten the mantissa is to be multiplied by. */
let power: i32 = 0;
/** Whether no digit other than zero was left out of the mantissa. */
let isExact: bool = true;

/** Each part returns the place after it, or the complement of the place that is wrong. */
@inline
function wrong(place: usize): isize {
  return ~(<isize>place);
}

/** `0` or digits that do not begin with it, so every digit but that zero is significant. */
function wholePart(start: usize): isize {
  let s = start;
  let byte: u32 = load<u8>(s);
  let value: u64 = 0, digits: u32 = 0;
  mantissa = 0;
  kept = 0;
  power = 0;
  isExact = true;
  if (!isDigit(byte)) return wrong(s);
  if (byte == 48) return isDigit(load<u8>(s, 1)) ? wrong(s + 1) : <isize>(s + 1);
  while (isDigit(byte)) {
    if (digits < DIGITS_MAX) {
      value = value * 10 + (byte - 48);
      digits++;
    } else {
      power++;
      if (byte != 48) isExact = false;
    }
    byte = load<u8>(++s);
  }
  mantissa = value;
  kept = digits;
  return <isize>s;
}

/**
 * The digits after the point, eight at a time while they fit. `start` is the place after the point.
 */
function fractionPart(start: usize): isize {
  let s = start;
  let value = mantissa, digits = kept;
  if (!isDigit(load<u8>(s))) return wrong(s);
  if (value == 0) while (load<u8>(s) == 48) s++;
  while (digits + 8 <= DIGITS_MAX && areDigits(load<u64>(s))) {
    value = value * 100000000 + valueOfDigits(load<u64>(s));
    digits += 8;
    s += 8;
  }
  let byte: u32 = load<u8>(s);
  while (digits < DIGITS_MAX && isDigit(byte)) {
    value = value * 10 + (byte - 48);
    digits++;
    byte = load<u8>(++s);
  }
  mantissa = value;
  kept = digits;
  power -= <i32>(s - start);
  while (isDigit(byte)) {
    if (byte != 48) isExact = false;
    byte = load<u8>(++s);
  }
  return <isize>s;
}

/** A sign or none, and digits. `start` is the place after the `e`. */
function exponentPart(start: usize): isize {
  let s = start;
  let byte: u32 = load<u8>(s);
  const isBelow = byte == 45;
  if (isBelow || byte == 43) byte = load<u8>(++s);
  if (!isDigit(byte)) return wrong(s);
  let exponent: i32 = 0;
  while (isDigit(byte)) {
    exponent = exponent < EXPONENT_MAX / 10 ? exponent * 10 + <i32>(byte - 48) : EXPONENT_MAX;
    byte = load<u8>(++s);
  }
  power += isBelow ? -exponent : exponent;
  return <isize>s;
}

/** Reads one number without its minus sign. */
@inline
function readNumber(start: usize): isize {
  let s = wholePart(start);
  if (s >= 0 && load<u8>(<usize>s) == 46) s = fractionPart(<usize>s + 1);
  if (s >= 0 && (load<u8>(<usize>s) | 32) == 101) s = exponentPart(<usize>s + 1);
  return s;
}

/**
 * The number just read as a double whose float32 is right; not-a-number when that is not certain,
 * infinity when it is certainly too large.
 */
function valueOfNumber(): f64 {
  // At most 19 digits: below 1e-47, under half of the smallest float32.
  if (mantissa == 0 || power < -66) return 0;
  if (power > 40) return Infinity;
  const value = scaled(<f64>mantissa, power);
  if (mantissa >> 53 == 0 && isExact && power >= -22 && power <= 22) return value;
  const low = <u32>reinterpret<u64>(value) & 0x1fffffff;
  const isNearMidpoint = low - 0x0ffffff0 <= 0x20;
  return isNearMidpoint || value < 1.2e-38 || value > 3.4e38 ? NaN : value;
}

@inline
function report(place: usize, slowCount: u32): void {
  store<u32>(REPORT, <u32>(place - TEXT));
  store<u32>(REPORT, slowCount, 4);
}

@inline
function fail(code: i32, place: usize): i32 {
  report(place, 0);
  return code;
}

@inline
function skipSpace(start: usize): usize {
  let s = start;
  while (isSpace(load<u8>(s))) s++;
  return s;
}

/**
 * Parses the array whose `[` is at `start` of the text. Returns the count, or a negative code; the
 * report then holds the place after the `]`, or the place that is wrong.
 */
export function parse(start: u32, limit: u32): i32 {
  let s: usize = TEXT + start;
  let count: u32 = 0, slowCount: u32 = 0;
  if (load<u8>(s) != 91) return fail(MALFORMED, s);
  s = skipSpace(s + 1);
  let byte: u32 = load<u8>(s);
  while (byte != 93 || count > 0) {
    const first = s;
    byte = load<u8>(s);
    if (count >= limit && startsValue(byte)) return fail(TOO_MANY, s);
    if (startsOther(byte)) return fail(NOT_A_NUMBER, s);
    const isNegative = byte == 45;
    const after = readNumber(isNegative ? s + 1 : s);
    if (after < 0) return fail(MALFORMED, <usize>~after);
    s = <usize>after;
    let value = valueOfNumber();
    if (value == Infinity) return fail(OUT_OF_RANGE, first);
    if (value != value) {
      listSlow(slowCount++, count, first, s);
      value = 0;
    }
    const rounded = <f32>value;
    store<f32>(NUMBERS + ((<usize>count) << 2), isNegative ? -rounded : rounded);
    count++;
    s = skipSpace(s);
    byte = load<u8>(s);
    if (byte == 93) break;
    if (byte != 44) return fail(MALFORMED, s);
    s = skipSpace(s + 1);
  }
  report(s + 1, slowCount);
  return <i32>count;
}

@inline
function listSlow(slowCount: u32, position: u32, first: usize, end: usize): void {
  const slow = SLOW + (<usize>slowCount) * 12;
  store<u32>(slow, position);
  store<u32>(slow, <u32>(first - TEXT), 4);
  store<u32>(slow, <u32>(end - TEXT), 8);
}

/** Whether a byte begins a JSON value that is no number: `"`, `[`, `{`, true, false, null. */
@inline
function startsOther(byte: u32): bool {
  return byte == 34 || byte == 91 || byte == 123 || byte == 116 || byte == 102 || byte == 110;
}

function startsValue(byte: u32): bool {
  return isDigit(byte) || byte == 45 || startsOther(byte);
}

@inline
function powerOfTen(n: i32): f64 {
  return load<f64>(POWERS + ((<usize>n) << 3));
}

/** mantissa × 10^power by at most four correctly rounded operations; power is -66 … 40. */
function scaled(mantissa: f64, power: i32): f64 {
  let value = mantissa;
  let left = power;
  while (left < -22) {
    value /= powerOfTen(22);
    left += 22;
  }
  if (left < 0) return value / powerOfTen(-left);
  if (left > 22) {
    value *= powerOfTen(22);
    left -= 22;
  }
  return value * powerOfTen(left);
}
