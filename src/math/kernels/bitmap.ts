/**
 * Sets of rows, bit r in byte r / 8, lowest bit first. A range holds whole 16-byte groups; bits at
 * and past `bits` in the last group are 0 and stay 0.
 */

@inline
function bytesOf(bits: u32): usize {
  return ((<usize>bits + 127) >>> 7) << 4;
}

/** target ∩ source. */
export function bitmapAnd(target: usize, source: usize, bits: u32): void {
  for (let j: usize = 0, end = bytesOf(bits); j < end; j += 16) {
    v128.store(target + j, v128.and(v128.load(target + j), v128.load(source + j)));
  }
}

/** target ∪ source. */
export function bitmapOr(target: usize, source: usize, bits: u32): void {
  for (let j: usize = 0, end = bytesOf(bits); j < end; j += 16) {
    v128.store(target + j, v128.or(v128.load(target + j), v128.load(source + j)));
  }
}

/** target without source. */
export function bitmapAndNot(target: usize, source: usize, bits: u32): void {
  for (let j: usize = 0, end = bytesOf(bits); j < end; j += 16) {
    v128.store(target + j, v128.andnot(v128.load(target + j), v128.load(source + j)));
  }
}

/** The rows below `bits` that are not in target. */
export function bitmapNot(target: usize, bits: u32): void {
  const end = bytesOf(bits);
  for (let j: usize = 0; j < end; j += 16) v128.store(target + j, v128.not(v128.load(target + j)));
  for (let bit = bits; bit < <u32>(end << 3); ) {
    const byte = target + <usize>(bit >>> 3);
    store<u8>(byte, load<u8>(byte) & <u8>((<u32>1 << (bit & 7)) - 1));
    bit = (bit | 7) + 1;
  }
}

/** How many rows are in it. */
export function bitmapCount(target: usize, bits: u32): u32 {
  let count: u64 = 0;
  for (let j: usize = 0, end = bytesOf(bits); j < end; j += 16) {
    count += popcnt<u64>(load<u64>(target + j)) + popcnt<u64>(load<u64>(target + j, 8));
  }
  return <u32>count;
}
