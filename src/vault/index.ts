/**
 * The room of keys: what a tenant's bytes are sealed with, and how it is destroyed.
 *
 * What for. One *master key*, given or made, wraps one *root key*; the root key wraps the keys in
 * the slots; a shard's key is that of its slot, mixed with that of its collection's slot when the
 * collection has tenants. So a tenant is erased by overwriting 64 bytes, a collection of a million
 * tenants too, and the master key is changed by rewriting one small file. What not: it seals no
 * data; log, segments and names are sealed by the rooms that write them, with `base/cipher.ts`.
 *
 * Life of a key. Made in advance, with 1,022 others, one sync for all; taken by a new shard; read
 * when the shard wakes, kept in a bounded cache; overwritten with zeros when the shard is removed.
 * Nothing else on disk holds it.
 *
 * Invariants.
 * - A slot is handed out once: the catalogue remembers the highest one, and a start begins above.
 * - Slots and root file know their place: bytes of another slot or folder open nothing.
 * - A wrong or missing master key changes nothing and reads nothing.
 *
 * Sources. NIST SP 800-38D (AES-GCM), SP 800-57 (hierarchies of keys), SP 800-88 (destroying keys
 * as a way to erase).
 */
export { readBackupRoot, type BackupRoot } from "./backup-root.ts";
export type { AuditedKeyFile } from "./key-audit.ts";
export { MASTER_KEY_PATH, parseMasterKey } from "./master-key.ts";
export { SLOT_BYTES, slotFilePath, slotPlace } from "./slot-file.ts";
export { ROOT_PATH } from "./root-file.ts";
export { Vault, rootMissing, type KeySource, type VaultOptions } from "./vault.ts";
