/** Good values by JSON Schema: of the members' names some say more than their types. */
import { BUILT_IN_MODEL } from "../../src/embed/index.ts";
import type { Chance } from "../support/chance.ts";
import { WORDS } from "./bends.ts";
import { drawFilter, drawKeys, drawVector } from "./draw.ts";

type Schema = Readonly<Record<string, unknown>>;

const HINTS: Readonly<Record<string, (chance: Chance) => unknown>> = {
  name: (chance) => `x${chance.between(0, 200)}`,
  key: (chance) => `k${chance.between(0, 60)}`,
  keys: (chance) => drawKeys(chance, 8),
  vector: drawVector,
  metadata: (chance) => ({
    tag: chance.pick(WORDS),
    n: chance.between(-5, 5),
    list: ["a", 1, true],
    big: { $int: "9007199254740993" },
  }),
  filter: (chance) => drawFilter(chance, 3),
  topK: (chance) => chance.between(1, 30),
  limit: (chance) => chance.between(1, 100),
  prefix: (chance) => chance.pick(["", "k", "k1"]),
  dimension: (chance) => chance.between(1, 64),
  model: () => BUILT_IN_MODEL,
  field: () => "",
  accountId: () => "1234567890",
  expiresAtMs: () => 4_000_000_000_000,
  actions: (chance) => [chance.pick(["records:*", "vectors:Get*", "*"])],
  databases: () => ["fuzz-x*"],
};
const ITEMS_MAX = 4;

/** @param name  of the member that the value is for. */
export function drawValue(schema: Schema, chance: Chance, name = ""): unknown {
  const hint = Object.hasOwn(HINTS, name) ? HINTS[name] : undefined;
  if (hint !== undefined) return hint(chance);
  if (Array.isArray(schema["enum"])) return chance.pick(schema["enum"] as readonly unknown[]);
  if (Array.isArray(schema["anyOf"])) {
    return drawValue(chance.pick(schema["anyOf"] as readonly Schema[]), chance);
  }
  switch (schema["type"]) {
    case "object":
      return drawObject(schema, chance);
    case "array": {
      const count = chance.between(1, ITEMS_MAX);
      return Array.from({ length: count }, () => drawValue(schema["items"] as Schema, chance));
    }
    case "string":
      return chance.pick(WORDS);
    case "boolean":
      return chance.isLikely(0.5);
    case "null":
      return null;
    default:
      return chance.between(1, 20);
  }
}

function drawObject(schema: Schema, chance: Chance): object {
  const required = new Set(schema["required"] as readonly string[] | undefined);
  const members: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(schema["properties"] ?? {})) {
    // Records of a collection with one unnamed vector name none.
    if (name === "vectors" && (member as Schema)["type"] === "array") continue;
    if (required.has(name) || chance.isLikely(0.5)) {
      members[name] = drawValue(member as Schema, chance, name);
    }
  }
  return members;
}
