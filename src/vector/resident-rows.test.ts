import { expect, it } from "vitest";
import { codeStrideBytes, int8Layout, rowStrideBytes } from "../math/index.ts";
import { openMemory } from "./graph/graph-reference.contract.ts";
import { ResidentRows } from "./resident-rows.ts";
import type { SectionBytes } from "./row-parts.ts";

const ROWS = 100;
const DIMENSION = 20;
const ROW_BYTES = ROWS * rowStrideBytes(DIMENSION);

function zeros(length: number): SectionBytes {
  return {
    length,
    readInto: (_, target) => {
      target.fill(0);
      return Promise.resolve();
    },
  };
}

async function hasRows(residentRowsBytesMax: number, spareBytes: number): Promise<boolean> {
  const memory = await openMemory();
  const codes = ROWS * codeStrideBytes(DIMENSION);
  const resident = await ResidentRows.load(memory, {
    field: { name: "v", dimension: DIMENSION },
    rowCount: ROWS,
    codes: zeros(codes),
    factors: zeros(int8Layout(DIMENSION, ROWS).bytes - codes),
    rows: zeros(ROW_BYTES),
    graph: undefined,
    metric: "dot",
    ...{ residentRowsBytesMax, spareBytes, rowPartBytesMax: 1_048_576 },
  });
  const found = resident.hasRows;
  resident.release();
  expect(memory.arenas.usedBytes).toBe(0);
  return found;
}

it.each([
  ["that are few are in memory, however full it is", ROW_BYTES, -1, true],
  ["that are many are there while there is room", 0, ROW_BYTES, true],
  ["that are many stay in their file when there is none", ROW_BYTES - 1, ROW_BYTES - 1, false],
])("float32 rows %s", async (_, residentRowsBytesMax, spareBytes, isThere) => {
  expect(await hasRows(residentRowsBytesMax, spareBytes)).toBe(isThere);
});
