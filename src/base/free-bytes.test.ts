import { createCipheriv } from "node:crypto";
import { expect, it } from "vitest";
import { freeBytes } from "./free-bytes.ts";

const MIB = 1_048_576;

const plain = Buffer.alloc(MIB);

function sealed(): Buffer {
  return createCipheriv("aes-256-gcm", Buffer.alloc(32), Buffer.alloc(12)).update(plain);
}

it("frees what a cipher answered, at once", () => {
  const before = process.memoryUsage().arrayBuffers;
  for (let i = 0; i < 200; i++) freeBytes(sealed());
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20 * MIB);
  const bytes = sealed();
  freeBytes(bytes);
  expect([bytes.length, bytes.buffer.byteLength]).toEqual([0, 0]);
  freeBytes(bytes);
});

it("leaves alone what is part of more, shared, or small", () => {
  const whole = Buffer.allocUnsafeSlow(MIB).fill(7);
  freeBytes(whole.subarray(0, MIB / 2));
  freeBytes(whole.subarray(MIB / 2));
  expect(whole.every((byte) => byte === 7)).toBe(true);
  const shared = new Uint8Array(new SharedArrayBuffer(MIB));
  freeBytes(shared);
  expect(shared.length).toBe(MIB);
  const small = Buffer.allocUnsafeSlow(100).fill(7);
  freeBytes(small);
  expect(small.length).toBe(100);
});
