import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ArenaPool } from "./arena-pool.ts";
import type { Extent } from "./extent.ts";
import { PAGE_BYTES, createSharedMemory } from "./wasm.ts";
import type { SharedMemory } from "./wasm.ts";

const MIB = 1_048_576;

describe("an arena pool", () => {
  it("keeps extents apart, inside their memory and out of page 0", () => {
    const action = fc.oneof(
      fc.record({
        kind: fc.constant("allocate" as const),
        bytes: fc.integer({ min: 1, max: 3 * MIB }),
      }),
      fc.record({
        kind: fc.constant("allocate" as const),
        bytes: fc.integer({ min: 1, max: 20_000 }),
      }),
      fc.record({ kind: fc.constant("free" as const), bytes: fc.nat() }),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const pool = new ArenaPool({ bytesMax: 64 * MIB, stepBytes: MIB, arenaPagesMax: 100 });
        const extents: Extent[] = [];
        for (const { kind, bytes } of actions) {
          if (kind === "allocate") {
            let extent: Extent;
            try {
              extent = pool.allocate(bytes);
            } catch (error) {
              expect(error).toMatchObject({ code: "memory_exhausted" });
              continue;
            }
            expect(extent.offset).toBeGreaterThanOrEqual(PAGE_BYTES);
            expect(pool.bytes(extent).length).toBe(bytes);
            for (const other of extents) {
              const isApart =
                other.arena !== extent.arena ||
                other.offset + other.bytes <= extent.offset ||
                extent.offset + extent.bytes <= other.offset;
              expect(isApart).toBe(true);
            }
            extents.push(extent);
          } else {
            const [extent] = extents.splice(bytes % Math.max(1, extents.length), 1);
            if (extent !== undefined) pool.free(extent);
          }
          expect(pool.capacityBytes).toBeLessThanOrEqual(64 * MIB);
        }
        for (const extent of extents) pool.free(extent);
        expect(pool.usedBytes).toBe(0);
      }),
      { numRuns: 40 },
    );
  });

  it("gives the same answers to the same calls", () => {
    const run = (): Extent[] => {
      const pool = new ArenaPool({ bytesMax: 64 * MIB, stepBytes: MIB });
      const extents = [5000, 70_000, 4096, 2 * MIB, 9000].map((bytes) => pool.allocate(bytes));
      for (const extent of extents.slice(1, 3)) pool.free(extent);
      return [...extents, pool.allocate(12_000), pool.allocate(60_000)];
    };
    expect(run()).toEqual(run());
  });

  it("keeps small and large extents in different arenas and tells of each once", () => {
    const pool = new ArenaPool({ bytesMax: 64 * MIB, stepBytes: MIB });
    const early: number[] = [];
    pool.onArena((arena) => early.push(arena));
    const small = pool.allocate(MIB);
    const large = pool.allocate(MIB + 1);
    expect(small.arena).not.toBe(large.arena);
    expect(pool.allocate(100).arena).toBe(small.arena);
    const late: number[] = [];
    pool.onArena((arena, memory) => {
      expect(memory).toBe(pool.memoryOf(arena));
      late.push(arena);
    });
    expect(early).toEqual([0, 1]);
    expect(late).toEqual([0, 1]);
    expect(pool.allocateIn(large.arena, 100).arena).toBe(large.arena);
  });

  it("stays within the budget to the byte of a page, and works again after a free", () => {
    const pool = new ArenaPool({ bytesMax: PAGE_BYTES + 5 * MIB, stepBytes: 64 * MIB });
    const extent = pool.allocate(4 * MIB);
    expect(() => pool.allocate(2 * MIB)).toThrow(
      expect.objectContaining({ code: "memory_exhausted" }),
    );
    expect(() => pool.allocate(100)).toThrow(expect.objectContaining({ code: "memory_exhausted" }));
    expect(pool.capacityBytes).toBe(PAGE_BYTES + 5 * MIB);
    pool.free(extent);
    expect(pool.usedBytes).toBe(0);
    expect(pool.allocate(3 * MIB).offset).toBe(extent.offset);
  });

  it("holds a gibibyte extent in a memory hardly larger", () => {
    const pool = new ArenaPool({ bytesMax: 1_100 * MIB });
    const extent = pool.allocate(1_024 * MIB);
    expect(pool.capacityBytes).toBe(1_024 * MIB + PAGE_BYTES);
    expect(pool.bytes(extent).length).toBe(1_024 * MIB);
    expect(() => pool.allocate(1_024 * MIB + 1)).toThrow(/1 GiB/);
  });

  it("opens another arena when one is full", () => {
    const pool = new ArenaPool({ bytesMax: 64 * MIB, stepBytes: MIB, arenaPagesMax: 65 });
    const arenas = Array.from({ length: 6 }, () => pool.allocate(2 * MIB).arena);
    expect(arenas).toEqual([0, 0, 1, 1, 2, 2]);
    expect(() => pool.allocateIn(0, MIB)).toThrow(
      expect.objectContaining({ code: "memory_exhausted" }),
    );
  });

  it("shows bytes written before a growth in views taken after it", () => {
    const pool = new ArenaPool({ bytesMax: 64 * MIB, stepBytes: MIB });
    const extent = pool.allocate(8_192);
    const early = pool.float32(extent);
    early.fill(1.5);
    const others = Array.from({ length: 20 }, () => pool.allocate(MIB));
    expect(pool.float32(extent).every((value) => value === 1.5)).toBe(true);
    early[3] = 7;
    expect(pool.float32(extent)[3]).toBe(7);
    expect(pool.uint32(extent).length).toBe(2_048);
    pool.clear(extent);
    expect(pool.bytes(extent).every((value) => value === 0)).toBe(true);
    for (const other of others) pool.free(other);
  });

  it("refuses a second free, a foreign extent and a size of nothing", () => {
    const pool = new ArenaPool({ bytesMax: 64 * MIB, stepBytes: MIB });
    const extent = pool.allocate(5_000);
    const broken = expect.objectContaining({ code: "invariant_broken" });
    pool.free(extent);
    expect(() => {
      pool.free(extent);
    }).toThrow(broken);
    expect(() => {
      pool.free({ ...extent, arena: 9 });
    }).toThrow(broken);
    expect(() => {
      pool.free({ ...extent, offset: 0 });
    }).toThrow(broken);
    expect(() => {
      pool.free({ ...extent, offset: extent.offset + 16 });
    }).toThrow(broken);
    expect(() => pool.allocate(0)).toThrow(broken);
    expect(() => pool.allocate(1.5)).toThrow(broken);
  });

  it("asks for less address space when the system refuses, down to 64 MiB", () => {
    const asked: number[] = [];
    const pool = new ArenaPool({
      bytesMax: 512 * MIB,
      createMemory: (initial, maximum): SharedMemory => {
        asked.push(maximum);
        if (maximum > 4_096) throw new RangeError("could not allocate memory");
        return createSharedMemory(initial, maximum);
      },
    });
    pool.allocate(2 * MIB);
    expect(asked).toEqual([65_536, 32_768, 16_384, 8_192, 4_096]);
    pool.allocate(100);
    expect(asked.at(-1)).toBe(4_096);
    expect(() => pool.allocate(300 * MIB)).toThrow(
      expect.objectContaining({ code: "memory_exhausted" }),
    );
  });

  it("reports memory_exhausted when the system gives nothing at all", () => {
    const refusal = new RangeError("no");
    const pool = new ArenaPool({
      bytesMax: 512 * MIB,
      createMemory: () => {
        throw refusal;
      },
    });
    expect(() => pool.allocate(100)).toThrow(
      expect.objectContaining({ code: "memory_exhausted", cause: refusal }),
    );
    expect(pool.capacityBytes).toBe(0);
  });
});
