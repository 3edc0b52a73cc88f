/** What Pinecone shows of an index and the engine does not know, kept as attributes. */
import { parseJsonExact, printJson, type JsonObject } from "../../../wire/index.ts";
import { refusal } from "../errors.ts";
import { PINECONE_LIMITS } from "../limits.ts";
import { asObject, readText } from "../rest/members.ts";
import { fromEmbedJson, toEmbedJson, type EmbedSettings } from "./embed-settings.ts";
import { SPEC_DEFAULT, type IndexSpec } from "./spec.ts";

/** Names of the attributes. ON DISK: never renamed. */
export const PINECONE_ATTRIBUTES = {
  /** JSON; absent: {@link SPEC_DEFAULT}. */
  spec: "pinecone.spec",
  /** JSON, name to value; absent: none. */
  tags: "pinecone.tags",
  /** `enabled`; absent: the index may be deleted. */
  protection: "pinecone.deletion-protection",
  /** JSON; absent: the index takes no texts. */
  embed: "pinecone.embed",
} as const;

export interface IndexAttributes {
  readonly spec: IndexSpec;
  readonly tags: Readonly<Record<string, string>>;
  /** True: the index cannot be deleted. */
  readonly isProtected: boolean;
  /** Absent: the index takes no texts. */
  readonly embed?: EmbedSettings | undefined;
}

export function attributesOf(info: {
  readonly attributes: Readonly<Record<string, string>>;
}): IndexAttributes {
  const spec = info.attributes[PINECONE_ATTRIBUTES.spec];
  const tags = info.attributes[PINECONE_ATTRIBUTES.tags];
  const embed = info.attributes[PINECONE_ATTRIBUTES.embed];
  return {
    spec: spec === undefined ? SPEC_DEFAULT : (asObject(parseJsonExact(spec)) as IndexSpec),
    tags: tags === undefined ? {} : (asObject(parseJsonExact(tags)) as Record<string, string>),
    isProtected: info.attributes[PINECONE_ATTRIBUTES.protection] === "enabled",
    ...(embed === undefined ? {} : { embed: fromEmbedJson(asObject(parseJsonExact(embed))) }),
  };
}

/** For a new index. */
export function printAttributes(attributes: IndexAttributes): Record<string, string> {
  const entries = Object.entries(patchAttributes(attributes));
  return Object.fromEntries(
    entries.filter((entry): entry is [string, string] => entry[1] !== null),
  );
}

/** For an index there is: null removes. */
export function patchAttributes({
  spec,
  tags,
  isProtected,
  embed,
}: IndexAttributes): Record<string, string | null> {
  return {
    [PINECONE_ATTRIBUTES.spec]: printJson(spec),
    [PINECONE_ATTRIBUTES.tags]: Object.keys(tags).length === 0 ? null : printJson(tags),
    [PINECONE_ATTRIBUTES.protection]: isProtected ? "enabled" : null,
    [PINECONE_ATTRIBUTES.embed]: embed === undefined ? null : printJson(toEmbedJson(embed)),
  };
}

const TAG_NAME = /^[A-Za-z0-9_-]+$/;
const TAG_VALUE = /^[A-Za-z0-9;@_.+ -]*$/;

/** Tags as they come; a value may be empty, which takes a tag away. @throws InsulaError */
export function readTags(json: JsonObject): Record<string, string> {
  const { tagNameCharactersMax, tagValueCharactersMax } = PINECONE_LIMITS;
  const tags: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const name of Object.keys(json)) {
    const value = readText(json, name) ?? "";
    if (!TAG_NAME.test(name) || name.length > tagNameCharactersMax) {
      throw refusal(
        `The name of a tag must be 1 to ${String(tagNameCharactersMax)} letters, digits, _ and -`,
      );
    }
    if (!TAG_VALUE.test(value) || value.length > tagValueCharactersMax) {
      throw refusal(
        `The value of a tag must be at most ${String(tagValueCharactersMax)} letters, digits, ` +
          "spaces and ;@_-.+",
      );
    }
    tags[name] = value;
  }
  return mergeTags({}, tags);
}

/** Tags side by side; of one name the later, and none with an empty one. @throws InsulaError */
export function mergeTags(
  tags: Readonly<Record<string, string>>,
  patch: Readonly<Record<string, string>>,
): Record<string, string> {
  const merged: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [name, value] of Object.entries({ ...tags, ...patch })) {
    if (value !== "") merged[name] = value;
  }
  const count = Object.keys(merged).length;
  if (count <= PINECONE_LIMITS.tagsMax) return merged;
  throw refusal(
    `An index must have at most ${String(PINECONE_LIMITS.tagsMax)} tags, received ${String(count)}`,
  );
}

/** undefined when nothing is said. @throws InsulaError */
export function readProtection(body: JsonObject): boolean | undefined {
  const text = readText(body, "deletion_protection");
  if (text === undefined) return undefined;
  if (text === "enabled" || text === "disabled") return text === "enabled";
  throw refusal("deletion_protection must be enabled or disabled");
}
