/** Reads a range and does next to nothing with it: what a scan could reach at best. */
export function readLoop(start: usize, bytes: usize): u32 {
  let a = i32x4.splat(0), b = i32x4.splat(0), c = i32x4.splat(0), d = i32x4.splat(0);
  for (let j = start, end = start + (bytes & ~63); j < end; j += 64) {
    a = v128.xor(a, v128.load(j));
    b = v128.xor(b, v128.load(j, 16));
    c = v128.xor(c, v128.load(j, 32));
    d = v128.xor(d, v128.load(j, 48));
  }
  const all = v128.xor(v128.xor(a, b), v128.xor(c, d));
  const low = i32x4.extract_lane(all, 0) ^ i32x4.extract_lane(all, 1);
  return low ^ i32x4.extract_lane(all, 2) ^ i32x4.extract_lane(all, 3);
}
