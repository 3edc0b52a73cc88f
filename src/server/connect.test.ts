import { insulaContract } from "../client/insula.contract.ts";
import { connect } from "../client/index.ts";
import { openEngine } from "../engine/index.ts";
import { MemoryFileSystem, NodeClock, NodeRandom } from "../io/index.ts";
import { DIALECT_LOADERS, loadConfig, startServer, type RunningServer } from "./index.ts";

const SECRET = "a-secret-of-this-test";

function start(): Promise<RunningServer> {
  const config = loadConfig({
    flags: { httpPort: "0", adminSecret: SECRET, logLevel: "silent", workerCount: "0" },
  });
  return startServer(config, {
    openEngine: (_config, { files, clock, random }) =>
      openEngine({ files, clock, random, workerCount: 0 }),
    files: new MemoryFileSystem(),
    clock: new NodeClock(),
    random: new NodeRandom(),
    version: "0.0.0",
    dialects: DIALECT_LOADERS,
  });
}

insulaContract("remote, over HTTP", async () => {
  const server = await start();
  const insula = await connect({ url: server.addresses[0]?.url ?? "", secret: SECRET });
  return {
    insula,
    close: async () => {
      await insula.close();
      await server.close();
    },
  };
});
