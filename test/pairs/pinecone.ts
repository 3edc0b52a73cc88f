/** Pinecone's protocol, by HTTP and by gRPC: the default namespace of an index without tenants. */
import type { Metadata } from "../../src/model/index.ts";
import {
  FloatArena,
  parseJsonExact,
  ProtoReader,
  readStruct,
  writeStruct,
  type Printable,
  type ProtoWriter,
} from "../../src/wire/index.ts";
import { PineconeCaller, type PineconeReply } from "../support/pinecone-caller.ts";
import { CREDENTIALS } from "../support/server-child.ts";
import {
  Refused,
  type IndexPlace,
  type PairInterface,
  type PairRecord,
  type PairSearch,
} from "./interface.ts";
import { openNative } from "./ours.ts";

/** Records of one page, few: pages must follow one another. */
const PAGE = 7;
/** Holds for every record: the vendor lists no values without a condition. */
const ANY = { "no such field": { $exists: false } };

interface Match extends PairRecord {
  readonly score: number;
}

interface Page {
  readonly records: readonly PairRecord[];
  readonly next?: string;
}

/** The calls of one transport; the rest is the same. */
interface Transport {
  upsert(place: IndexPlace, records: readonly PairRecord[]): Promise<void>;
  page(place: IndexPlace, token: string | undefined): Promise<Page>;
  fetch(place: IndexPlace, ids: readonly string[]): Promise<readonly PairRecord[]>;
  query(place: IndexPlace, search: PairSearch): Promise<readonly Match[]>;
  delete(place: IndexPlace, ids: readonly string[]): Promise<void>;
}

export function openPinecone(url: URL): PairInterface {
  return toInterface(url, "Pinecone", overHttp);
}

export function openPineconeGrpc(url: URL): PairInterface {
  return toInterface(url, "Pinecone over gRPC", overGrpc);
}

/** A project is a database that a key names by its full name. */
export class Projects {
  readonly #url: URL;
  readonly #callers = new Map<string, Promise<PineconeCaller>>();

  constructor(url: URL) {
    this.#url = url;
  }

  of(database: string): Promise<PineconeCaller> {
    let caller = this.#callers.get(database);
    if (caller === undefined) {
      caller = this.#open(database);
      this.#callers.set(database, caller);
    }
    return caller;
  }

  async #open(database: string): Promise<PineconeCaller> {
    const answer = await fetch(new URL("/insula/v1/keys", this.#url), {
      method: "POST",
      headers: { authorization: `Bearer ${CREDENTIALS.secret}` },
      body: JSON.stringify({ grants: [{ actions: ["*"], databases: [database] }] }),
    });
    const { id, secret } = (await answer.json()) as {
      readonly id: string;
      readonly secret: string;
    };
    return new PineconeCaller(this.#url, `${id}.${secret}`);
  }
}

/** Indexes that the vendor's own call makes have tenants, which not every interface knows. */
function toInterface(
  url: URL,
  name: string,
  open: (projects: Projects) => Transport,
): PairInterface {
  const { createDatabase, createIndex } = openNative(url);
  const projects = new Projects(url);
  const transport = open(projects);
  return {
    ...{ name, createDatabase, createIndex },
    put: (place, records) => transport.upsert(place, records),
    list: async (place) => {
      const found: PairRecord[] = [];
      let token: string | undefined;
      do {
        const { records, next } = await transport.page(place, token);
        found.push(...records);
        token = next;
      } while (token !== undefined);
      return found;
    },
    point: {
      get: async (place, keys) => {
        const found = new Map<string, PairRecord>();
        // The long keys of one call would not fit into a line of HTTP.
        for (let start = 0; start < keys.length; start += PAGE) {
          const records = await transport.fetch(place, keys.slice(start, start + PAGE));
          for (const record of records) found.set(record.key, record);
        }
        return keys.flatMap((key) => found.get(key) ?? []);
      },
      query: async (place, search) => {
        const caller = await projects.of(place.database);
        const { text } = await caller.http(`GET /indexes/${encodeURIComponent(place.collection)}`);
        const { metric } = JSON.parse(text) as { readonly metric: string };
        return (await transport.query(place, search)).map(({ key, metadata, score }) => ({
          ...{ key, distance: toDistance(metric, score) },
          ...(metadata === undefined ? {} : { metadata }),
        }));
      },
      delete: (place, keys) => transport.delete(place, keys),
    },
  };
}

function toDistance(metric: string, score: number): number {
  if (metric === "euclidean") return Math.sqrt(score);
  return metric === "cosine" ? 1 - score : -score;
}

type Json = Readonly<Record<string, unknown>>;

