/**
 * Holds a folder for one process by a listening socket in it.
 *
 * Node has no `flock`, and a file with a process id lies after a kill. A listening socket cannot:
 * when its process ends nobody answers, whatever is left in the folder. The socket is made under a
 * name of its own and then linked to the common one, so that taking a free folder is one atomic
 * step.
 */
import { randomBytes } from "node:crypto";
import { link, open, rename, stat, unlink } from "node:fs/promises";
import { connect, createServer, type Server } from "node:net";
import { setTimeout } from "node:timers/promises";
import { InsulaError } from "../../base/errors.ts";
import type { FolderLock } from "../file-system.ts";
import { isMissing, systemCode, toIoError } from "../system-error.ts";

const LOCK_NAME = "lock.sock";
/**
 * Longer addresses are cut off silently by the system. Source: sun_path of Linux, 108 bytes with
 * the 0.
 */
const SOCKET_PATH_BYTES_MAX = 103;
/** Two processes that find the same dead lock are told apart by looking again after this long. */
const TAKEOVER_CHECK_MS = 30;

/** @param folder absolute path of an existing folder. */
export async function lockFolder(folder: string): Promise<FolderLock> {
  if (process.platform === "win32") return lockPipe(folder);
  const ownName = `lock-${randomBytes(6).toString("hex")}.sock`;
  const address = await openAddress(folder, ownName);
  const server = createServer((socket) => socket.destroy());
  try {
    await listen(server, `${address.folder}/${ownName}`);
    await takeName(folder, ownName, address.folder);
  } catch (error) {
    await closeServer(server);
    await unlinkQuietly(`${folder}/${ownName}`);
    await address.close();
    throw toIoError(`lock the folder "${folder}"`, error);
  }
  server.unref();
  return { release: () => releaseSocket(folder, ownName, server, address) };
}

interface SocketAddress {
  /** A path to the folder that is short enough for a socket. */
  readonly folder: string;
  close(): Promise<void>;
}

async function openAddress(folder: string, ownName: string): Promise<SocketAddress> {
  if (Buffer.byteLength(`${folder}/${ownName}`) <= SOCKET_PATH_BYTES_MAX) {
    return { folder, close: () => Promise.resolve() };
  }
  if (process.platform !== "linux") {
    throw new InsulaError(
      "argument_invalid",
      `Cannot lock the folder "${folder}": its path is too long for a socket: expected at most ` +
        `${String(SOCKET_PATH_BYTES_MAX - ownName.length - 1)} bytes.`,
    );
  }
  try {
    const handle = await open(folder, "r");
    return { folder: `/proc/self/fd/${String(handle.fd)}`, close: () => handle.close() };
  } catch (error) {
    throw toIoError(`lock the folder "${folder}"`, error);
  }
}

async function takeName(folder: string, ownName: string, address: string): Promise<void> {
  const own = `${folder}/${ownName}`;
  const common = `${folder}/${LOCK_NAME}`;
  try {
    await link(own, common);
    // One name is enough; after a kill nothing but it is left.
    await unlinkQuietly(own);
    return;
  } catch (error) {
    if (systemCode(error) !== "EEXIST") throw error;
  }
  if (await isAnswering(`${address}/${LOCK_NAME}`)) throw lockedError(folder);
  // Its owner is dead. Renaming replaces it in one step, but another process may do so right now.
  const { ino } = await stat(own);
  await rename(own, common);
  await setTimeout(TAKEOVER_CHECK_MS);
  const found = await stat(common).catch(() => undefined);
  if (found?.ino !== ino) throw lockedError(folder);
}

function lockedError(folder: string): InsulaError {
  return new InsulaError(
    "data_folder_locked",
    `Cannot open the data folder "${folder}": another process is using it. ` +
      "Stop that process or choose another folder.",
    { details: { folder } },
  );
}

function isAnswering(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", (error) => {
      // Only these two say that nobody is there; a full queue of a busy owner is an answer too.
      resolve(systemCode(error) !== "ECONNREFUSED" && !isMissing(error));
    });
  });
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
  });
}

async function releaseSocket(
  folder: string,
  ownName: string,
  server: Server,
  address: SocketAddress,
): Promise<void> {
  if (!server.listening) return;
  await unlinkQuietly(`${folder}/${LOCK_NAME}`);
  await closeServer(server);
  await unlinkQuietly(`${folder}/${ownName}`);
  await address.close();
}

/** What is left behind is a dead socket, which the next owner replaces. */
async function unlinkQuietly(path: string): Promise<void> {
  await unlink(path).catch((error: unknown) => {
    if (!isMissing(error)) throw toIoError(`remove "${path}"`, error);
  });
}

/** Windows has no sockets in folders; a named pipe ends with its process as well. */
async function lockPipe(folder: string): Promise<FolderLock> {
  const name = Buffer.from(folder.toLowerCase()).toString("base64url").slice(-200);
  const server = createServer((socket) => socket.destroy());
  try {
    await listen(server, `\\\\.\\pipe\\insula-${name}`);
  } catch (error) {
    throw systemCode(error) === "EADDRINUSE" || systemCode(error) === "EACCES"
      ? lockedError(folder)
      : toIoError(`lock the folder "${folder}"`, error);
  }
  server.unref();
  return { release: () => closeServer(server) };
}
