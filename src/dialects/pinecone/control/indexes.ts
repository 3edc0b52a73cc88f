/** The control plane's calls about indexes. */
import { InsulaError, isInsulaError } from "../../../base/errors.ts";
import { PAGE_ITEMS_MAX } from "../../../base/limits.ts";
import { pineconeFault, refusal } from "../errors.ts";
import { findIndex, toIndexView } from "../index-view.ts";
import { readObject } from "../rest/members.ts";
import {
  attributesOf,
  mergeTags,
  patchAttributes,
  readProtection,
  readTags,
} from "./attributes.ts";
import type { ControlAnswer, ControlCall } from "./call.ts";
import { authorize, isVisible, readBody } from "./call.ts";
import { describe, type DescribedIndex } from "./index-model.ts";
import { readEmbed, readSemanticField } from "./embed-settings.ts";
import { readNewIndex, type NewIndex } from "./new-index.ts";
import { patchSpec, readDeployment, readSpec } from "./spec.ts";
import { readNewTextIndex, readTextPatch } from "./text-indexes.ts";

/** Those the key has anything to do with; the vendor knows no pages here. */
export async function listIndexes(call: ControlCall): Promise<ControlAnswer> {
  const { server, caller } = call;
  const { engine } = server.context;
  caller.trail.aim({ database: caller.project });
  const indexes: object[] = [];
  for (const { described } of server.desk.pendingIndexes(caller.project)) {
    if (isVisible(call, described.info.name)) indexes.push(await show(call, described));
  }
  if ((await engine.getDatabase(caller.project)) === undefined) {
    return { status: 200, json: { indexes } };
  }
  let after: string | undefined;
  do {
    const { items, hasMore } = await engine.listCollections(caller.project, {
      limit: PAGE_ITEMS_MAX,
      ...(after === undefined ? {} : { after }),
    });
    for (const info of items) {
      const view = toIndexView(info);
      if (view === undefined || !isVisible(call, info.name)) continue;
      if (server.desk.pendingIndex(caller.project, info.name) !== undefined) continue;
      indexes.push(await show(call, view));
    }
    after = hasMore ? items.at(-1)?.name : undefined;
    caller.signal.throwIfAborted();
  } while (after !== undefined);
  return { status: 200, json: { indexes } };
}

/** Its description; the index is given a port if it has none. */
async function show({ server, request }: ControlCall, view: DescribedIndex): Promise<object> {
  const { settings, indexPorts } = server;
  const { database: project, name } = view.info;
  return describe(view, request, { settings, port: await indexPorts?.portOf({ project, name }) });
}

export async function createIndex(call: ControlCall): Promise<ControlAnswer> {
  const body = await readBody(call);
  const fields = readObject(readObject(body, "schema") ?? {}, "fields") ?? {};
  const text = readSemanticField(fields);
  if (text === undefined) return makeIndex(call, readNewIndex(body));
  const spec = readDeployment(readObject(body, "deployment") ?? {});
  return makeIndex(call, await readNewTextIndex(call, body, { spec, text }));
}

export async function createIndexForModel(call: ControlCall): Promise<ControlAnswer> {
  const body = await readBody(call);
  const text = readEmbed(readObject(body, "embed") ?? {});
  // Cloud and region stand beside the name here; clients of 2026-07 may say where otherwise.
  const deployment = readObject(body, "deployment");
  const spec =
    deployment === undefined
      ? readSpec({ spec: { serverless: body } })
      : readDeployment(deployment);
  return makeIndex(call, await readNewTextIndex(call, body, { spec, text }));
}

/** Makes what was read. */
async function makeIndex(call: ControlCall, { name, options }: NewIndex): Promise<ControlAnswer> {
  const { server, caller } = call;
  const { engine } = server.context;
  authorize(call, "admin:CreateCollection", name);
  await ensureProject(call);
  const { project } = caller;
  if (server.desk.pendingIndex(project, name) !== undefined) throw exists();
  const make = () => engine.createCollection(project, name, options);
  const info = await (server.indexPorts?.reserve({ project, name }, make) ?? make()).catch(
    (error: unknown) => {
      if (!isInsulaError(error) || error.code !== "collection_exists") throw error;
      throw exists(error);
    },
  );
  const view = toIndexView(info);
  if (view === undefined) throw new InsulaError("invariant_broken", "A new index is an index.");
  return { status: 201, json: await show(call, view) };
}

function exists(cause?: unknown): InsulaError {
  return new InsulaError("collection_exists", "Resource already exists", { cause });
}

/** The project of the configuration, or of the key, is there from its first index on. */
async function ensureProject({ server, caller }: ControlCall): Promise<void> {
  const { engine } = server.context;
  if ((await engine.getDatabase(caller.project)) !== undefined) return;
  try {
    await engine.createDatabase(caller.project);
  } catch (error) {
    if (!isInsulaError(error) || error.code !== "database_exists") throw error;
  }
}

/** What a client needs to find the host, so every key with any right in the index may. */
export async function describeIndex(call: ControlCall): Promise<ControlAnswer> {
  const { server, caller, name } = call;
  caller.trail.aim({ database: caller.project, collection: name });
  if (!isVisible(call, name)) {
    throw new InsulaError("permission_denied", "Cannot answer: the key has no right to this.");
  }
  const view =
    server.desk.pendingIndex(caller.project, name)?.described ??
    (await findIndex(server.context.engine, caller.project, name));
  return { status: 200, json: await show(call, view) };
}

export function configureIndex(call: ControlCall): Promise<ControlAnswer> {
  const { server, caller, name } = call;
  const { engine } = server.context;
  authorize(call, "admin:UpdateCollection", name);
  return server.indexLocks.run(`${caller.project}\0${name}`, async () => {
    const body = await readBody(call);
    if (Object.keys(body).length === 0) throw refusal("The configuration must change something");
    const index = await findIndex(engine, caller.project, name);
    const kept = attributesOf(index.info);
    const texts = await readTextPatch(call, index, body);
    const pod = readObject(readObject(body, "spec") ?? {}, "pod") ?? readObject(body, "deployment");
    const patched = await engine.updateCollection(caller.project, name, {
      attributes: patchAttributes({
        spec: pod === undefined ? kept.spec : patchSpec(kept.spec, pod),
        tags: mergeTags(kept.tags, readTagPatch(readObject(body, "tags") ?? {})),
        isProtected: readProtection(body) ?? kept.isProtected,
        embed: texts?.embed ?? kept.embed,
      }),
      ...(texts === undefined ? {} : { embeddingModel: texts.answeredBy }),
    });
    const view = toIndexView(patched);
    if (view === undefined) throw new InsulaError("invariant_broken", "An index stays one.");
    return { status: 200, json: await show(call, view) };
  });
}

/** Empty values are kept here: they say which tags go. */
function readTagPatch(json: Parameters<typeof readTags>[0]): Record<string, string> {
  const kept = readTags(json);
  for (const name of Object.keys(json)) kept[name] ??= "";
  return kept;
}

export function deleteIndex(call: ControlCall): Promise<ControlAnswer> {
  const { server, caller, name } = call;
  const { engine } = server.context;
  authorize(call, "admin:DeleteCollection", name);
  return server.indexLocks.run(`${caller.project}\0${name}`, async () => {
    const { info } = await findIndex(engine, caller.project, name);
    if (attributesOf(info).isProtected) {
      throw pineconeFault(
        "FORBIDDEN",
        "Deletion protection is enabled for this index. Disable deletion protection before retrying.",
      );
    }
    await engine.deleteCollection(caller.project, name);
    await server.indexPorts?.release({ project: caller.project, name });
    return { status: 202 };
  });
}
