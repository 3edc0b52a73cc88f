import { loadAdminKey, openAccess } from "../access/index.ts";
import { loadConfig } from "../server/index.ts";
import { FOREIGN_VARIABLES } from "./environment.ts";
import { openDoors, openFolderEngine } from "./folder-engine.ts";
import type { Session } from "./session.ts";

/**
 * A session that is the engine itself. The folder is this process's until the session is disposed.
 *
 * @throws InsulaError `data_folder_locked` when a server or another command has it.
 */
export async function openEmbeddedSession(dataDir: string): Promise<Session> {
  const config = loadConfig({
    flags: { dataDir },
    environment: process.env,
    foreignVariables: FOREIGN_VARIABLES,
  });
  const doors = openDoors(dataDir);
  const engine = await openFolderEngine(doors, config);
  try {
    const { key: admin } = await loadAdminKey({
      files: doors.files,
      random: doors.random,
      ...(config.adminId !== undefined && { id: config.adminId }),
      ...(config.adminSecret !== undefined && { secret: config.adminSecret }),
    });
    const { accountId } = config;
    const access = await openAccess({ ...doors, settings: engine, admin, accountId });
    const origin = `the data folder ${dataDir}`;
    return {
      origin,
      catalog: engine,
      records: engine,
      keys: access,
      status: () => Promise.resolve({ origin, isServer: false, accountId, stats: engine.stats() }),
      [Symbol.asyncDispose]: () => engine.close(),
    };
  } catch (error) {
    await engine.close();
    throw error;
  }
}
