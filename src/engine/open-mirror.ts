/** The engine's mirror: its folder, its keys, and the store that the settings name. */
import { Mirror, mirrorKeyName } from "../mirror/index.ts";
import { FolderSource } from "./mirror-source.ts";
import {
  MIRROR_INTERVAL_MS,
  MIRROR_RETENTION_MS,
  type EngineOptions,
  type NodeContext,
} from "./node-context.ts";

/** Undefined when nothing is to be mirrored; else it runs already. */
export async function openMirror(
  { mirror, onFault }: EngineOptions,
  node: NodeContext,
): Promise<Mirror | undefined> {
  if (mirror === undefined) return undefined;
  const { fileSystem, clock, random } = node.shards;
  const root = await node.vault?.backupRoot();
  return new Mirror({
    store: mirror.store,
    intervalMs: mirror.intervalMs ?? MIRROR_INTERVAL_MS,
    retentionMs: mirror.retentionMs ?? MIRROR_RETENTION_MS,
    pointsPerBase: mirror.pointsPerBase,
    clock,
    random,
    fileSystem,
    source: new FolderSource({ node, fileSystem, lazy: node.lazy }),
    keyOf: root && ((id) => root.keyOf(mirrorKeyName(id))),
    onFault: onFault ?? ((): void => undefined),
  });
}
