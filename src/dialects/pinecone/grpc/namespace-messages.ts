/** Messages of updates and of calls about namespaces. */
import { ProtoReader, ProtoWriter } from "../../../wire/index.ts";
import { refusal } from "../errors.ts";
import type {
  CreateNamespaceRequest,
  InNamespace,
  ListNamespacesAnswer,
  ListNamespacesRequest,
  NamespaceDescription,
  UpdateAnswer,
} from "../operations/messages.ts";
import { writePagination } from "./write-messages.ts";

export function readListNamespaces(message: Buffer): ListNamespacesRequest {
  const reader = new ProtoReader(message);
  const asked: { paginationToken?: string; limit?: number; prefix?: string } = {};
  while (reader.next()) {
    if (reader.field === 1) asked.paginationToken = reader.text();
    else if (reader.field === 2) asked.limit = reader.uint();
    else if (reader.field === 3) asked.prefix = reader.text();
    else reader.skip();
  }
  // Clients that have no token, or ask for no number, send empty ones.
  if (asked.paginationToken === "") delete asked.paginationToken;
  if (asked.limit === 0) delete asked.limit;
  return asked;
}

export function readNamespaceName(message: Buffer): InNamespace {
  const reader = new ProtoReader(message);
  let namespace = "";
  while (reader.next()) {
    if (reader.field === 1) namespace = reader.text();
    else reader.skip();
  }
  return { namespace };
}

/** Every field can be filtered by; a schema that forbids one cannot be kept. */
export function readCreateNamespace(message: Buffer): CreateNamespaceRequest {
  const reader = new ProtoReader(message);
  let namespace = "";
  while (reader.next()) {
    if (reader.field === 1) namespace = reader.text();
    else if (reader.field === 2) checkSchema(reader.message());
    else reader.skip();
  }
  return { namespace };
}

function checkSchema(schema: ProtoReader): void {
  while (schema.next()) {
    if (schema.field !== 1) {
      schema.skip();
      continue;
    }
    const entry = schema.message();
    let isFilterable = false;
    while (entry.next()) {
      if (entry.field === 2) isFilterable = readFilterable(entry.message());
      else entry.skip();
    }
    if (!isFilterable) throw refusal("Every field of a schema must be filterable");
  }
}

function readFilterable(properties: ProtoReader): boolean {
  let isFilterable = false;
  while (properties.next()) {
    if (properties.field === 1) isFilterable = properties.bool();
    else properties.skip();
  }
  return isFilterable;
}

export function writeUpdate({ matchedRecords }: UpdateAnswer): Uint8Array {
  const writer = new ProtoWriter();
  if (matchedRecords !== undefined) writer.uintAlways(1, matchedRecords);
  return writer.written;
}

export function writeNamespace(namespace: NamespaceDescription): Uint8Array {
  const writer = new ProtoWriter();
  writeDescription(writer, namespace);
  return writer.written;
}

export function writeNamespaces(answer: ListNamespacesAnswer): Uint8Array {
  const { namespaces, totalCount, next } = answer;
  const writer = new ProtoWriter();
  for (const namespace of namespaces) {
    writer.message(1, () => {
      writeDescription(writer, namespace);
    });
  }
  writePagination(writer, 2, next);
  writer.uint(3, totalCount);
  return writer.written;
}

function writeDescription(writer: ProtoWriter, { name, recordCount }: NamespaceDescription): void {
  writer.text(1, name);
  writer.uint(2, recordCount);
}
