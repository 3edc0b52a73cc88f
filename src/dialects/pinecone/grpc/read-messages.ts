/** Requests of the data plane from the vendor's messages. */
import { FloatArena, ProtoReader, readStruct, type JsonObject } from "../../../wire/index.ts";
import { PINECONE_LIMITS } from "../limits.ts";
import type {
  DeleteRequest,
  FetchByMetadataRequest,
  FetchRequest,
  ListRequest,
  QueryRequest,
  SparseValues,
  StatsRequest,
  UpdateRequest,
  UpsertRequest,
  VectorToUpsert,
} from "../operations/messages.ts";

/** What a message may still become while its fields are read. */
type Unfinished<Message> = { -readonly [Name in keyof Message]: Message[Name] };

/** Floats of one message: dense ones apart, so that a batch of them is one block. */
class MessageFloats {
  readonly dense: FloatArena;
  readonly #floatsMax: number;
  #sparse: FloatArena | undefined;

  constructor(message: Buffer) {
    // Packed or not, a float takes four bytes or more.
    this.#floatsMax = Math.floor(message.length / 4);
    this.dense = new FloatArena(this.#floatsMax);
  }

  get sparse(): FloatArena {
    return (this.#sparse ??= new FloatArena(this.#floatsMax));
  }
}

export function readUpsert(message: Buffer): UpsertRequest {
  const reader = new ProtoReader(message);
  const floats = new MessageFloats(message);
  const vectors: VectorToUpsert[] = [];
  let namespace = "";
  while (reader.next()) {
    if (reader.field === 1) {
      // One more than there may be is enough to refuse them all.
      if (vectors.length > PINECONE_LIMITS.upsertVectorsMax) reader.skip();
      else vectors.push(readVector(reader.message(), floats));
    } else if (reader.field === 2) namespace = reader.text();
    else reader.skip();
  }
  return { vectors, namespace };
}

function readVector(reader: ProtoReader, floats: MessageFloats): VectorToUpsert {
  const vector: Unfinished<VectorToUpsert> = { id: "" };
  const start = floats.dense.count;
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        vector.id = reader.text();
        break;
      case 2:
        reader.floats(floats.dense);
        break;
      case 3:
        vector.metadata = readStruct(reader.message());
        break;
      case 4:
        vector.sparseValues = readSparse(reader.message(), floats);
        break;
      default:
        reader.skip();
    }
  }
  if (floats.dense.count > start) vector.values = floats.dense.since(start);
  return vector;
}

function readSparse(reader: ProtoReader, floats: MessageFloats): SparseValues {
  const indices: number[] = [];
  const start = floats.sparse.count;
  while (reader.next()) {
    if (reader.field === 1) reader.uints(indices);
    else if (reader.field === 2) reader.floats(floats.sparse);
    else reader.skip();
  }
  return { indices: Uint32Array.from(indices), values: floats.sparse.since(start) };
}

export function readQuery(message: Buffer): QueryRequest {
  const reader = new ProtoReader(message);
  const floats = new MessageFloats(message);
  const query: Unfinished<QueryRequest> = {
    ...{ namespace: "", topK: 0, includeValues: false, includeMetadata: false },
  };
  while (reader.next()) readQueryField(reader, query, floats);
  if (floats.dense.count > 0) query.vector = floats.dense.since(0);
  return query;
}

/** Several queries in one (field 6) were given up by the vendor long ago and are not looked at. */
function readQueryField(
  reader: ProtoReader,
  query: Unfinished<QueryRequest>,
  floats: MessageFloats,
): void {
  switch (reader.field) {
    case 1:
      query.namespace = reader.text();
      return;
    case 2:
      query.topK = reader.uint();
      return;
    case 3:
      query.filter = readStruct(reader.message());
      return;
    case 4:
      query.includeValues = reader.bool();
      return;
    case 5:
      query.includeMetadata = reader.bool();
      return;
    case 7:
      reader.floats(floats.dense);
      return;
    case 8: {
      const id = reader.text();
      if (id !== "") query.id = id;
      return;
    }
    case 9:
      query.sparseVector = readSparse(reader.message(), floats);
      return;
    default:
      reader.skip();
  }
}

