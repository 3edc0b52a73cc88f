/**
 * CRC-32 (IEEE 802.3), the checksum of all our files: Node computes it at about 2 GB/s without a
 * native module of ours.
 */
import { crc32 as zlibCrc32 } from "node:zlib";

/** Checksum of `bytes`, continuing from `seed` (the checksum of what came before). */
export function crc32(bytes: Uint8Array, seed = 0): number {
  return zlibCrc32(bytes, seed);
}
