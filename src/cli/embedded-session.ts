import { loadAdminKey, openAccess } from "../access/index.ts";
import { loadConfig } from "../server/index.ts";
import { InsulaError } from "../base/errors.ts";
import { FOREIGN_VARIABLES } from "./environment.ts";
import { openDoors, openFolderEngine } from "./folder-engine.ts";
import type { Engine } from "../engine/api.ts";
import { createCopies } from "./session-copies.ts";
import type { Session, SessionListPage, SessionRecords } from "./session.ts";

/** Bytes of one page of a listing. */
const LIST_BYTES_MAX = 8 * 1_048_576;

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
  const engine = await openFolderEngine(doors, {
    ...config,
    // A server mirrors; the next one tells the mirror what a command changed meanwhile.
    mirrorTo: undefined,
  });
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
      records: createRecords(engine),
      keys: access,
      copies: createCopies(engine, doors),
      status: () => Promise.resolve({ origin, isServer: false, accountId, stats: engine.stats() }),
      rotateMasterKey: (masterKey) => engine.rotateMasterKey(masterKey),
      setLogLevel: () =>
        Promise.reject(
          new InsulaError(
            "operation_unsupported",
            `Cannot change the log level: no server has ${origin}.`,
          ),
        ),
      [Symbol.asyncDispose]: () => engine.close(),
    };
  } catch (error) {
    await engine.close();
    throw error;
  }
}

function createRecords(engine: Engine): SessionRecords {
  return {
    upsert: (place, batch) => engine.upsert(place, batch),
    delete: (place, keys) => engine.delete(place, keys),
    get: (place, keys, include) => engine.get(place, keys, include),
    query: (place, query) => engine.query(place, query),
    queryMany: (places, query) => engine.queryMany(places, query),
    list: async (place, { limit, include, cursor }): Promise<SessionListPage> => {
      const page = await engine.list(place, {
        limit,
        include,
        bytesMax: LIST_BYTES_MAX,
        ...(cursor !== undefined && { after: cursor }),
      });
      const last = page.items.at(-1);
      return {
        items: page.items,
        ...(page.hasMore && last !== undefined && { cursor: last.key }),
      };
    },
  };
}
