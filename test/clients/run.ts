/**
 * `npm run test:clients`: the vendors' unmodified clients against real servers.
 *
 * Two servers: one as people run it, one with the vendor's quotas. Results go to
 * .cache/clients-report.json, from which scripts/readme-table.ts makes the README's table.
 * A word limits the run to some suites: `npm run test:clients -- seed embed`.
 */
import { runAwsEmbedSuite } from "./aws-embed-suite.ts";
import { runBotoProgram, runNodeProgram } from "./aws-suites.ts";
import { runPineconeGrpcSuite } from "./pinecone-grpc-suite.ts";
import { runPineconeRoutingSuite } from "./pinecone-routing-suite.ts";
import { runPineconeSuite } from "./pinecone-suite.ts";
import { runPineconeWorldSuite } from "./pinecone-world-suite.ts";
import { runEmbedSuite, runExamples, runGoProgram, runPythonProgram } from "./program-suites.ts";
import { Report } from "./report.ts";
import { runSeedSuite } from "./seed-suite.ts";
import { startTestServer, type TestServer } from "./server-process.ts";

const report = new Report();
const wanted = process.argv.slice(2);

const SUITES: Readonly<Record<string, (server: TestServer) => Promise<void>>> = {
  seed: (server) => runSeedSuite(report, server),
  python: async (server) => {
    await runPythonProgram(report, server, "operations.py");
    await runPythonProgram(report, server, "errors.py");
  },
  go: (server) => runGoProgram(report, server, "operations"),
  embed: (server) => runEmbedSuite(report, server),
  aws: async (server) => {
    const client = "JavaScript SDK";
    await runNodeProgram(report, server, { client, name: "operations.mjs" });
    await runNodeProgram(report, server, { client, name: "errors.mjs" });
  },
  boto3: async (server) => {
    const client = "boto3";
    await runBotoProgram(report, server, { client, name: "aws_operations.py" });
    await runBotoProgram(report, server, { client, name: "aws_errors.py" });
  },
  langchain: (server) =>
    runBotoProgram(report, server, { client: "langchain-aws", name: "langchain_store.py" }),
  mastra: (server) =>
    runNodeProgram(report, server, { client: "@mastra/s3vectors", name: "mastra-store.mjs" }),
  awsembed: () => runAwsEmbedSuite(report),
  examples: (server) => runExamples(report, server),
  // Has servers of its own.
  pineconegrpc: () => runPineconeGrpcSuite(report),
  pineconerouting: () => runPineconeRoutingSuite(report),
  pinecone: (server) => runPineconeSuite(report, server),
  pineconeworld: (server) => runPineconeWorldSuite(report, server),
};

/** Suites that need a server with `INSULA_OSS_QUOTAS=seed`. */
const QUOTA_SUITES: typeof SUITES = {
  quotas: (server) => runPythonProgram(report, server, "quotas.py"),
};

async function runAll(
  suites: typeof SUITES,
  variables: Readonly<Record<string, string>>,
): Promise<void> {
  const chosen = Object.entries(suites).filter(
    ([name]) => wanted.length === 0 || wanted.includes(name),
  );
  if (chosen.length === 0) return;
  const server = await startTestServer(variables);
  try {
    for (const [name, suite] of chosen) {
      try {
        await suite(server);
      } catch (error) {
        const detail = error instanceof Error ? error.message : String(error);
        report.add({ client: "runner", operation: "program", case: name, pass: false, detail });
      }
    }
  } finally {
    await server.stop();
  }
}

await runAll(SUITES, {});
await runAll(QUOTA_SUITES, { INSULA_OSS_QUOTAS: "seed" });
process.exitCode = report.write();
