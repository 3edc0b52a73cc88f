/** What is known of a place: what it holds, and where its bytes lie. */

export interface PlaceFigures {
  readonly rowCount: number;
  readonly byteCount: number;
  /**
   * Grows with each write to the place and with nothing else; all writes up to it are durable, and
   * seen by every read that begins now.
   */
  readonly sequence: number;
}

export interface LocatedPlace {
  /** Hexadecimal uid of the shard, as files and log lines name it. */
  readonly shard: string;
  /** Why it is out of service; absent when it is healthy. */
  readonly quarantine?: string;
  /** Sorted by file and offset. */
  readonly extents: readonly ShardExtent[];
}

/** Bytes of one shard in one file of the data folder. */
export interface ShardExtent {
  /**
   * `catalogue`: rows about it, beside rows of others, in a block of a table or a frame of the log;
   * `object`: an offloaded segment.
   */
  readonly kind: "segment" | "pack" | "log" | "catalogue" | "key" | "collection key" | "object";
  /** Relative to the data folder; of an `object` what its names in the store begin with. */
  readonly file: string;
  readonly offset: number;
  readonly length: number;
  /** Number of the slot whose key sealed the bytes; 0 for bytes that are not sealed. */
  readonly keySlot: number;
  /** False for bytes that nothing names any more and that wait for their removal. */
  readonly isLive: boolean;
}