export function readFetch(message: Buffer): FetchRequest {
  const reader = new ProtoReader(message);
  const ids: string[] = [];
  let namespace = "";
  while (reader.next()) {
    if (reader.field === 1) readId(reader, ids);
    else if (reader.field === 2) namespace = reader.text();
    else reader.skip();
  }
  return { ids, namespace };
}

export function readDelete(message: Buffer): DeleteRequest {
  const reader = new ProtoReader(message);
  const ids: string[] = [];
  let deleteAll = false;
  let namespace = "";
  let filter: JsonObject | undefined;
  while (reader.next()) {
    if (reader.field === 1) readId(reader, ids);
    else if (reader.field === 2) deleteAll = reader.bool();
    else if (reader.field === 3) namespace = reader.text();
    else if (reader.field === 4) filter = readStruct(reader.message());
    else reader.skip();
  }
  return { ids, deleteAll, namespace, ...(filter === undefined ? {} : { filter }) };
}

function readId(reader: ProtoReader, ids: string[]): void {
  // One more than there may be is enough to refuse them all.
  if (ids.length > PINECONE_LIMITS.idsMax) reader.skip();
  else ids.push(reader.text());
}

export function readList(message: Buffer): ListRequest {
  const reader = new ProtoReader(message);
  const list: Unfinished<ListRequest> = { namespace: "" };
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        list.prefix = reader.text();
        break;
      case 2:
        list.limit = reader.uint();
        break;
      case 3:
        list.paginationToken = reader.text();
        break;
      case 4:
        list.namespace = reader.text();
        break;
      default:
        reader.skip();
    }
  }
  // Clients that have no token send an empty one.
  if (list.paginationToken === "") delete list.paginationToken;
  return list;
}

export function readStats(message: Buffer): StatsRequest {
  const reader = new ProtoReader(message);
  let filter: JsonObject | undefined;
  while (reader.next()) {
    if (reader.field === 1) filter = readStruct(reader.message());
    else reader.skip();
  }
  return filter === undefined ? {} : { filter };
}

export function readUpdate(message: Buffer): UpdateRequest {
  const reader = new ProtoReader(message);
  const floats = new MessageFloats(message);
  const update: Unfinished<UpdateRequest> = { namespace: "", dryRun: false };
  while (reader.next()) readUpdateField(reader, update, floats);
  if (floats.dense.count > 0) update.values = floats.dense.since(0);
  return update;
}

function readUpdateField(
  reader: ProtoReader,
  update: Unfinished<UpdateRequest>,
  floats: MessageFloats,
): void {
  switch (reader.field) {
    case 1: {
      const id = reader.text();
      if (id !== "") update.id = id;
      return;
    }
    case 2:
      reader.floats(floats.dense);
      return;
    case 3:
      update.setMetadata = readStruct(reader.message());
      return;
    case 4:
      update.namespace = reader.text();
      return;
    case 5:
      update.sparseValues = readSparse(reader.message(), floats);
      return;
    case 6:
      update.filter = readStruct(reader.message());
      return;
    case 7:
      update.dryRun = reader.bool();
      return;
    default:
      reader.skip();
  }
}

export function readFetchByMetadata(message: Buffer): FetchByMetadataRequest {
  const reader = new ProtoReader(message);
  const fetch: Unfinished<FetchByMetadataRequest> = { namespace: "" };
  while (reader.next()) {
    switch (reader.field) {
      case 1:
        fetch.namespace = reader.text();
        break;
      case 2:
        fetch.filter = readStruct(reader.message());
        break;
      case 3:
        fetch.limit = reader.uint();
        break;
      case 4:
        fetch.paginationToken = reader.text();
        break;
      default:
        reader.skip();
    }
  }
  if (fetch.paginationToken === "") delete fetch.paginationToken;
  return fetch;
}
