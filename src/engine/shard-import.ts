/**
 * Makes a shard out of an image, up to the commit: new identities, keys wrapped anew, segments
 * written and synced under `tmp/` or in a pack, frames in the log. Nothing names any of it before
 * the caller commits {@link ImportedShard.changes}; a crash before leaves what a start removes.
 */
import { shardHex, toShardUid, type ShardUid } from "../base/brands.ts";
import { InsulaError } from "../base/errors.ts";
import { Pace } from "../base/pace.ts";
import type { ShardImage } from "../backup/index.ts";
import {
  FRAME_DATA,
  ShardSeal,
  encodeShardState,
  newShardState,
  type ShardState,
  type TailExtent,
} from "../shard/index.ts";
import type { CatalogChange } from "./catalog-commit.ts";
import { shardKey, totalsKey } from "./catalog-keys.ts";
import type { NodeContext } from "./node-context.ts";
import { importSegments, type ImportTarget, type ImportedSegments } from "./segment-import.ts";

export interface ImportedShard {
  readonly uid: ShardUid;
  /** Make the shard and its totals; to be committed with whatever names it. */
  readonly changes: readonly CatalogChange[];
  /** Call when the changes are durable. */
  settle(): Promise<void>;
  /** Call instead when they will not be. */
  abandon(): Promise<void>;
}

/** @param collectionNumber whose key is in the catalogue already, though perhaps not its name. */
export async function importShard(
  node: NodeContext,
  image: ShardImage,
  collectionNumber: number,
): Promise<ImportedShard> {
  const uid = toShardUid(node.shards.random.bytes(16));
  const keySlot = await takeSlot(node, image);
  const state = newShardState(uid, collectionNumber, keySlot);
  const key = await node.shards.keys.keyOf(state);
  const target = { state, seal: key && new ShardSeal(uid, key, node.shards.random) };
  // Frames come into the newest file or a later one, and no tail names them yet.
  const from = node.log.position.file;
  const endHold = node.logHolds.hold((file) => file >= from);
  let imported: ImportedSegments | undefined;
  const abandon = async (): Promise<void> => {
    endHold();
    await imported?.abandon();
  };
  try {
    imported = await importSegments(node, image.segments, target);
    const { entries: segments } = imported;
    const settle = (): Promise<void> | undefined => imported?.settle();
    const tail = await importTail(node, image, target);
    const { sequence, flushedSequence, rowCount, byteCount } = image;
    const row = { ...state, sequence, flushedSequence, rowCount, byteCount, segments, tail };
    return {
      uid,
      changes: shardChanges(row),
      abandon,
      settle: async () => {
        endHold();
        await settle();
      },
    };
  } catch (error) {
    await abandon();
    throw error;
  }
}

function shardChanges(row: ShardState): readonly CatalogChange[] {
  const key = totalsKey(row.collectionNumber);
  const { rowCount: rows, byteCount: bytes } = row;
  return [
    { kind: "put", key: shardKey(row.uid), value: encodeShardState(row) },
    { kind: "key-slot", slot: row.keySlot },
    { kind: "totals", key, rows, bytes, children: 0 },
  ];
}

/** What is sealed stays sealed, whether or not new data is. */
async function takeSlot(node: NodeContext, image: ShardImage): Promise<number> {
  const slot = await node.takeKeySlot();
  if (slot !== 0 || image.segments.every(({ key }) => key === undefined)) return slot;
  if (node.vault !== undefined) return node.vault.slots.take();
  throw new InsulaError(
    "operation_unsupported",
    "Cannot restore the data: they are sealed, and this data folder has no keys.",
  );
}

async function importTail(
  node: NodeContext,
  image: ShardImage,
  { state, seal }: ImportTarget,
): Promise<TailExtent[]> {
  const tail: TailExtent[] = [];
  const pace = new Pace(() => node.turns.next(shardHex(state.uid), "background"));
  for (const { sequence, payload } of await image.tail()) {
    const { file, offset, length, crc } = await node.log.append({
      shard: state.uid,
      kind: FRAME_DATA,
      sequenceFirst: sequence,
      sequenceLast: sequence,
      // The shard's row says what they add: a start that reads them finds them counted.
      netRows: 0,
      netBytes: 0,
      isSealed: seal !== undefined,
      parts: seal === undefined ? [payload] : await seal.sealFrame(sequence, [payload], pace),
    });
    tail.push({ file, offset, length, crc, sequenceLast: sequence });
  }
  return tail;
}
