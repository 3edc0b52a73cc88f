/** What a look at the metadata of a row costs, and memtables looked at row by row, in turns. */
import type { Pace } from "../base/pace.ts";
import type { CompiledFilter } from "../model/index.ts";
import type { MemtableView } from "./read-view.ts";

/** Steps of a row, and bytes of metadata that one leaf of a filter goes through in a step. */
const ROW_STEPS = 48;
const BYTES_PER_STEP = 8;
/** Rows that are not looked at are passed over, so many in a step. */
const PASSED_PER_STEP = 4;

/** Steps of one filter on one row. */
export function lookSteps({ leafCount }: CompiledFilter, metadata: Uint8Array | undefined): number {
  return ROW_STEPS + Math.ceil(((metadata?.length ?? 0) * leafCount) / BYTES_PER_STEP);
}

/** Live rows of a memtable that pass, one bit a row; at once when they are few. */
export function lookAtMemtable(
  view: MemtableView,
  compiled: CompiledFilter,
  pace: Pace,
): Uint8Array | Promise<Uint8Array> {
  const looked: Looked = {
    ...{ view, compiled },
    bits: new Uint8Array((view.rowCount + 7) >>> 3),
    next: 0,
  };
  if (lookOn(looked, pace)) return looked.bits;
  return lookLater(looked, pace);
}

interface Looked {
  readonly view: MemtableView;
  readonly compiled: CompiledFilter;
  readonly bits: Uint8Array;
  /** The row that is next. */
  next: number;
}

async function lookLater(looked: Looked, pace: Pace): Promise<Uint8Array> {
  do await pace.rest();
  while (!lookOn(looked, pace));
  return looked.bits;
}

/** As many rows as there are steps for; true when it was the last. */
function lookOn(looked: Looked, pace: Pace): boolean {
  const { view, compiled, bits } = looked;
  const { memtable, rowCount, liveBits } = view;
  const { left } = pace;
  let steps = 0;
  let row = looked.next;
  for (; row < rowCount && steps < left; row++) {
    const bit = 1 << (row & 7);
    steps += 1 / PASSED_PER_STEP;
    if (liveBits !== undefined && ((liveBits[row >>> 3] ?? 0) & bit) === 0) continue;
    const metadata = memtable.metadata(row);
    steps += lookSteps(compiled, metadata);
    if (compiled.matches(metadata)) bits[row >>> 3] = (bits[row >>> 3] ?? 0) | bit;
  }
  pace.add(steps);
  looked.next = row;
  return row >= rowCount;
}
