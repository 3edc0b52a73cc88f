/**
 * The server that the benches over HTTP measure, as a process of its own: the command's server with
 * all settings given. Arguments: data folder, `parsed` or `unparsed`, folder of the compiled
 * sources or nothing for the sources themselves, whose closures the loader makes slower.
 */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseVectorBodyPlainly } from "../../test/support/vector-body.ts";
import { BENCH_KEY } from "./bench-key.ts";

const [, , dataDir = "", manner, built] = process.argv;

/** A room of the house, compiled when there is a build. */
async function load(room: string): Promise<unknown> {
  if (built === undefined) return import(`../../src/${room}/index.ts`);
  return import(pathToFileURL(resolve(built, room, "index.js")).href);
}

const { openEngine } = (await load("engine")) as typeof import("../../src/engine/index.ts");
const io = (await load("io")) as typeof import("../../src/io/index.ts");
const { DIALECT_LOADERS, loadConfig, startServer, stopOnSignals } = (await load(
  "server",
)) as typeof import("../../src/server/index.ts");

const doors = {
  files: new io.NodeFileSystem(dataDir),
  clock: new io.NodeClock(),
  random: new io.NodeRandom(),
};
const config = loadConfig({
  flags: {
    dataDir,
    httpPort: "0",
    logLevel: "error",
    adminId: BENCH_KEY.id,
    adminSecret: BENCH_KEY.secret,
    accountId: BENCH_KEY.accountId,
  },
});
const server = await startServer(config, {
  ...doors,
  openEngine: () => openEngine(doors),
  version: "bench",
  dialects: DIALECT_LOADERS,
  ...(manner === "unparsed" && {
    parseVectorBody: async (body, patterns, md5) => {
      await Promise.resolve();
      return parseVectorBodyPlainly(body, patterns, md5);
    },
  }),
});
process.stdout.write(`port ${String(server.addresses[0]?.port ?? 0)}\n`);
stopOnSignals({
  server,
  clock: doors.clock,
  process,
  exit: (code) => process.exit(code),
});
