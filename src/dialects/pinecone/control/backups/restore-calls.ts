/** The control plane's calls that make indexes of backups, and that tell how far they are. */
import { InsulaError } from "../../../../base/errors.ts";
import { pineconeFault } from "../../errors.ts";
import { PINECONE_LIMITS } from "../../limits.ts";
import { member, readObject, requireText } from "../../rest/members.ts";
import {
  attributesOf,
  patchAttributes,
  printAttributes,
  readProtection,
  readTags,
} from "../attributes.ts";
import { authorize, readBody, type ControlAnswer, type ControlCall } from "../call.ts";
import { checkIndexName } from "../new-index.ts";
import { findBackupRow, toDescribed } from "./backup-calls.ts";
import { answerPage } from "./paging.ts";
import { authorizeWithin, isAllowedFor, missing } from "./rights.ts";
import { newId, type RestoreRow } from "./rows.ts";

/**
 * Answers when it has begun; until it is done the index is described as one that is not ready. It
 * has the tags of the backup unless the request names others, and no protection unless it asks.
 *
 * @throws InsulaError `collection_exists`, `collection_quota_exceeded` when it would need a port
 *   and none is free, the fault `BACKUP_IN_USE` while the backup is not ready.
 */
export async function createIndexFromBackup(call: ControlCall): Promise<ControlAnswer> {
  const { server, caller } = call;
  const { desk, context } = server;
  const source = await findBackupRow(call, "admin:Restore");
  const body = await readBody(call);
  const name = requireText(body, "name");
  checkIndexName(name);
  authorize(call, "admin:CreateCollection", name);
  if (source.stored === undefined) {
    throw pineconeFault("BACKUP_IN_USE", "The backup is not ready: nothing can be made of it");
  }
  const kept = attributesOf(source.index);
  const hasTags = member(body, "tags") !== undefined;
  const attributes = {
    ...kept,
    tags: hasTags ? readTags(readObject(body, "tags") ?? {}) : kept.tags,
    isProtected: readProtection(body) ?? false,
  };
  const index = { name, id: newId(context) };
  const row: RestoreRow = {
    ...{ id: newId(context), backup: source.id, index },
    createdAtMs: context.clock.wallMs(),
  };
  const described = toDescribed(caller.project, name, {
    ...source.index,
    attributes: printAttributes(attributes),
  });
  await server.indexLocks.run(`${caller.project}\0${name}`, async () => {
    await checkFree(call, name);
    await forgetOldest(call);
    const finish = (): Promise<unknown> =>
      context.engine.updateCollection(caller.project, name, {
        attributes: patchAttributes(attributes),
      });
    const pending = { row, described: { ...described, isRestoring: true } };
    const owner = { project: caller.project, name };
    await server.indexPorts?.claim(owner);
    const end = async (): Promise<void> => server.indexPorts?.settle(owner);
    try {
      await desk.startRestore(pending, source, { finish, end });
    } catch (error) {
      await end();
      throw error;
    }
  });
  return { status: 202, json: { restore_job_id: row.id, index_id: index.id } };
}

async function checkFree({ server, caller }: ControlCall, name: string): Promise<void> {
  const isTaken =
    server.desk.pendingIndex(caller.project, name) !== undefined ||
    (await server.context.engine.getCollection(caller.project, name)) !== undefined;
  if (isTaken) throw new InsulaError("collection_exists", "Resource already exists");
}

/** As many are remembered; the oldest goes for a new one. */
async function forgetOldest({ server, caller }: ControlCall): Promise<void> {
  const { restores } = server.desk;
  const ids: string[] = [];
  for await (const { id } of restores.walk(caller.project)) ids.push(id);
  const surplus = ids.slice(0, Math.max(0, ids.length + 1 - PINECONE_LIMITS.restoreJobsMax));
  for (const id of surplus) await restores.remove(caller.project, id);
}

export async function listRestoreJobs(call: ControlCall): Promise<ControlAnswer> {
  authorizeWithin(call, "admin:ListBackups");
  return answerPage(call, {
    name: "restore jobs",
    rows: call.server.desk.restores,
    isWanted: ({ index }) => isAllowedFor(call, "admin:ListBackups", index.name),
    print: (row) => describeRow(call, row),
  });
}

export async function describeRestoreJob(call: ControlCall): Promise<ControlAnswer> {
  authorizeWithin(call, "admin:ListBackups");
  const { server, caller, name: id } = call;
  const row = await server.desk.restores.get(caller.project, id);
  if (row === undefined || !isAllowedFor(call, "admin:ListBackups", row.index.name)) {
    throw missing("Restore job", id);
  }
  return { status: 200, json: describeRow(call, row) };
}

function describeRow({ server }: ControlCall, row: RestoreRow): object {
  const { id, backup, index, createdAtMs, completedAtMs } = row;
  const common = {
    ...{ restore_job_id: id, backup_id: backup },
    ...{ target_index_name: index.name, target_index_id: index.id },
    created_at: new Date(createdAtMs).toISOString(),
  };
  if (completedAtMs === undefined) {
    const status = server.desk.isRestoring(id) ? "InProgress" : "Failed";
    return { ...common, status, percent_complete: 0 };
  }
  const completed = new Date(completedAtMs).toISOString();
  return { ...common, status: "Completed", completed_at: completed, percent_complete: 100 };
}
