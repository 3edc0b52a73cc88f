/** Pinecone's unmodified clients that speak HTTP. */
import path from "node:path";
import { takeLines } from "./program-suites.ts";
import type { Report } from "./report.ts";
import type { TestServer } from "./server-process.ts";
import { hasNodeClients, hasPineconePython, NODE_MANIFEST, pineconePython, run } from "./tools.ts";

const LINES = ["7", "9"] as const;

export async function runPineconeSuite(report: Report, server: TestServer): Promise<void> {
  for (const line of LINES) {
    await runPython(report, server, line);
    await runNode(report, server, line);
  }
}

/** Nothing of the person who runs the tests reaches the clients. */
function environment(server: TestServer): NodeJS.ProcessEnv {
  return {
    PATH: process.env["PATH"],
    HOME: server.dataDir,
    PYTHONDONTWRITEBYTECODE: "1",
    INSULA_TEST_NODE: NODE_MANIFEST,
    INSULA_TEST_URL: server.url,
    INSULA_TEST_KEY: server.secret,
  };
}

async function runPython(report: Report, server: TestServer, line: "7" | "9"): Promise<void> {
  if (!hasPineconePython(line)) {
    report.skip(`the Python client pinecone ${line} is not installed`);
    return;
  }
  const file = path.resolve("test/clients/python/pinecone_rest.py");
  const ran = await run(pineconePython(line), [file], { env: environment(server) });
  takeLines(report, `pinecone ${line} HTTP`, "pinecone_rest.py", ran);
}

async function runNode(report: Report, server: TestServer, line: "7" | "9"): Promise<void> {
  if (!hasNodeClients()) {
    report.skip(`${NODE_MANIFEST} is not installed`);
    return;
  }
  const file = path.resolve("test/clients/node/pinecone.mjs");
  const env = { ...environment(server), INSULA_TEST_LINE: line };
  const client = `@pinecone-database/pinecone ${line}`;
  takeLines(report, client, "pinecone.mjs", await run(process.execPath, [file], { env }));
}
