import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { buildKernels } from "../../scripts/build-kernels.mjs";
import { KERNELS_FILE } from "./kernel-set.ts";

const DATA_SECTION = 11;
const START_SECTION = 8;

interface WasmImport {
  readonly name: string;
  readonly kind: number;
}

interface WasmSummary {
  readonly sections: readonly number[];
  readonly imports: readonly WasmImport[];
  readonly mutableGlobals: number;
  readonly memoryFlags: number;
  readonly memoryPagesMax: number;
}

/**
 * Reads as much of the binary format as the checks need. Source: WebAssembly specification, chapter
 * 5.
 */
class WasmReader {
  readonly #bytes: Uint8Array;
  position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.position >= this.#bytes.length;
  }

  byte(): number {
    return this.#bytes[this.position++] ?? 0;
  }

  unsigned(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.byte();
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  }

  name(): string {
    const length = this.unsigned();
    this.position += length;
    return Buffer.from(this.#bytes.subarray(this.position - length, this.position)).toString();
  }
}

function summarize(bytes: Uint8Array): WasmSummary {
  const reader = new WasmReader(bytes);
  expect([...bytes.subarray(0, 8)]).toEqual([0, 0x61, 0x73, 0x6d, 1, 0, 0, 0]);
  reader.position = 8;
  const sections: number[] = [];
  const imports: WasmImport[] = [];
  let mutableGlobals = 0;
  let memoryFlags = 0;
  let memoryPagesMax = 0;
  while (!reader.isAtEnd) {
    const section = reader.byte();
    const end = reader.unsigned() + reader.position;
    sections.push(section);
    if (section === 2) {
      for (let count = reader.unsigned(); count > 0; count--) {
        const name = `${reader.name()}.${reader.name()}`;
        const kind = reader.byte();
        imports.push({ name, kind });
        if (kind !== 2) break;
        memoryFlags = reader.byte();
        reader.unsigned();
        memoryPagesMax = reader.unsigned();
      }
    }
    if (section === 6) mutableGlobals = countMutable(reader, end);
    reader.position = end;
  }
  return { sections, imports, mutableGlobals, memoryFlags, memoryPagesMax };
}

/** Constants of one instruction are all a global of ours can begin with. */
function countMutable(reader: WasmReader, end: number): number {
  let mutable = 0;
  for (let count = reader.unsigned(); count > 0; count--) {
    reader.byte();
    mutable += reader.byte();
    const instruction = reader.byte();
    if (instruction === 0x43) reader.position += 4;
    else if (instruction === 0x44) reader.position += 8;
    else reader.unsigned();
    expect(reader.byte()).toBe(0x0b);
  }
  expect(reader.position).toBe(end);
  return mutable;
}

describe("the binary of the kernels", () => {
  let summary: WasmSummary;

  beforeAll(async () => {
    await buildKernels();
    summary = summarize(readFileSync(KERNELS_FILE.beside));
  });

  it("has no data section, which a second instance would write over the first one's", () => {
    expect(summary.sections).not.toContain(DATA_SECTION);
    expect(summary.sections).not.toContain(12);
  });

  it("runs nothing when it is instantiated", () => {
    expect(summary.sections).not.toContain(START_SECTION);
  });

  it("has no mutable global", () => {
    expect(summary.mutableGlobals).toBe(0);
  });

  it("imports a shared memory of up to 4 GiB and nothing else", () => {
    expect(summary.imports).toEqual([{ name: "env.memory", kind: 2 }]);
    expect(summary.memoryFlags).toBe(3);
    expect(summary.memoryPagesMax).toBe(65_536);
  });

  it("is not compiled again while its sources are the same", async () => {
    expect((await buildKernels()).compiled).toBe(false);
  });
});

describe("the reader of this test", () => {
  it("sees a mutable global and a data section", () => {
    // (module (global (mut i32) (i32.const 5)) (memory 1) (data (i32.const 0) "a")), put together
    // by hand.
    const header = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
    const memory = [5, 3, 1, 0, 1];
    const global = [6, 6, 1, 0x7f, 1, 0x41, 5, 0x0b];
    const data = [11, 7, 1, 0, 0x41, 0, 0x0b, 1, 0x61];
    const summary = summarize(Uint8Array.from([...header, ...memory, ...global, ...data]));
    expect(summary.mutableGlobals).toBe(1);
    expect(summary.sections).toContain(DATA_SECTION);
  });
});
