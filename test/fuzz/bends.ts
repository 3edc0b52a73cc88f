/**
 * Ways to bend a JSON body that have broken other parsers. Text, not values: some of what is sent
 * cannot be a value.
 */
import type { Chance } from "../support/chance.ts";
import { INDEX } from "./draw.ts";
import type { Sent } from "./subject.ts";

export const WORDS: readonly string[] = [
  "a",
  "tag",
  "__proto__",
  "constructor",
  "toString",
  "",
  "Ωmega",
  "a.b",
  "$eq",
  "\u0000",
];

/** One fault, or a few, put into a good body. */
export function bend(body: string, chance: Chance): string | Buffer {
  return chance.pick(BENDS)(body, chance);
}

/**
 * Faults outside the body: signature, dates, method, path.
 *
 * @param more  bends of one protocol, besides those of all.
 */
export function bendHead(
  sent: Sent,
  chance: Chance,
  more: readonly ((sent: Sent) => void)[] = [],
): void {
  const authorization = sent.headers["authorization"] ?? "";
  const bends: readonly ((sent: Sent) => void)[] = [
    () => (sent.headers = {}),
    () => (sent.headers["authorization"] = authorization.slice(0, -1)),
    () => (sent.headers["authorization"] = `${authorization.slice(0, -1)}_`),
    () => (sent.headers["authorization"] = authorization.toLowerCase()),
    () => (sent.headers["authorization"] = `${authorization}, ${authorization}`),
    () => (sent.method = chance.pick(["PATCH", "GET", "PUT", "DELETE", "OPTIONS"])),
    () => (sent.path = `${sent.path}${chance.pick(["&", "?"])}nothing=%00`),
    () => (sent.headers["content-type"] = "text/plain; charset=\u00ff"),
    ...more,
  ];
  chance.pick(bends)(sent);
}

const HUGE = [
  "1e999",
  "-1e999",
  "1e38",
  "3.5e38",
  "9007199254740993",
  "18446744073709551616",
  "-0",
];
const ODD = [
  "null",
  "true",
  "{}",
  "[]",
  '"x"',
  "0.5",
  "-1",
  "1e9",
  ...HUGE,
  '"\\ud800"',
  '"\\u0000"',
];

const BENDS: readonly ((body: string, chance: Chance) => string | Buffer)[] = [
  // A value becomes another kind of value.
  (body, chance) =>
    replaceOne(body, /(?<=:)("[^"]*"|-?\d[\d.e+-]*|true|false)/g, chance.pick(ODD), chance),
  (body, chance) => replaceOne(body, /-?\d[\d.e+-]*/g, chance.pick(HUGE), chance),
  (body, chance) =>
    replaceOne(body, /\[[^[\]]*\]/g, chance.pick(["[]", "[null]", "{}", "7", '["a"]']), chance),
  // A name becomes another name.
  (body, chance) => replaceOne(body, /"(\w+)"(?=:)/g, JSON.stringify(chance.pick(WORDS)), chance),
  (body, chance) =>
    body.replace("{", `{${JSON.stringify(chance.pick(WORDS))}:${chance.pick(ODD)},`),
  (body, chance) => body.replace("{", `{"indexName":"other","topK":${chance.pick(HUGE)},`),
  // The text is broken.
  (body, chance) => body.slice(0, chance.between(0, body.length)),
  (body, chance) =>
    splice(body, chance, chance.pick(["}", "]", ",", '"', "\\", "NaN", "\u0000", "'"])),
  (body, chance) => {
    const bytes = Buffer.from(body);
    if (bytes.length > 0) bytes[chance.between(0, bytes.length - 1)] = chance.between(128, 255);
    return bytes;
  },
  // It is deep, wide or long.
  (_, chance) => `{"indexName":"${INDEX}","filter":${"[".repeat(chance.between(10, 50_000))}`,
  (body, chance) => body.replace(/}$/, `,"filter":${deepFilter(chance.between(5, 3_000))}}`),
  (body) => body.replace(/}$/, `,"filter":${wideFilter(1_100)}}`),
  (body, chance) => body.replace(/}$/, `,${manyNames(chance.between(100, 20_000))}}`),
  (body) => body.replace("{", `{"indexName":"${"n".repeat(70)}",`),
  (body) => body.replace(/"k\d+"/, JSON.stringify("k".repeat(1_025))),
  (body) => `${" ".repeat(200_000)}${body}`,
];

function replaceOne(body: string, pattern: RegExp, by: string, chance: Chance): string {
  const found = [...body.matchAll(pattern)];
  const match = found[chance.between(0, Math.max(0, found.length - 1))];
  if (match === undefined) return body;
  return body.slice(0, match.index) + by + body.slice(match.index + match[0].length);
}

function splice(body: string, chance: Chance, text: string): string {
  const at = chance.between(0, body.length);
  return body.slice(0, at) + text + body.slice(at);
}

function deepFilter(depth: number): string {
  return `${'{"$and":['.repeat(depth)}{"a":1}${"]}".repeat(depth)}`;
}

function wideFilter(count: number): string {
  return `{"$or":[${Array.from({ length: count }, (_, i) => `{"a":${i}}`).join()}]}`;
}

function manyNames(count: number): string {
  return Array.from({ length: count }, (_, i) => `"m${i}":0`).join();
}
