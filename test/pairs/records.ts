/** Records that are awkward in as many ways as one can think of, and what each reader sees. */
import type { Metadata, MetadataValue } from "../../src/model/index.ts";
import type { PairRecord } from "./interface.ts";

export const DIMENSION = 4;

/** Keys that a path, a query string, a file of lines, or an object of a program would mangle. */
export const AWKWARD_KEYS: readonly string[] = [
  "plain",
  "a//b/../c",
  "with space ?&=#%25",
  "..",
  "line\nbreak\ttab\\",
  'quo"te',
  "__proto__",
  "Ключ-鍵-🗝",
  // The same letter to the eye, two keys to us: nothing is normalised.
  "caf\u00e9",
  "cafe\u0301",
  "\u0000nul",
  "\ufffd",
  " ",
  // 1,024 characters, 4,096 bytes, 2,048 units of a string.
  "🗝".repeat(1_024),
];

/** Finite float32 at the edges, as doubles that are exactly these. */
export const EDGE_VECTORS: readonly (readonly number[])[] = [
  [3.4028234663852886e38, 1, 0, 0],
  [-3.4028234663852886e38, 0, 0, 1],
  [1.401298464324817e-45, 0, 0, 0],
  [1.1754943508222875e-38, 0, 1, 0],
  [-0, 1, 0, 0],
  [Math.fround(0.1), Math.fround(1 / 3), 16_777_216, -16_777_215],
];

function data(members: Readonly<Record<string, MetadataValue>>): Metadata {
  return Object.assign(Object.create(null) as object, members);
}

/** A member that a literal would take for the prototype. */
function withMember(name: string, value: MetadataValue): Metadata {
  const metadata = Object.create(null) as Record<string, MetadataValue>;
  metadata[name] = value;
  return metadata;
}

/** Metadata that every interface can write, by a name that is the key of its record. */
export const METADATA: Readonly<Record<string, Metadata | undefined>> = {
  none: undefined,
  empty: data({}),
  string: data({
    s: "text",
    none: "",
    quoted: 'a "b" \\ \u2028 \u0000',
    wide: "鍵🗝",
  }),
  number: data({
    n: 2_020,
    half: 0.5,
    tenth: 0.1,
    low: -1e-300,
    high: 1e300,
    zero: 0,
  }),
  edge: data({
    safe: Number.MAX_SAFE_INTEGER,
    least: Number.MIN_SAFE_INTEGER,
    tiny: 5e-324,
  }),
  integer: data({
    n: 9_007_199_254_740_993n,
    most: 2n ** 64n - 1n,
    least: -(2n ** 63n),
  }),
  boolean: data({ yes: true, no: false }),
  list: data({
    tags: ["a", "b"],
    mixed: ["a", 1, true, 9_007_199_254_740_993n],
    empty: [],
  }),
  nested: data({ deep: data({ deeper: [data({ n: 1 })], empty: data({}) }) }),
  names: data({
    "with space": 1,
    Größe: 2,
    "a.b": 3,
    constructor: 4,
    $name: 5,
  }),
  proto: withMember("__proto__", "data"),
  // Looks like our own notation of a date, an integer and bytes, and is an object of the caller.
  lookalike: data({
    d: data({ $date: "2024-05-01T00:00:00.000Z" }),
    i: data({ $int: "1" }),
    o: data({ $object: data({ $bytes: "AAAA" }) }),
    n: data({ $number: "-0" }),
  }),
  text: data({ text: "unfilterable ".repeat(300), n: 7 }),
};

/** Metadata only our own interfaces can write. */
export const OWN_METADATA: Readonly<Record<string, Metadata>> = {
  null: data({ nothing: null, list: [null, 1] }),
  date: data({ at: new Date("2024-05-01T12:00:00.123Z"), old: new Date(-1) }),
  bytes: data({ raw: Uint8Array.of(0, 255, 128), none: new Uint8Array(0) }),
  name: withMember("", "the empty name"),
};

/** Everything every interface can write, with one finite vector that the metric cosine takes. */
export function commonRecords(): readonly PairRecord[] {
  const plain = AWKWARD_KEYS.map((key, i) => ({
    key,
    vector: [1, i, 0, 0],
    metadata: data({ position: i, parity: i % 2 === 0 ? "even" : "odd" }),
  }));
  const edges = EDGE_VECTORS.map((vector, i) => ({
    key: `edge-${String(i)}`,
    vector,
  }));
  const typed = Object.entries(METADATA).map(([key, metadata]) => ({
    key: `metadata-${key}`,
    vector: [0, 0, 1, 0],
    ...(metadata === undefined ? {} : { metadata }),
  }));
  return [...plain, ...edges, ...typed];
}

export function ownRecords(): readonly PairRecord[] {
  return Object.entries(OWN_METADATA).map(([key, metadata]) => ({
    key,
    vector: [1, 0, 0, 0],
    metadata,
  }));
}
