/**
 * The table "what a user writes" of docs/dialects/pinecone.md: each cell, with three indexes, by
 * Pinecone's unmodified clients. An index is found by the path of its host, by the name of its
 * host, or by its port; a client that drops the one needs another.
 */
import * as http from "node:http";
import * as https from "node:https";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import path from "node:path";
import { makeThrowAwayCa, type ThrowAwayCa } from "../../src/wire/http/throw-away-ca.contract.ts";
import { findFreePorts } from "../support/free-ports.ts";
import { goPineconeFolder, type GoPineconeLine } from "./go-pinecone.ts";
import { takeLines } from "./program-suites.ts";
import type { Report } from "./report.ts";
import { startTestServer, type TestServer } from "./server-process.ts";
import {
  GO_ENVIRONMENT,
  hasGo,
  hasNodeClients,
  hasPineconePython,
  NODE_MANIFEST,
  pineconePython,
  run,
  type PineconeLine,
} from "./tools.ts";

const NAMES = ["alpha", "beta", "gamma"];

type Hosts = "path" | "port" | "domain";

/** Which clients find each of three indexes, by what descriptions say; `tls`: over TLS alone. */
const CELLS: readonly (readonly [client: string, hosts: Hosts, tls?: "tls"])[] = [
  ["typescript 7", "path"],
  ["typescript 8", "path"],
  ["typescript 9", "path"],
  ["python 7 http", "path"],
  ["python 8 http", "path"],
  ["python 9 http", "path"],
  ["typescript 7", "port"],
  ["typescript 8", "port"],
  ["typescript 9", "port"],
  ["python 7 http", "port"],
  ["python 8 http", "port"],
  ["python 9 http", "port"],
  ["python 7 grpc", "port"],
  ["python 8 grpc", "port"],
  ["python 9 grpc", "port", "tls"],
  ["go 4 grpc", "port"],
  ["go 5 grpc", "port"],
  ["python 7 grpc", "domain"],
];

export async function runPineconeRoutingSuite(report: Report): Promise<void> {
  const ca = makeThrowAwayCa();
  try {
    for (const hosts of ["path", "port", "domain"] as const) {
      for (const isSecure of [false, true]) await runServer(report, ca, { hosts, isSecure });
    }
  } finally {
    ca.remove();
  }
}

interface ServerOfCells {
  readonly hosts: Hosts;
  readonly isSecure: boolean;
}

/** One server; its indexes are made anew for each client. */
async function runServer(
  report: Report,
  ca: ThrowAwayCa,
  { hosts, isSecure }: ServerOfCells,
): Promise<void> {
  const server = await startTestServer({
    ...(isSecure ? { INSULA_TLS_CERT: ca.certPath, INSULA_TLS_KEY: ca.keyPath } : {}),
    ...(hosts === "port" ? { INSULA_INDEX_PORTS: await freeRange() } : {}),
    ...(hosts === "domain" ? { INSULA_PUBLIC_DOMAIN: "localhost" } : {}),
  });
  try {
    for (const [client, by, only] of CELLS) {
      if (by !== hosts || (only === "tls" && !isSecure)) continue;
      await makeIndexes(server, ca);
      await runClient(report, {
        client,
        server,
        ca,
        by: `${hosts}, ${isSecure ? "TLS" : "plain"}`,
      });
    }
  } finally {
    await server.stop();
  }
}

async function freeRange(): Promise<string> {
  const first = await findFreePorts(NAMES.length);
  return `${String(first)}-${String(first + NAMES.length - 1)}`;
}

interface Cell {
  readonly client: string;
  readonly server: TestServer;
  readonly ca: ThrowAwayCa;
  readonly by: string;
}

async function runClient(report: Report, { client, server, ca, by }: Cell): Promise<void> {
  const [language = "", line = "", transport = "http"] = client.split(" ");
  const program = programOf(language, line);
  if (program === undefined) {
    report.skip(`Pinecone's client ${client} is not installed`);
    return;
  }
  const { command, words, cwd } = program;
  const env = {
    ...GO_ENVIRONMENT,
    PATH: process.env["PATH"],
    HOME: process.env["HOME"],
    PYTHONDONTWRITEBYTECODE: "1",
    SSL_CERT_FILE: ca.caPath,
    NODE_EXTRA_CA_CERTS: ca.caPath,
    INSULA_TEST_NODE: NODE_MANIFEST,
    INSULA_TEST_LINE: line,
    INSULA_TEST_TRANSPORT: transport,
    INSULA_TEST_CA: ca.caPath,
    INSULA_TEST_KEY: server.secret,
    INSULA_TEST_BASE: baseOf(server),
    INSULA_TEST_INDEXES: NAMES.join(),
  };
  const ran = await run(command, words, { env, ...(cwd === undefined ? {} : { cwd }) });
  takeLines(report, `${client}, ${by}`, "routing", ran);
}

interface Program {
  readonly command: string;
  readonly words: readonly string[];
  readonly cwd?: string;
}

function programOf(language: string, line: string): Program | undefined {
  switch (language) {
    case "python": {
      const python = line as PineconeLine;
      if (!hasPineconePython(python)) return undefined;
      const file = path.resolve("test/clients/python/pinecone_routing.py");
      return { command: pineconePython(python), words: [file] };
    }
    case "typescript": {
      if (!hasNodeClients()) return undefined;
      const file = path.resolve("test/clients/node/pinecone-routing.mjs");
      return { command: process.execPath, words: [file] };
    }
    default:
      if (!hasGo()) return undefined;
      return { command: "go", words: ["run", "."], cwd: goPineconeFolder(line as GoPineconeLine) };
  }
}

/** The certificate is for the name. */
const baseOf = (server: TestServer): string => server.url.replace("127.0.0.1", "localhost");

/** Three indexes without a record. */
async function makeIndexes(server: TestServer, ca: ThrowAwayCa): Promise<void> {
  for (const name of NAMES) {
    await control(server, ca, ["DELETE", `/indexes/${name}`]);
    const spec = { serverless: { cloud: "aws", region: "us-east-1" } };
    const body = JSON.stringify({ name, dimension: 2, metric: "cosine", spec });
    const status = await control(server, ca, ["POST", "/indexes"], body);
    if (status !== 201) throw new Error(`Cannot make the index ${name}: ${String(status)}`);
  }
}

async function control(
  server: TestServer,
  ca: ThrowAwayCa,
  [method, target]: readonly [string, string],
  body?: string,
): Promise<number> {
  const url = new URL(target, baseOf(server));
  const headers = { "api-key": server.secret, "content-type": "application/json" };
  const request =
    url.protocol === "https:"
      ? https.request(url, { method, headers, ca: readFileSync(ca.caPath) })
      : http.request(url, { method, headers });
  request.end(body);
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  response.resume();
  await once(response, "end");
  return response.statusCode ?? 0;
}
