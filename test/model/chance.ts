/** Keys, vectors, metadata, filters and thresholds out of a seed. */
import { SeededRandom } from "../../src/io/index.ts";
import type {
  Filter,
  Metadata,
  MetadataValue,
  RecordPatch,
  Schema,
  WriteBatch,
} from "../../src/model/index.ts";
import type { ShardPolicy } from "../../src/shard/index.ts";
import { BLOCK_BYTES_MAX } from "../../src/math/index.ts";
import { GRAPH_ROWS_MAX } from "../../src/vector/index.ts";

/** Beside segments of few bytes. */
const SHORT_SEGMENT_ROWS = 60;
const SHORT_VECTOR_BYTES = 2_048;
/** A few rows. */
const SHORT_PART_BYTES = 256;

const WORDS = [
  "red",
  "green",
  "blue",
  "é",
  "𝄞",
  "\ufffd",
  "",
  "a much longer word than the others",
];

export class Chance {
  readonly random: SeededRandom;

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
  }

  below(limit: number): number {
    return this.random.below(limit);
  }

  /** True once in `n` times. */
  once(n: number): boolean {
    return this.below(n) === 0;
  }

  pick<Item>(items: readonly Item[]): Item {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new Error("nothing to pick from");
    return item;
  }

  key(count: number): string {
    const number = this.below(count);
    const stem = ["k", "k/", "é", "𝄞", "\ufffd"][number % 5] ?? "";
    return stem + String(number);
  }

  keys(max: number, keyCount: number): string[] {
    const keys = new Set<string>();
    for (let i = 1 + this.below(max); i > 0; i--) keys.add(this.key(keyCount));
    return [...keys];
  }

  /** Small integers now and then, so that many distances are equal. */
  vector(dimension: number): Float32Array {
    const isCoarse = this.once(3);
    if (this.once(25)) return new Float32Array(dimension);
    return Float32Array.from({ length: dimension }, () =>
      isCoarse ? this.below(3) - 1 : this.below(2_000_001) / 1_000_000 - 1,
    );
  }

  batch(schema: Schema, keys: readonly string[]): WriteBatch {
    return {
      keys,
      vectors: schema.vectors.map(({ name, dimension }) => {
        const values = new Float32Array(dimension * keys.length);
        keys.forEach((_, i) => {
          values.set(this.vector(dimension), i * dimension);
        });
        return { field: name, values };
      }),
      metadata: keys.map(() => this.metadata()),
    };
  }

  /** Changes of some fields of these records. */
  patches(schema: Schema, keys: readonly string[]): RecordPatch[] {
    return keys.map((key) => {
      const fields = schema.vectors.filter(() => this.once(2));
      const vectors = fields.map(({ name, dimension }) => [name, this.vector(dimension)] as const);
      const metadata = this.metadata();
      return {
        key,
        vectors: new Map(vectors),
        ...(metadata === undefined ? {} : { metadata }),
      };
    });
  }

  metadata(): Metadata | undefined {
    if (this.once(8)) return undefined;
    const entries: [string, MetadataValue][] = [];
    if (!this.once(4)) entries.push(["n", this.number()]);
    if (!this.once(4)) entries.push(["tag", this.pick(WORDS)]);
    if (this.once(3)) entries.push(["tags", [this.pick(WORDS), this.number(), this.pick(WORDS)]]);
    if (this.once(3)) entries.push(["flag", this.once(2)]);
    if (this.once(4)) entries.push(["at", new Date(1_700_000_000_000 + this.below(5))]);
    if (this.once(6)) entries.push(["odd", this.pick([null, [], new Uint8Array([1, 2])])]);
    if (this.once(5)) entries.push(["text", this.pick(WORDS) + "x".repeat(this.below(900))]);
    if (this.once(12)) entries.push(["__proto__", this.number()]);
    const metadata = Object.create(null) as Record<string, MetadataValue>;
    for (const [name, value] of entries) metadata[name] = value;
    return metadata;
  }

  number(): number | bigint {
    return this.pick([
      this.below(6),
      -this.below(3),
      this.below(4) / 2,
      2n ** 60n + BigInt(this.below(2)),
    ]);
  }

  filter(depth = 2): Filter {
    if (depth > 0 && this.once(2)) {
      const kind = this.pick(["and", "or", "not"] as const);
      if (kind === "not") return { kind, filter: this.filter(depth - 1) };
      return { kind, filters: Array.from({ length: this.below(4) }, () => this.filter(depth - 1)) };
    }
    switch (this.below(7)) {
      case 0:
        return { kind: "equal", property: "tag", value: this.pick(WORDS) };
      case 1:
        return {
          kind: "in",
          property: this.pick(["tag", "tags", "n"]),
          values: [this.pick(WORDS), this.number()],
        };
      case 2:
        return {
          kind: "range",
          property: "n",
          lower: { value: this.number(), isInclusive: this.once(2) },
        };
      case 3:
        return {
          kind: "range",
          property: this.pick(["tag", "text"]),
          lower: { value: this.pick(WORDS), isInclusive: true },
          upper: { value: this.pick(WORDS), isInclusive: this.once(2) },
        };
      case 4:
        return {
          kind: "exists",
          property: this.pick(["odd", "text", "tags", "none", "__proto__"]),
        };
      case 5:
        return { kind: "equal", property: this.pick(["flag", "n"]), value: this.once(2) };
      default:
        return {
          kind: "equal",
          property: "at",
          value: new Date(1_700_000_000_000 + this.below(5)),
        };
    }
  }

  /** Everything small, so that flushes and merges are frequent; some extremes by chance. */
  policy(): ShardPolicy {
    const drawn = this.#policy();
    // Without a draw of its own: seeds stay what they are.
    const isShort = drawn.segmentBytesMax < 1_048_576;
    return {
      ...drawn,
      segmentRowsMax: isShort ? SHORT_SEGMENT_ROWS : GRAPH_ROWS_MAX,
      segmentVectorBytesMax: isShort ? SHORT_VECTOR_BYTES : 5 * 1024 * 1024 * 1024,
      rowPartBytesMax: isShort ? SHORT_PART_BYTES : BLOCK_BYTES_MAX,
    };
  }

  #policy(): Omit<ShardPolicy, "segmentRowsMax" | "segmentVectorBytesMax" | "rowPartBytesMax"> {
    return {
      memtableBytesMax: this.pick([8, 32, 128]) * 1024,
      quietFlushMs: 0,
      quietFlushBytesMin: this.pick([0, 1_024, 65_536]),
      mergeFanIn: 2,
      smallShardBytes: this.pick([0, 64 * 1024]),
      quietMergeMs: this.pick([0, 60_000]),
      deadShareMax: this.pick([0.2, 0.5, 1]),
      segmentBytesMax: this.pick([16 * 1024, 1024 * 1024 * 1024]),
      segmentsSlow: this.pick([1, 32]),
      segmentsMax: this.pick([2, 64]),
      residentRowsBytesMax: this.pick([0, 64 * 1024 * 1024]),
      residentRowsShare: this.pick([0, 0.5]),
      packedBytesMax: this.pick([0, 12 * 1024, 1024 * 1024]),
      graphRowsMin: this.pick([1, 20, 20_000]),
      scannedPerEf: this.pick([0, 0, 32]),
    };
  }
}
