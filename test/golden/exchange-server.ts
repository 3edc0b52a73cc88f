/**
 * A server in this process for exchanges that are recorded and played. What page tokens are made of
 * is the same in each: the secret of the dialect, and when an index was made.
 */
import type { Dialect } from "../../src/dialects/index.ts";
import { openEngine } from "../../src/engine/index.ts";
import { MemoryFileSystem, NodeClock, NodeRandom, SeededRandom } from "../../src/io/index.ts";
import { DIALECT_LOADERS, loadConfig, startServer } from "../../src/server/index.ts";
import { CREDENTIALS } from "../support/server-child.ts";

class StillClock extends NodeClock {
  override wallMs(): number {
    return 1_700_000_000_000;
  }
}

export interface ExchangeServer {
  readonly url: URL;
  close(): Promise<void>;
}

/**
 * @param file  of the recording: clients of gRPC are given hosts that are names.
 * @param wrap  what stands around the dialect, for who records.
 */
export async function startExchangeServer(
  file: string,
  wrap: (dialect: Dialect) => Dialect = (dialect) => dialect,
): Promise<ExchangeServer> {
  const flags = {
    ...{ httpPort: "0", adminSecret: CREDENTIALS.secret, adminId: CREDENTIALS.keyId },
    ...{ logLevel: "silent", workerCount: "0" },
    ...(file.includes("grpc") ? { publicDomain: "localhost" } : {}),
  };
  const server = await startServer(loadConfig({ flags }), {
    openEngine: (_config, { files, random }) =>
      openEngine({ files, clock: new StillClock(), random, workerCount: 0 }),
    files: new MemoryFileSystem(),
    clock: new NodeClock(),
    random: new NodeRandom(),
    version: "0.0.0",
    dialects: {
      ...DIALECT_LOADERS,
      pinecone: async (context) =>
        wrap(await DIALECT_LOADERS.pinecone({ ...context, random: new SeededRandom(7) })),
    },
  });
  return { url: new URL(server.addresses[0]?.url ?? ""), close: () => server.close() };
}
