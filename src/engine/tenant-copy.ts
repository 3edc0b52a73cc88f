/**
 * A tenant made of the records of another: of one that is here, or of one that another data folder
 * has offloaded to the store that both use.
 */
import { openOffload, prefixOfOffload, type BackupKeys, type ShardImage } from "../backup/index.ts";
import { InsulaError, isInsulaError } from "../base/errors.ts";
import type { TenantPlace } from "./api.ts";
import { tenantKey } from "./catalog-keys.ts";
import { encodeSchema, encodeTenant } from "./catalog-rows.ts";
import type { Directory } from "./directory.ts";
import type { ClaimedName, CollectionEntry } from "./directory-entries.ts";
import type { NodeContext } from "./node-context.ts";
import { openImage } from "./shard-images.ts";
import { importShard } from "./shard-import.ts";
import { tenantCountChanges } from "./tenant-totals.ts";

export interface TenantCopyDoors {
  readonly node: NodeContext;
  readonly directory: Directory;
}

/** A second tenant with the same records; writes that come meanwhile are in one of the two only. */
export async function copyTenant(
  doors: TenantCopyDoors,
  source: TenantPlace,
  target: TenantPlace,
): Promise<void> {
  const { node, directory } = doors;
  const from = await directory.collectionNamed(source.database, source.collection);
  const to = await directory.collectionNamed(target.database, target.collection);
  if (!from.isMultiTenant) throw withoutTenants();
  requireSameSchema(to, encodeSchema(from.schema, from.isMultiTenant));
  const found = await directory.tenants.find(from, source.tenant);
  const opened = found && (await openImage(node, found.row.shard));
  if (opened === undefined) {
    throw new InsulaError("tenant_not_found", `Cannot find tenant "${source.tenant}".`);
  }
  try {
    await addTenant(doors, to, target.tenant, opened.image);
  } finally {
    opened.close();
  }
}

/**
 * A tenant with the records of an offload: all of its bytes are fetched, compared with their
 * checksums and sealed with a key of this folder. The objects stay their folder's, which removes
 * them when it erases its own.
 *
 * @param object of the offload, any of them.
 */
export async function adoptTenant(
  doors: TenantCopyDoors,
  object: string,
  target: TenantPlace,
  signal: AbortSignal,
): Promise<void> {
  const { node, directory } = doors;
  const prefix = prefixOfOffload(object);
  if (prefix === undefined) {
    throw new InsulaError(
      "argument_invalid",
      `Cannot adopt "${object}": expected an object of an offload, tenants/SHARD/GENERATION/….`,
    );
  }
  const to = await directory.collectionNamed(target.database, target.collection);
  if (!to.isMultiTenant) throw withoutTenants();
  const store = await node.remote.openUntil(signal);
  const open = (rootFile: Uint8Array): BackupKeys => keysOf(node, rootFile);
  const from = { store, pace: node.transfers, signal };
  const { manifest, image } = await openOffload(from, prefix, { kind: "root", open });
  requireSameSchema(to, manifest.schema);
  await addTenant(doors, to, target.tenant, image);
}

/** @throws InsulaError `argument_invalid` when the schemas differ. */
export function requireSameSchema(target: CollectionEntry, schema: Uint8Array): void {
  const own = encodeSchema(target.schema, target.isMultiTenant);
  if (own.equals(schema)) return;
  throw new InsulaError(
    "argument_invalid",
    `Cannot put the tenant into collection "${target.name}": its schema is another one.`,
  );
}

/** One frame makes it: before it there is nothing, after it all. */
async function addTenant(
  { node, directory }: TenantCopyDoors,
  collection: CollectionEntry,
  name: string,
  image: ShardImage,
): Promise<void> {
  const { number } = collection.row;
  const claim: ClaimedName = { kind: "tenant", collection, name };
  await directory.claim([claim], () => Promise.resolve());
  const shard = await importShard(node, image, number);
  const createdAtMs = node.shards.clock.wallMs();
  const row = { shard: shard.uid, state: "ACTIVE" as const, createdAtMs };
  try {
    await directory.claim([claim], () =>
      node.catalog.commit([
        { kind: "put", key: tenantKey(number, name), value: encodeTenant(row) },
        ...shard.changes,
        ...tenantCountChanges(number, row.state, 1),
      ]),
    );
  } catch (error) {
    await shard.abandon();
    throw error;
  }
  await shard.settle();
}

/** Those of the folder that offloaded: its root key lies in the manifest, wrapped. */
function keysOf({ vault }: NodeContext, rootFile: Uint8Array): BackupKeys {
  if (vault === undefined) {
    throw new InsulaError(
      "operation_unsupported",
      "Cannot adopt the tenant: it is sealed, and this data folder has no keys.",
    );
  }
  try {
    const root = vault.backupRootOf(rootFile);
    return (name) => root.keyOf(name);
  } catch (error) {
    if (!isInsulaError(error) || error.code !== "master_key_wrong") throw error;
    throw new InsulaError(
      "master_key_wrong",
      "Cannot adopt the tenant: it was offloaded under another master key. Give both data folders the same one.",
    );
  }
}

function withoutTenants(): InsulaError {
  return new InsulaError("argument_invalid", "Cannot copy the tenant: the collection has none.");
}
