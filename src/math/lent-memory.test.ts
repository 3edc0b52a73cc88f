import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { KERNELS_FILE, loadKernelModule } from "./kernel-set.ts";
import { giveBackMemory, lendMemory } from "./lent-memory.ts";
import { PAGE_BYTES } from "./wasm.ts";

const MIB = 1_048_576;
const bytes = readFileSync(KERNELS_FILE.beside);

it("a memory that was given back is lent again, longer when it must be", () => {
  const module = loadKernelModule(bytes);
  const first = lendMemory(module, 1);
  expect(first.memory.buffer.byteLength).toBe(PAGE_BYTES);
  giveBackMemory(module, first);
  const second = lendMemory(module, MIB + 1);
  expect(second).toBe(first);
  expect(second.memory.buffer.byteLength).toBe(MIB + PAGE_BYTES);
  // The kernels see what was added.
  expect(second.kernels.bitmapCount(MIB, 64)).toBe(0);
});

it("two borrowers never have one memory, and none is given back twice", () => {
  const module = loadKernelModule(bytes);
  const [one, other] = [lendMemory(module, 1), lendMemory(module, 1)];
  expect(one).not.toBe(other);
  giveBackMemory(module, one);
  expect(() => {
    giveBackMemory(module, one);
  }).toThrow("given back once");
});

it("a thread keeps few, and none that is large", () => {
  const module = loadKernelModule(bytes);
  const lent = Array.from({ length: 6 }, () => lendMemory(module, 1));
  for (const each of lent) giveBackMemory(module, each);
  const again = Array.from({ length: 6 }, () => lendMemory(module, 1));
  expect(again.filter((each) => lent.includes(each))).toHaveLength(4);
  const large = lendMemory(module, 5 * MIB);
  giveBackMemory(module, large);
  expect(lendMemory(module, 5 * MIB)).not.toBe(large);
});
