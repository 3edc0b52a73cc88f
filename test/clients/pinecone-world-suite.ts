/**
 * Vector stores of other projects that stand on Pinecone's clients, unmodified.
 *
 * They bring along five lines of the client for TypeScript and Python, older ones too, and find the
 * server by the variables of these clients alone.
 */
import path from "node:path";
import { takeLines } from "./program-suites.ts";
import type { Report } from "./report.ts";
import type { TestServer } from "./server-process.ts";
import {
  hasNodeClients,
  hasLangchainPinecone,
  LANGCHAIN_PINECONE,
  NODE_MANIFEST,
  run,
} from "./tools.ts";

const NODE_STORES = [
  { client: "@langchain/pinecone", name: "pinecone-langchain.mjs" },
  { client: "@llamaindex/pinecone", name: "pinecone-llamaindex.mjs" },
  { client: "@mastra/pinecone", name: "pinecone-mastra.mjs" },
] as const;

export async function runPineconeWorldSuite(report: Report, server: TestServer): Promise<void> {
  const env = environment(server);
  for (const { client, name } of NODE_STORES) {
    if (!hasNodeClients()) {
      report.skip(`${client} is not installed`);
      continue;
    }
    const file = path.resolve("test/clients/node", name);
    takeLines(report, client, name, await run(process.execPath, [file], { env }));
  }
  if (!hasLangchainPinecone()) {
    report.skip("langchain-pinecone is not installed");
    return;
  }
  const name = "pinecone_langchain.py";
  const file = path.resolve("test/clients/python", name);
  takeLines(report, "langchain-pinecone", name, await run(LANGCHAIN_PINECONE, [file], { env }));
}

/** Nothing of the person who runs the tests reaches the clients, and nothing is sent elsewhere. */
function environment(server: TestServer): NodeJS.ProcessEnv {
  return {
    PATH: process.env["PATH"],
    HOME: server.dataDir,
    PYTHONDONTWRITEBYTECODE: "1",
    LANGSMITH_TRACING: "false",
    MASTRA_TELEMETRY_DISABLED: "1",
    PINECONE_API_KEY: server.secret,
    PINECONE_CONTROLLER_HOST: server.url,
    INSULA_TEST_NODE: NODE_MANIFEST,
  };
}