function overHttp(projects: Projects): Transport {
  const send = async (
    { database, collection }: IndexPlace,
    line: string,
    body?: Printable,
  ): Promise<Json> => {
    const caller = await projects.of(database);
    const [method = "", path = ""] = line.split(" ");
    const target = `/ix/${encodeURIComponent(collection)}${path}`;
    const { status, text } = await caller.http(`${method} ${target}`, body);
    const json = parseJsonExact(text) as Json;
    if (status < 300) return json;
    throw new Refused(status, String(json["code"]), String(json["message"]));
  };
  return {
    upsert: async (place, records) => {
      const vectors = records.map(({ key: id, vector, metadata }) => ({
        ...{ id, values: Float32Array.from(vector) },
        ...(metadata === undefined ? {} : { metadata }),
      }));
      await send(place, "POST /vectors/upsert", { vectors });
    },
    page: async (place, token) => {
      const answer = await send(place, "POST /vectors/fetch_by_metadata", {
        ...{ filter: ANY, limit: PAGE },
        ...(token === undefined ? {} : { paginationToken: token }),
      });
      const { next } = (answer["pagination"] ?? {}) as { readonly next?: string };
      return { records: fromMap(answer["vectors"]), ...(next === undefined ? {} : { next }) };
    },
    fetch: async (place, ids) => {
      const query = ids.map((id) => `ids=${encodeURIComponent(id)}`).join("&");
      return fromMap((await send(place, `GET /vectors/fetch?${query}`))["vectors"]);
    },
    query: async (place, { vector, topK, where }) => {
      const answer = await send(place, "POST /query", {
        ...{ vector, topK, includeMetadata: true },
        ...(where === undefined ? {} : { filter: where as Printable }),
      });
      const matches = answer["matches"] as readonly (JsonVector & { readonly score: number })[];
      return matches.map((match) => ({ ...fromJson(match), score: match.score }));
    },
    delete: async (place, ids) => {
      await send(place, "POST /vectors/delete", { ids });
    },
  };
}

interface JsonVector {
  readonly id: string;
  readonly values: readonly number[];
  readonly metadata?: Metadata;
}

function fromJson({ id: key, values, metadata }: JsonVector): PairRecord {
  const vector = values.map(Math.fround);
  return { key, vector, ...(metadata === undefined ? {} : { metadata }) };
}

function fromMap(vectors: unknown): readonly PairRecord[] {
  return Object.values(vectors as Readonly<Record<string, JsonVector>>).map(fromJson);
}

function overGrpc(projects: Projects): Transport {
  const send = async (
    { database, collection }: IndexPlace,
    method: string,
    fill: (writer: ProtoWriter) => void,
  ): Promise<ProtoReader> => {
    const caller = await projects.of(database);
    const { status, text, message }: PineconeReply = await caller.grpc(method, collection, fill);
    if (status !== 0) throw new Refused(status, String(status), text);
    return new ProtoReader(message);
  };
  return {
    upsert: async (place, records) => {
      await send(place, "Upsert", (writer) => {
        for (const { key, vector, metadata } of records) {
          writer.message(1, () => {
            writer.text(1, key);
            writer.floats(2, Float32Array.from(vector));
            if (metadata !== undefined) writeStruct(writer, 3, metadata);
          });
        }
      });
    },
    page: async (place, token) => {
      const answer = await send(place, "FetchByMetadata", (writer) => {
        writeStruct(writer, 2, ANY);
        writer.uint(3, PAGE);
        if (token !== undefined) writer.text(4, token);
      });
      return readPage(answer);
    },
    fetch: async (place, ids) => {
      const answer = await send(place, "Fetch", (writer) => {
        for (const id of ids) writer.text(1, id);
      });
      return readPage(answer).records;
    },
    query: async (place, { vector, topK, where }) => {
      const answer = await send(place, "Query", (writer) => {
        writer.uint(2, topK);
        if (where !== undefined) writeStruct(writer, 3, where as never);
        writer.bool(5, true);
        writer.floats(7, Float32Array.from(vector));
      });
      return readMatches(answer);
    },
    delete: async (place, ids) => {
      await send(place, "Delete", (writer) => {
        for (const id of ids) writer.text(1, id);
      });
    },
  };
}

/** vectors=1, a map; pagination=4. */
function readPage(answer: ProtoReader): Page {
  const records: PairRecord[] = [];
  let next: string | undefined;
  while (answer.next()) {
    if (answer.field === 1) {
      const entry = answer.message();
      while (entry.next()) {
        if (entry.field === 2) records.push(readVector(entry.message()));
        else entry.skip();
      }
    } else if (answer.field === 4) {
      const pagination = answer.message();
      while (pagination.next()) next = pagination.text();
    } else answer.skip();
  }
  return { records, ...(next === undefined ? {} : { next }) };
}

/** id=1, values=2, metadata=3. */
function readVector(reader: ProtoReader): PairRecord {
  const arena = new FloatArena(100_000);
  let key = "";
  let metadata: Metadata | undefined;
  while (reader.next()) {
    if (reader.field === 1) key = reader.text();
    else if (reader.field === 2) reader.floats(arena);
    else if (reader.field === 3) metadata = readStruct(reader.message());
    else reader.skip();
  }
  const vector = [...arena.since(0)];
  return { key, vector, ...(metadata === undefined ? {} : { metadata }) };
}

/** matches=2: id=1, score=2, metadata=4. */
function readMatches(answer: ProtoReader): readonly Match[] {
  const matches: Match[] = [];
  while (answer.next()) {
    if (answer.field !== 2) {
      answer.skip();
      continue;
    }
    const reader = answer.message();
    let key = "";
    let score = 0;
    let metadata: Metadata | undefined;
    while (reader.next()) {
      if (reader.field === 1) key = reader.text();
      else if (reader.field === 2) score = reader.float();
      else if (reader.field === 4) metadata = readStruct(reader.message());
      else reader.skip();
    }
    matches.push({ key, vector: [], score, ...(metadata === undefined ? {} : { metadata }) });
  }
  return matches;
}
