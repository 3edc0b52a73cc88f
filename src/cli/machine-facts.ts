/** What the machine says when `insula doctor` asks. */
import { constants, existsSync } from "node:fs";
import { access, readdir, stat, statfs, unlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import path from "node:path";
import { ADMIN_SECRET_PATH } from "../access/index.ts";
import type { FolderFacts, PortState } from "./doctor.ts";

/** Free bytes for us where the folder is, or will be. */
export async function readFreeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(nearestFolder(folder));
  return bavail * bsize;
}

export async function readFolderFacts(folder: string): Promise<FolderFacts> {
  const isWritable = await access(nearestFolder(folder), constants.W_OK).then(
    () => true,
    () => false,
  );
  const exposed: string[] = [];
  for (const name of [ADMIN_SECRET_PATH, "access.key"]) {
    const info = await stat(path.join(folder, name)).catch(() => undefined);
    if (info !== undefined && process.platform !== "win32" && (info.mode & 0o077) !== 0)
      exposed.push(name);
  }
  return { path: folder, exists: existsSync(folder), isWritable, exposed };
}

export interface ClockFacts {
  readonly skewMs: number;
  /** Newest change of a file of the log or the catalogue. */
  readonly newestMs: number;
}

/** Writes and removes a small file. @throws where that is not possible. */
export async function readClockFacts(folder: string): Promise<ClockFacts> {
  const probe = path.join(nearestFolder(folder), `.insula-doctor-${String(process.pid)}`);
  const before = Date.now();
  await writeFile(probe, "");
  const { mtimeMs } = await stat(probe);
  const after = Date.now();
  await unlink(probe);
  const skewMs = mtimeMs < before ? mtimeMs - before : Math.max(0, mtimeMs - after);
  let newestMs = 0;
  for (const part of ["log", "catalog"]) {
    const names = await readdir(path.join(folder, part)).catch(() => []);
    for (const name of names) {
      const info = await stat(path.join(folder, part, name)).catch(() => undefined);
      newestMs = Math.max(newestMs, info?.mtimeMs ?? 0);
    }
  }
  return { skewMs, newestMs };
}

export async function readPortState(host: string, port: number | "off"): Promise<PortState> {
  if (port === "off") return "off";
  if (await canListen(host, port)) return "free";
  const isOurs = await fetch(`http://${host}:${String(port)}/healthz`, {
    signal: AbortSignal.timeout(2_000),
  }).then(
    async (answer) => answer.ok && (await answer.text()) === "ok\n",
    () => false,
  );
  return isOurs ? "ours" : "taken";
}

function canListen(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => {
      resolve(false);
    });
    server.listen({ host, port }, () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}

/** The folder, or the nearest one above it that is there. */
function nearestFolder(folder: string): string {
  let at = path.resolve(folder);
  while (!existsSync(at)) at = path.dirname(at);
  return at;
}
