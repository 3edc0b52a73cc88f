/**
 * Turns the memtable of a shard into one immutable segment.
 *
 * Freeze (in the writer's turn) → build and sync under `tmp/` or in a pack → manifest frame (in the
 * turn) → rename. Rows that die while the segment is built are known by their live bits and die in
 * the segment too; their frames are behind `flushedSequence`, so a replay after a crash finds them
 * again.
 */
import { toHex, toSegmentUid } from "../base/brands.ts";
import { ByteWriter } from "../base/bytes.ts";
import { addDeadRow, encodeDeadRows } from "./dead-rows.ts";
import type { BuildInput } from "./build-input.ts";
import { runBuild } from "./segment-build.ts";
import { placeSegment } from "./segment-place.ts";
import type { Memtable } from "./memtable.ts";
import type { ShardContext } from "./shard-context.ts";
import type { ShardStructure } from "./shard-structure.ts";
import type { ShardWriter } from "./shard-writer.ts";

/** Bytes of the segment that was written; 0 when there was nothing to write. */
export async function flushShard(structure: ShardStructure, writer: ShardWriter): Promise<number> {
  // A memtable that is still frozen belongs to a flush that failed: it is tried again first.
  if (structure.frozen === undefined) {
    const isFrozen = await writer.exclusive(() => Promise.resolve(freeze(structure)));
    if (!isFrozen) return 0;
  }
  const { frozen } = structure;
  if (frozen === undefined) return 0;
  // A reset may let go of the memtable while its rows are read.
  frozen.retain();
  try {
    return await writeFrozen(structure, writer, frozen);
  } finally {
    frozen.release();
  }
}

async function writeFrozen(
  structure: ShardStructure,
  writer: ShardWriter,
  frozen: Memtable,
): Promise<number> {
  const { context, state } = structure;
  const segment = toSegmentUid(context.random.bytes(16));
  const sealed = structure.seal?.newSegmentKey(segment);
  const input: BuildInput = {
    plan: {
      segment,
      shard: state.uid,
      key: sealed?.key,
      fields: structure.schema.vectors,
      sparseFields: structure.schema.sparseVectors,
      unfilterable: structure.schema.unfilterable,
      sequenceMax: frozen.sequence,
      deadRows: frozen.deadElsewhere.size === 0 ? undefined : encodeDeadRows(frozen.deadElsewhere),
    },
    rows: {
      kind: "memtable",
      ...(await packRows(frozen, context)),
      blocks: rowBlocks(frozen, structure),
      sparse: frozen.packSparse(),
    },
  };
  const built = await runBuild(context, input);
  const { order } = built;
  const placed = await placeSegment(context, input.plan, built.bytes);
  return writer.exclusive(async () => {
    if (structure.frozen !== frozen) {
      await placed.abandon();
      return 0;
    }
    const entry = {
      uid: segment,
      location: placed.location,
      rowCount: order.length,
      sequenceMax: frozen.sequence,
      deadRows: new Uint32Array(0),
      wrappedKey: sealed?.wrapped,
    };
    await context.catalog.commitManifest(state, {
      removed: [],
      added: [entry],
      flushedSequence: frozen.sequence,
    });
    const handle = structure.handleOf(entry);
    for (let row = 0; row < order.length; row++) {
      if (frozen.isLive(order[row] ?? 0)) continue;
      handle.kill(row);
      addDeadRow(structure.active.deadElsewhere, toHex(segment), row);
    }
    structure.segments = [...structure.segments, handle];
    structure.frozen = undefined;
    frozen.release();
    // In the turn: whoever merges or removes the segment finds it under its final name.
    await placed.settle();
    return placed.location.bytes;
  });
}

function freeze(structure: ShardStructure): boolean {
  if (structure.active.isEmpty) return false;
  structure.frozen = structure.active;
  structure.active = structure.newMemtable();
  structure.active.sequence = structure.frozen.sequence;
  return true;
}

/** Keys and metadata of the live rows in one buffer, packed in slices: a memtable can be large. */
async function packRows(
  memtable: Memtable,
  { turn }: Pick<ShardContext, "turn">,
): Promise<{ readonly records: Uint8Array; readonly count: number }> {
  const writer = new ByteWriter(65_536);
  let count = 0;
  for (let row = 0; row < memtable.rowCount; row += PACK_STEP_ROWS) {
    count += memtable.packRecords(writer, row, row + PACK_STEP_ROWS);
    if (row + PACK_STEP_ROWS < memtable.rowCount) await turn("background");
  }
  return { records: writer.finish(), count };
}

/** Rows packed before the thread is given back: about 2 ms. */
const PACK_STEP_ROWS = 2_048;

function rowBlocks(
  memtable: Memtable,
  structure: ShardStructure,
): Extract<BuildInput["rows"], { kind: "memtable" }>["blocks"] {
  return structure.schema.vectors.map(({ name }) => ({
    field: name,
    blocks: memtable.rows(name).describe(),
  }));
}
