/** Reads the files of keys again for no other purpose than to know that they are sound. */
import { isInsulaError } from "../base/errors.ts";
import type { FileSystem } from "../io/index.ts";
import { MASTER_KEY_PATH, readMasterKey } from "./master-key.ts";
import { ROOT_PATH, decodeRoot, type RootKey } from "./root-file.ts";
import {
  SLOTS_PER_FILE,
  SLOT_BYTES,
  SLOT_HEADER_BYTES,
  findSlotHeaderFault,
  firstSlot,
  isSlotSound,
  slotFileNumber,
  slotFilePath,
} from "./slot-file.ts";

export interface AuditedKeyFile {
  readonly file: string;
  readonly bytes: number;
  /** What is wrong with it, as a sentence; undefined when it is sound. */
  readonly reason: string | undefined;
}

/** What the files must agree with: the keys in memory. */
export interface KnownKeys {
  readonly masterKey: Uint8Array;
  readonly root: RootKey;
  /** The master key lies in the data folder. */
  readonly isOwnMaster: boolean;
}

/**
 * File by file, 64 KiB at a time. No key is opened but the root key; of a slot the checksum is
 * compared, and zeros are one that was erased.
 */
export async function* auditKeyFiles(
  fileSystem: Pick<FileSystem, "readWhole" | "listFolder">,
  known: KnownKeys,
): AsyncIterable<AuditedKeyFile> {
  if (known.isOwnMaster) {
    const reason = await reasonOf(async () => {
      const key = await readMasterKey(fileSystem);
      const isSame = key !== undefined && Buffer.from(key).equals(known.masterKey);
      return isSame ? undefined : "it is missing or another key: no start would open the data";
    });
    yield { file: MASTER_KEY_PATH, bytes: SLOT_BYTES, reason };
  }
  const stored = await fileSystem.readWhole(ROOT_PATH);
  const reason = await reasonOf(() => Promise.resolve(findRootFault(stored, known)));
  yield { file: ROOT_PATH, bytes: stored?.length ?? 0, reason };
  for (const name of await fileSystem.listFolder("keys")) {
    const number = slotFileNumber(name);
    if (number === undefined) continue;
    const file = slotFilePath(number);
    const bytes = (await fileSystem.readWhole(file)) ?? new Uint8Array(0);
    const fault = await reasonOf(() => Promise.resolve(findSlotsFault(bytes, number, known)));
    yield { file, bytes: bytes.length, reason: fault };
  }
}

function findRootFault(
  stored: Uint8Array | undefined,
  { masterKey, root }: KnownKeys,
): string | undefined {
  if (stored === undefined) return "it is missing: no start would open the data";
  const found = decodeRoot(stored, masterKey).root;
  return Buffer.from(found.key).equals(root.key) ? undefined : "it holds another key";
}

function findSlotsFault(bytes: Uint8Array, file: number, { root }: KnownKeys): string | undefined {
  const header = findSlotHeaderFault(bytes.subarray(0, SLOT_HEADER_BYTES), file, root);
  if (header !== undefined) return header;
  const damaged: number[] = [];
  for (let i = 0; i < SLOTS_PER_FILE; i++) {
    const at = SLOT_HEADER_BYTES + i * SLOT_BYTES;
    if (!isSlotSound(bytes.subarray(at, at + SLOT_BYTES))) damaged.push(firstSlot(file) + i);
  }
  const [first] = damaged;
  if (first === undefined) return undefined;
  return `${String(damaged.length)} of its slots are damaged, the first is slot ${String(first)}`;
}

async function reasonOf(look: () => Promise<string | undefined>): Promise<string | undefined> {
  try {
    return await look();
  } catch (error) {
    // A read that failed says nothing of what is in the file.
    const isUnread =
      !isInsulaError(error) || error.code === "io_failed" || error.kind === "resource_exhausted";
    if (isUnread) throw error;
    return error.message;
  }
}
