/**
 * Pinecone's unmodified clients that speak gRPC, and the programs of the source text through one.
 *
 * Two servers of their own, one with TLS under an authority made for the run, one plain. Below
 * `localhost` each index has a name, which the resolver of Python's gRPC knows without any DNS.
 */
import path from "node:path";
import { makeThrowAwayCa, type ThrowAwayCa } from "../../src/wire/http/throw-away-ca.contract.ts";
import { GO_PINECONE_LINES, goPineconeFolder, type GoPineconeLine } from "./go-pinecone.ts";
import { takeLines } from "./program-suites.ts";
import { runPineconeSeed } from "./pinecone-seed.ts";
import type { Report } from "./report.ts";
import { startTestServer, type TestServer } from "./server-process.ts";
import {
  GO_ENVIRONMENT,
  hasGo,
  hasPineconePython,
  PINECONE_LINES,
  pineconePython,
  run,
  type PineconeLine,
} from "./tools.ts";

export async function runPineconeGrpcSuite(report: Report): Promise<void> {
  const ca = makeThrowAwayCa();
  const domain = { INSULA_PUBLIC_DOMAIN: "localhost" };
  const tls = { INSULA_TLS_CERT: ca.certPath, INSULA_TLS_KEY: ca.keyPath };
  // The units that the source text prints.
  const units = { INSULA_PINECONE_READ_UNITS: "seed" };
  const secure = await startTestServer({ ...domain, ...tls, ...units });
  const plain = await startTestServer(domain);
  try {
    await runPineconeSeed(report, secure, { caPath: ca.caPath, env: environment(secure, ca) });
    for (const line of PINECONE_LINES) await runPython(report, secure, { line, ca });
    for (const line of ["7", "8"] as const) await runPython(report, plain, { line, ca });
    for (const line of GO_PINECONE_LINES) {
      for (const server of [secure, plain]) await runGo(report, server, { line, ca });
    }
  } finally {
    await Promise.all([secure.stop(), plain.stop()]);
    ca.remove();
  }
}

/** Nothing of the person who runs the tests reaches the clients. */
function environment(server: TestServer, ca: ThrowAwayCa): NodeJS.ProcessEnv {
  const { host, protocol } = new URL(server.url);
  return {
    ...GO_ENVIRONMENT,
    PATH: process.env["PATH"],
    HOME: process.env["HOME"],
    PYTHONDONTWRITEBYTECODE: "1",
    SSL_CERT_FILE: ca.caPath,
    INSULA_TEST_CA: ca.caPath,
    INSULA_TEST_KEY: server.secret,
    INSULA_TEST_SCHEME: protocol.slice(0, -1),
    // The certificate is for the name.
    INSULA_TEST_AUTHORITY: host.replace("127.0.0.1", "localhost"),
  };
}

async function runPython(
  report: Report,
  server: TestServer,
  { line, ca }: { readonly line: PineconeLine; readonly ca: ThrowAwayCa },
): Promise<void> {
  const client = `pinecone ${line} gRPC, ${new URL(server.url).protocol.slice(0, -1)}`;
  if (!hasPineconePython(line)) {
    report.skip(`the Python client pinecone ${line} is not installed`);
    return;
  }
  const file = path.resolve("test/clients/python/pinecone_grpc.py");
  const ran = await run(pineconePython(line), [file], { env: environment(server, ca) });
  takeLines(report, client, "pinecone_grpc.py", ran);
}

async function runGo(
  report: Report,
  server: TestServer,
  { line, ca }: { readonly line: GoPineconeLine; readonly ca: ThrowAwayCa },
): Promise<void> {
  const client = `go-pinecone ${line}, ${new URL(server.url).protocol.slice(0, -1)}`;
  if (!hasGo()) {
    report.skip("the Go client is not installed");
    return;
  }
  const cwd = goPineconeFolder(line);
  const ran = await run("go", ["run", "."], { env: environment(server, ca), cwd });
  takeLines(report, client, "go-pinecone", ran);
}
