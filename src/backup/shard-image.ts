/**
 * One shard as it was at one moment, with its bytes still where they are: what is backed up,
 * restored and copied. Segments are immutable and move as they are, sealed with keys of their own.
 */

export interface ShardImage {
  /** 16 bytes: of the shard the image was taken of. */
  readonly uid: Uint8Array;
  /** Of the newest frame in the image. */
  readonly sequence: number;
  /** Everything at or below is in segments. */
  readonly flushedSequence: number;
  readonly rowCount: number;
  readonly byteCount: number;
  readonly segments: readonly SegmentImage[];
  /** Frames that are in no segment, opened, oldest first. Read when asked for. */
  readonly tail: () => Promise<readonly FrameImage[]>;
  /** Of all frames of the tail together. */
  readonly tailBytes: number;
}

export interface SegmentImage {
  /** The identity inside the bytes, 16 bytes each. */
  readonly segment: Uint8Array;
  readonly shard: Uint8Array;
  readonly rowCount: number;
  readonly sequenceMax: number;
  /** Rows that are dead and said to be so nowhere else: ascending. */
  readonly deadRows: Uint32Array;
  /** The segment's own key, 32 bytes; undefined when it is not sealed. */
  readonly key: Uint8Array | undefined;
  readonly bytes: number;
  /** The bytes in order, in pieces of at most {@link PIECE_BYTES}. */
  read(): AsyncIterable<Uint8Array>;
}

export interface FrameImage {
  readonly sequence: number;
  readonly payload: Uint8Array;
}

/** Bytes of a segment that are moved at once. */
export const PIECE_BYTES = 8_388_608;
