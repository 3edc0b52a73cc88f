/** Our own interfaces: plain HTTP, the library in this process, the command line. */
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fromExactMembers, toExactMembers } from "../../src/base/exact-json.ts";
import { printRecord } from "../../src/cli/transfer/jsonl-sink.ts";
import { toMetadata } from "../../src/cli/transfer/typed-json.ts";
import type { Insula, StoredRecord } from "../../src/client/index.ts";
import { DEFAULT_VECTOR, type Metadata } from "../../src/model/index.ts";
import { parseJsonExact, printFloat32Array, type JsonObject } from "../../src/wire/index.ts";
import { commandOf, CREDENTIALS } from "../support/server-child.ts";
import {
  Refused,
  type IndexPlace,
  type PairHit,
  type PairInterface,
  type PairRecord,
} from "./interface.ts";

/** Of our own notation, read back. */
function readMembers(metadata: unknown): { metadata?: Metadata } {
  if (metadata === undefined) return {};
  return {
    metadata: fromExactMembers(metadata as object as JsonObject, "metadata_invalid"),
  };
}

interface Found {
  readonly key: string;
  readonly vector: readonly number[];
  readonly distance: number;
  readonly metadata?: unknown;
}

/** Our own HTTP interface, by `fetch` and JSON as any program would. */
export function openNative(url: URL): PairInterface {
  const send = async (method: string, target: string, body?: unknown): Promise<unknown> => {
    const answer = await fetch(new URL(`/insula/v1/${target}`, url), {
      method,
      headers: {
        authorization: `Bearer ${CREDENTIALS.secret}`,
        "content-type": "application/json",
      },
      ...(body === undefined
        ? {}
        : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    const text = await answer.text();
    const json = (text === "" ? {} : JSON.parse(text)) as Readonly<Record<string, unknown>>;
    if (answer.ok) return json;
    throw new Refused(answer.status, String(json["code"]), String(json["detail"]));
  };
  const records = ({ database, collection }: IndexPlace, call: string): string =>
    `databases/${encodeURIComponent(database)}/collections/${encodeURIComponent(collection)}` +
    `/records/${call}`;
  const include = { vectors: true, metadata: true };
  return {
    name: "our HTTP interface",
    createDatabase: async (database) => {
      await send("POST", "databases", { name: database });
    },
    createIndex: async ({ database, collection }, shape) => {
      const made = { name: collection, ...shape, unfilterable: ["text"] };
      await send("POST", `databases/${encodeURIComponent(database)}/collections`, made);
    },
    put: async (place, given) => {
      await send("POST", records(place, "upsert"), `{"records":[${given.map(printOwn).join()}]}`);
    },
    list: async (place) => {
      const found: PairRecord[] = [];
      for (let after: string | undefined, hasMore = true; hasMore; after = found.at(-1)?.key) {
        const page = (await send("POST", records(place, "list"), {
          limit: 7,
          include,
          ...(after === undefined ? {} : { after }),
        })) as { readonly items: readonly Found[]; readonly hasMore: boolean };
        for (const item of page.items) found.push(toRecord(item));
        hasMore = page.hasMore;
      }
      return found;
    },
    point: {
      get: async (place, keys) => {
        const answer = await send("POST", records(place, "get"), {
          keys,
          include,
        });
        const { records: found } = answer as {
          readonly records: readonly (Found | null)[];
        };
        return found.flatMap((item) => (item === null ? [] : [toRecord(item)]));
      },
      query: async (place, { vector, topK, where }) => {
        const answer = await send("POST", records(place, "search"), {
          vector,
          topK,
          ...(where === undefined ? {} : { filter: where }),
        });
        return (answer as { readonly hits: readonly Found[] }).hits.map(
          ({ key, distance, metadata }) => ({
            key,
            distance,
            ...readMembers(metadata),
          }),
        );
      },
      delete: async (place, keys) => {
        await send("POST", records(place, "delete"), { keys });
      },
    },
  };
}

/** `JSON.stringify` alone would lose the sign of -0. */
function printOwn({ key, vector, metadata }: PairRecord): string {
  const numbers = printFloat32Array(Float32Array.from(vector));
  const members =
    metadata === undefined
      ? ""
      : `,"metadata":${JSON.stringify(toExactMembers(metadata, "metadata_invalid"))}`;
  return `{"key":${JSON.stringify(key)},"vector":${numbers}${members}}`;
}

function toRecord({ key, vector, metadata }: Found): PairRecord {
  return { key, vector: vector.map(Math.fround), ...readMembers(metadata) };
}

/** The face of the library, over a database opened in this process. */
export function openLibrary(insula: Insula): PairInterface {
  const at = ({ database, collection }: IndexPlace) => insula.collection(database, collection);
  const includes = { vectors: true, metadata: true };
  return {
    name: "the library",
    createDatabase: async (database) => {
      await insula.createDatabase(database);
    },
    createIndex: async ({ database, collection }, { dimension, metric }) => {
      const made = { dimension, metric, unfilterable: ["text"] };
      await insula.createCollection(database, collection, made);
    },
    put: async (place, records) => {
      await at(place).upsert([...records]);
    },
    list: async (place) => {
      const found: PairRecord[] = [];
      for await (const record of at(place).scan({ ...includes, pageSize: 7 })) {
        found.push(fromStored(record));
      }
      return found;
    },
    point: {
      get: async (place, keys) =>
        (await at(place).get(keys, includes)).flatMap((record) =>
          record === undefined ? [] : [fromStored(record)],
        ),
      query: async (place, { vector, topK, where }): Promise<readonly PairHit[]> => {
        const search = {
          vector,
          topK,
          ...(where === undefined ? {} : { where: where as never }),
        };
        return (await at(place).query(search)).hits;
      },
      delete: async (place, keys) => {
        await at(place).delete(keys);
      },
    },
  };
}

function fromStored({ key, vector, metadata }: StoredRecord): PairRecord {
  return {
    key,
    vector: [...(vector ?? [])],
    ...(metadata === undefined ? {} : { metadata }),
  };
}

/** The command: import and export of JSON Lines. */
export function openCommand(url: URL): PairInterface {
  return {
    name: "the command line",
    createDatabase: async (database) => {
      await runCommand(url, ["db", "create", database]);
    },
    createIndex: async ({ database, collection }, { dimension, metric }) => {
      const shape = ["--dimension", String(dimension), "--metric", metric];
      await runCommand(url, ["collection", "create", database, collection, ...shape]);
    },
    put: (place, records) =>
      withFolder(async (folder) => {
        const file = path.join(folder, "records.jsonl");
        const lines = records.map(({ key, vector, metadata }) =>
          printRecord({
            tenant: undefined,
            record: {
              key,
              vectors: new Map([[DEFAULT_VECTOR, Float32Array.from(vector)]]),
              ...(metadata === undefined ? {} : { metadata }),
            },
          }),
        );
        await writeFile(file, lines.join(""));
        await runCommand(url, ["import", ...toOptions(place), file]);
      }),
    list: (place) =>
      withFolder(async (folder) => {
        const file = path.join(folder, "records.jsonl");
        await runCommand(url, ["export", ...toOptions(place), file]);
        const lines = (await readFile(file, "utf8")).split("\n").slice(0, -1);
        return lines.map((line) => {
          const { key, vector, metadata } = parseJsonExact(line) as unknown as {
            readonly key: string;
            readonly vector: readonly number[];
            readonly metadata?: JsonObject;
          };
          return {
            key,
            vector: vector.map(Math.fround),
            ...(metadata === undefined ? {} : { metadata: toMetadata(metadata) }),
          };
        });
      }),
  };
}

function toOptions({ database, collection }: IndexPlace): readonly string[] {
  return ["--database", database, "--collection", collection];
}

async function withFolder<Result>(work: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(path.join(tmpdir(), "insula-pairs-"));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** @returns what it printed. @throws Refused with its exit code and what it complained of. */
export async function runCommand(url: URL, words: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [...commandOf("dist"), "--url", url.href, ...words], {
    env: { ...process.env, INSULA_ADMIN_SECRET: CREDENTIALS.secret },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let text = "";
  let complaint = "";
  child.stdout.on("data", (part: Buffer) => (text += part.toString()));
  child.stderr.on("data", (part: Buffer) => (complaint += part.toString()));
  const code = await new Promise((resolve) => child.once("close", resolve));
  if (code === 0) return text;
  throw new Refused(Number(code), "exit", complaint);
}
