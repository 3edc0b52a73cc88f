/** Pinecone's unmodified clients that speak HTTP. */
import path from "node:path";
import { takeLines } from "./program-suites.ts";
import type { Report } from "./report.ts";
import type { TestServer } from "./server-process.ts";
import {
  hasNodeClients,
  hasPineconePython,
  NODE_MANIFEST,
  PINECONE_LINES,
  pineconePython,
  run,
  type PineconeLine,
} from "./tools.ts";

export async function runPineconeSuite(report: Report, server: TestServer): Promise<void> {
  for (const line of PINECONE_LINES) {
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

const PYTHON_PROGRAMS = ["pinecone_rest.py", "pinecone_namespaces.py"];
const NODE_PROGRAMS = ["pinecone.mjs", "pinecone-limits.mjs"];

async function runPython(report: Report, server: TestServer, line: PineconeLine): Promise<void> {
  if (!hasPineconePython(line)) {
    report.skip(`the Python client pinecone ${line} is not installed`);
    return;
  }
  for (const name of PYTHON_PROGRAMS) {
    const file = path.resolve("test/clients/python", name);
    const ran = await run(pineconePython(line), [file], { env: environment(server) });
    takeLines(report, `pinecone ${line} HTTP`, name, ran);
  }
}

async function runNode(report: Report, server: TestServer, line: PineconeLine): Promise<void> {
  if (!hasNodeClients()) {
    report.skip(`${NODE_MANIFEST} is not installed`);
    return;
  }
  for (const name of NODE_PROGRAMS) {
    const file = path.resolve("test/clients/node", name);
    const env = { ...environment(server), INSULA_TEST_LINE: line };
    const ran = await run(process.execPath, [file], { env });
    takeLines(report, `@pinecone-database/pinecone ${line}`, name, ran);
  }
}
