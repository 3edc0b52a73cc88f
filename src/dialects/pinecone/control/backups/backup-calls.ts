/** The control plane's calls about backups of indexes. */
import { pineconeFault, refusal } from "../../errors.ts";
import { findIndex, type IndexView } from "../../index-view.ts";
import { PINECONE_LIMITS } from "../../limits.ts";
import { readText } from "../../rest/members.ts";
import { attributesOf, PINECONE_ATTRIBUTES } from "../attributes.ts";
import { authorize, readBody, type ControlAnswer, type ControlCall } from "../call.ts";
import { schemaOf, wantsSchema, type DescribedIndex } from "../index-model.ts";
import { SPEC_DEFAULT } from "../spec.ts";
import { answerPage } from "./paging.ts";
import { authorizeWithin, isAllowedFor, missing } from "./rights.ts";
import { indexIdOf, newId, type BackedUpIndex, type BackupRow } from "./rows.ts";

/** Answers when it has begun: it is ready when its description says so. */
export async function createBackup(call: ControlCall): Promise<ControlAnswer> {
  const { server, caller, name: indexName } = call;
  const { desk, context } = server;
  authorize(call, "admin:CreateBackup", indexName);
  const body = await readBody(call);
  const [name, description] = [readShort(body, "name"), readShort(body, "description")];
  const index = await findIndex(context.engine, caller.project, indexName);
  const row: BackupRow = {
    id: newId(context),
    index: toBackedUp(index),
    createdAtMs: context.clock.wallMs(),
    ...(name === undefined ? {} : { name }),
    ...(description === undefined ? {} : { description }),
  };
  await server.indexLocks.run(`${caller.project}\0`, async () => {
    await checkCount(call);
    await desk.startBackup(caller.project, row);
  });
  return { status: 200, json: describeBackupRow(call, row) };
}

function readShort(body: Parameters<typeof readText>[0], name: string): string | undefined {
  const text = readText(body, name);
  const { backupTextCharactersMax } = PINECONE_LIMITS;
  if (text === undefined || text.length <= backupTextCharactersMax) return text;
  throw refusal(`${name} must have at most ${String(backupTextCharactersMax)} characters`);
}

async function checkCount({ server, caller }: ControlCall): Promise<void> {
  let count = 0;
  for await (const _ of server.desk.backups.walk(caller.project)) count += 1;
  if (count < PINECONE_LIMITS.backupsMax) return;
  throw pineconeFault(
    "BACKUPS_EXCEEDED",
    `A project has at most ${String(PINECONE_LIMITS.backupsMax)} backups: delete some`,
  );
}

function toBackedUp({
  info,
  metric,
  vectorType,
  dimension,
  sparseField,
}: IndexView): BackedUpIndex {
  const own = new Set<string>(Object.values(PINECONE_ATTRIBUTES));
  const attributes = Object.entries(info.attributes).filter(([name]) => own.has(name));
  return {
    ...{ name: info.name, id: indexIdOf(info), metric, vectorType },
    attributes: Object.fromEntries(attributes),
    ...(dimension === undefined ? {} : { dimension }),
    ...(sparseField === undefined ? {} : { sparseField }),
  };
}

/** Of the index of that name, also when it is gone. */
export function listIndexBackups(call: ControlCall): Promise<ControlAnswer> {
  authorize(call, "admin:ListBackups", call.name);
  return answerPage(call, {
    name: `backups of ${call.name}`,
    rows: call.server.desk.backups,
    isWanted: ({ index }) => index.name === call.name,
    print: (row) => describeBackupRow(call, row),
  });
}

export async function listBackups(call: ControlCall): Promise<ControlAnswer> {
  authorizeWithin(call, "admin:ListBackups");
  return answerPage(call, {
    name: "backups",
    rows: call.server.desk.backups,
    isWanted: ({ index }) => isAllowedFor(call, "admin:ListBackups", index.name),
    print: (row) => describeBackupRow(call, row),
  });
}

export async function describeBackup(call: ControlCall): Promise<ControlAnswer> {
  const row = await findBackupRow(call, "admin:ListBackups");
  return { status: 200, json: describeBackupRow(call, row) };
}

export async function deleteBackup(call: ControlCall): Promise<ControlAnswer> {
  const row = await findBackupRow(call, "admin:DeleteBackup");
  await call.server.desk.remove(call.caller.project, row);
  return { status: 202 };
}

/**
 * What is missing and what is forbidden look alike.
 *
 * @throws InsulaError `permission_denied`, `backup_not_found`
 */
export async function findBackupRow(
  call: ControlCall,
  right: "admin:ListBackups" | "admin:DeleteBackup" | "admin:Restore",
): Promise<BackupRow> {
  authorizeWithin(call, right);
  const { server, caller, name: id } = call;
  const row = await server.desk.backups.get(caller.project, id);
  if (row !== undefined && isAllowedFor(call, right, row.index.name)) return row;
  throw missing("Backup", id);
}

/** All members of all versions; clients take those they know. */
function describeBackupRow({ server, caller, request }: ControlCall, row: BackupRow): object {
  const { id, index, name, description, createdAtMs, stored } = row;
  const { spec, tags } = attributesOf(index);
  const { cloud, region } = { ...SPEC_DEFAULT["serverless"], ...spec["serverless"] };
  const described = toDescribed(caller.project, index.name, index);
  return {
    ...{ backup_id: id, source_index_name: index.name, source_index_id: index.id },
    status: stored !== undefined ? "Ready" : server.desk.isMaking(id) ? "Initializing" : "Failed",
    ...{ cloud, region, name, description, tags },
    ...{ dimension: index.dimension, metric: index.metric },
    ...(wantsSchema(request) ? { schema: schemaOf(described) } : {}),
    record_count: stored?.records ?? 0,
    namespace_count: stored?.tenants ?? 0,
    size_bytes: stored?.bytes ?? 0,
    created_at: new Date(createdAtMs).toISOString(),
  };
}

/** An index as it was when it was backed up, under another name. */
export function toDescribed(
  project: string,
  name: string,
  { attributes, metric, vectorType, dimension, sparseField }: BackedUpIndex,
): DescribedIndex {
  const info = { database: project, name, attributes };
  return { info, metric, vectorType, dimension, sparseField };
}
