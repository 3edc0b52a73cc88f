import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BuddyAllocator } from "./buddy.ts";

describe("a buddy allocator", () => {
  it("never hands out overlapping blocks, and joins everything when all come back", () => {
    const action = fc.oneof(
      fc.record({ kind: fc.constant("allocate" as const), order: fc.integer({ min: 0, max: 6 }) }),
      fc.record({ kind: fc.constant("free" as const), pick: fc.nat() }),
      fc.record({ kind: fc.constant("extend" as const), units: fc.integer({ min: 1, max: 90 }) }),
    );
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
        const allocator = new BuddyAllocator(6);
        const blocks: { unit: number; order: number }[] = [];
        let owner = new Uint8Array(0);
        for (const action of actions) {
          if (action.kind === "extend") {
            allocator.extend(allocator.capacity + action.units);
            const grown = new Uint8Array(allocator.capacity);
            grown.set(owner);
            owner = grown;
          } else if (action.kind === "allocate") {
            const predicted = allocator.capacityFor(action.order);
            const unit = allocator.allocate(action.order);
            expect(unit >= 0).toBe(predicted === allocator.capacity);
            if (unit < 0) continue;
            const size = 2 ** action.order;
            expect(unit % size).toBe(0);
            expect(unit + size).toBeLessThanOrEqual(allocator.capacity);
            expect(owner.subarray(unit, unit + size).every((used) => used === 0)).toBe(true);
            owner.fill(1, unit, unit + size);
            blocks.push({ unit, order: action.order });
          } else {
            const [block] = blocks.splice(action.pick % Math.max(1, blocks.length), 1);
            if (block === undefined) continue;
            allocator.free(block.unit, block.order);
            owner.fill(0, block.unit, block.unit + 2 ** block.order);
          }
          expect(allocator.used).toBe(owner.reduce((sum, used) => sum + used, 0));
        }
        for (const { unit, order } of blocks) allocator.free(unit, order);
        expect(allocator.used).toBe(0);
        // Everything is joined again: as many largest blocks as fit, in whatever order.
        for (let i = 0; i < Math.floor(allocator.capacity / 64); i++) {
          expect(allocator.allocate(6)).toBeGreaterThanOrEqual(0);
        }
      }),
      { numRuns: 200 },
    );
  });

  it("gives neighbouring units that are nobody else's, and the rest to others", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ units: fc.integer({ min: 1, max: 64 }), pick: fc.nat() }), {
          maxLength: 150,
        }),
        (actions) => {
          const allocator = new BuddyAllocator(6);
          allocator.extend(256);
          const owner = new Uint8Array(256);
          const taken: { first: number; units: number }[] = [];
          for (const { units, pick } of actions) {
            const first = allocator.allocateUnits(units);
            if (first >= 0) {
              expect(owner.subarray(first, first + units).every((used) => used === 0)).toBe(true);
              owner.fill(1, first, first + units);
              taken.push({ first, units });
            }
            if (first < 0 || pick % 3 === 0) {
              const [given] = taken.splice(pick % Math.max(1, taken.length), 1);
              if (given === undefined) continue;
              allocator.freeUnits(given.first, given.units);
              owner.fill(0, given.first, given.first + given.units);
            }
            expect(allocator.used).toBe(owner.reduce((sum, used) => sum + used, 0));
          }
          for (const { first, units } of taken) allocator.freeUnits(first, units);
          expect(allocator.used).toBe(0);
          for (let i = 0; i < 4; i++) expect(allocator.allocate(6)).toBeGreaterThanOrEqual(0);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("what was cut off is used by the next, and nothing is given back twice", () => {
    const allocator = new BuddyAllocator(4);
    allocator.extend(16);
    const first = allocator.allocateUnits(9);
    expect(allocator.used).toBe(9);
    expect(allocator.allocate(2)).toBe(first + 12);
    allocator.freeUnits(first, 9);
    expect(() => {
      allocator.freeUnits(first, 9);
    }).toThrow(/block in use/);
  });

  it("says which capacity a block needs, and keeps its word", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 200 }),
        fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 30 }),
        fc.integer({ min: 0, max: 7 }),
        (capacity, orders, order) => {
          const allocator = new BuddyAllocator(7);
          allocator.extend(capacity);
          for (const taken of orders) allocator.allocate(taken);
          const needed = allocator.capacityFor(order);
          if (needed > capacity) {
            allocator.extend(needed - 1);
            expect(allocator.allocate(order)).toBe(-1);
          }
          allocator.extend(needed);
          expect(allocator.allocate(order)).toBeGreaterThanOrEqual(0);
        },
      ),
    );
  });

  it("refuses a block that is free, of another size, or inside another", () => {
    const allocator = new BuddyAllocator(4);
    allocator.extend(16);
    const unit = allocator.allocate(2);
    expect(() => {
      allocator.free(unit, 1);
    }).toThrow(/block in use/);
    expect(() => {
      allocator.free(unit + 1, 0);
    }).toThrow(/block in use/);
    allocator.free(unit, 2);
    expect(() => {
      allocator.free(unit, 2);
    }).toThrow(/block in use/);
    expect(() => {
      allocator.free(999, 0);
    }).toThrow(/block in use/);
  });
});
