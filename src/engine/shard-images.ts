/**
 * Images of shards for backups and copies: taken from the catalogue's row, so that a sleeping shard
 * is not woken and a busy one is not stopped. The row is what a start after a crash would go by:
 * segments, frames behind them, exact totals.
 */
import { toHex, type ShardUid } from "../base/brands.ts";
import { InsulaError } from "../base/errors.ts";
import {
  PIECE_BYTES,
  openOffload,
  type FrameImage,
  type SegmentImage,
  type ShardImage,
} from "../backup/index.ts";
import {
  ShardSeal,
  openStoredSegment,
  tailBytes,
  writtenIdentity,
  type SegmentEntry,
  type ShardState,
} from "../shard/index.ts";
import { verifySegment, type SegmentSource } from "../storage/index.ts";
import type { NodeContext } from "./node-context.ts";

export interface OpenImage {
  readonly image: ShardImage;
  /** Its row, as it was at that moment; its segments are those of the image, in their order. */
  readonly state: ShardState;
  /** Lets go of the files; the image must not be read afterwards. */
  close(): void;
}

/**
 * The shard as it is now; later writes, flushes and merges do not show. Undefined when it is gone.
 *
 * @throws InsulaError `data_damaged` for a shard out of service, or whose key is gone.
 */
export async function openImage(
  node: NodeContext,
  shard: ShardUid,
): Promise<OpenImage | undefined> {
  const state = await node.catalog.acquireShard(shard);
  if (state === undefined) return undefined;
  // One turn from here to the pin: the row, its files and its frames belong together.
  const seen = { ...state, tail: [...state.tail] };
  const unpin = node.sweeper.pin(seen.segments);
  const files = new Set(seen.tail.map(({ file }) => file));
  const endHold = node.logHolds.hold((file) => files.has(file));
  node.catalog.releaseShard(state);
  const close = (): void => {
    unpin();
    endHold();
  };
  try {
    return { image: await describe(node, seen), state: seen, close };
  } catch (error) {
    close();
    throw error;
  }
}

async function describe(node: NodeContext, state: ShardState): Promise<ShardImage> {
  if (state.quarantine !== "") {
    throw new InsulaError("data_damaged", `Cannot copy the data: quarantined: ${state.quarantine}`);
  }
  const key = await node.shards.keys.keyOf(state);
  const seal = key && new ShardSeal(state.uid, key, node.shards.random);
  const { uid, sequence, flushedSequence, rowCount, byteCount } = state;
  return {
    uid,
    sequence,
    flushedSequence,
    rowCount,
    byteCount,
    segments: state.segments.map((entry) =>
      segmentImage(node, entry, { uid, seal, shardKey: key }),
    ),
    tailBytes: tailBytes(state),
    tail: () => readTail(node, state, seal),
  };
}

interface ImageOwner {
  readonly uid: ShardUid;
  readonly seal: ShardSeal | undefined;
  readonly shardKey: Uint8Array | undefined;
}

function segmentImage(
  node: NodeContext,
  entry: SegmentEntry,
  { uid, seal, shardKey }: ImageOwner,
): SegmentImage {
  const { rowCount, sequenceMax, deadRows, location } = entry;
  const identity = writtenIdentity(uid, entry);
  const key = seal?.segmentKey(entry);
  const { bytes } = location;
  const { fileSystem } = node.shards;
  const offloaded = (): AsyncIterable<Uint8Array> => readOffloaded(node, entry, { uid, shardKey });
  return {
    ...identity,
    rowCount,
    sequenceMax,
    deadRows,
    key,
    bytes,
    async *read(): AsyncIterable<Uint8Array> {
      if (location.kind === "remote") {
        yield* offloaded();
        return;
      }
      const opened = await openStoredSegment(fileSystem, { shard: uid, key }, entry);
      const { close } = opened;
      try {
        const source = bytes > PIECE_BYTES ? opened.source : await inMemory(opened.source);
        // Damage is told of now, while there may be an older copy, and never copied.
        await verifySegment(source, { ...identity, key }, node.transfers);
        for (let start = 0; start < bytes; start += PIECE_BYTES) {
          const piece = new Uint8Array(Math.min(PIECE_BYTES, bytes - start));
          await source.read(start, piece);
          yield piece;
        }
      } finally {
        await close();
      }
    },
  };
}

/**
 * Read at once: to verify a small segment section by section costs dozens of reads, and what is
 * verified is what is sent.
 */
async function inMemory(source: SegmentSource): Promise<SegmentSource> {
  const whole = new Uint8Array(source.length);
  const length = await source.read(0, whole);
  return {
    length: source.length,
    read: (position, target) => {
      const part = whole.subarray(position, Math.min(length, position + target.length));
      target.set(part);
      return Promise.resolve(part.length);
    },
  };
}

/** From the object store, compared with the checksums of its manifest. */
async function* readOffloaded(
  { remote, transfers: pace }: NodeContext,
  entry: SegmentEntry,
  { uid, shardKey }: Omit<ImageOwner, "seal">,
): AsyncIterable<Uint8Array> {
  if (entry.location.kind !== "remote") return;
  const store = await remote.open();
  const keys = { kind: "shard", key: shardKey } as const;
  const { image: shard } = await openOffload({ store, pace }, entry.location.prefix, keys);
  const id = toHex(writtenIdentity(uid, entry).segment);
  const image = shard.segments.find(({ segment }) => toHex(segment) === id);
  if (image === undefined) {
    throw new InsulaError("data_damaged", `Cannot copy the data: segment ${id} is not offloaded.`);
  }
  yield* image.read();
}

async function readTail(
  node: NodeContext,
  state: ShardState,
  seal: ShardSeal | undefined,
): Promise<readonly FrameImage[]> {
  const frames: FrameImage[] = [];
  for (const extent of state.tail) {
    const stored = await node.log.read(extent);
    const payload = seal === undefined ? stored : seal.openFrame(extent.sequenceLast, stored);
    frames.push({ sequence: extent.sequenceLast, payload });
  }
  return frames;
}
