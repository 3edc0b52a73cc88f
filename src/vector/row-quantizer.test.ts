import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { KERNELS_FILE, loadKernelModule, type WasmModule } from "../math/index.ts";
import { RowQuantizer } from "./row-quantizer.ts";

const bytes = readFileSync(KERNELS_FILE.beside);

/** Padded rows, codes and factors of `values`. */
function quantize(
  module: WasmModule,
  dimension: number,
  values: Float32Array,
): readonly number[][] {
  const quantizer = new RowQuantizer(module, dimension, values.length / dimension);
  const padded = [...quantizer.add(values)].flatMap((piece) => [...piece]);
  const { codes, factors } = quantizer.finish();
  return [padded, [...codes], [...factors]];
}

it("what another segment left in the memory changes nothing", () => {
  const values = Float32Array.from({ length: 7 * 5 }, (_, i) => Math.sin(i));
  const fresh = quantize(loadKernelModule(bytes), 5, values);
  const module = loadKernelModule(bytes);
  quantize(module, 33, new Float32Array(33 * 40).fill(3.4e38));
  expect(quantize(module, 5, values)).toEqual(fresh);
});

it("a segment after another takes no address space of its own", () => {
  const module = loadKernelModule(bytes);
  interface Global {
    Memory: new (descriptor: object) => object;
  }
  const { WebAssembly: global } = globalThis as unknown as { readonly WebAssembly: Global };
  const { Memory } = global;
  let made = 0;
  global.Memory = class extends Memory {
    constructor(descriptor: object) {
      super(descriptor);
      made++;
    }
  };
  try {
    for (let i = 0; i < 20; i++) quantize(module, 4, Float32Array.of(1, 2, 3, 4));
    expect(made).toBe(1);
  } finally {
    global.Memory = Memory;
  }
});
