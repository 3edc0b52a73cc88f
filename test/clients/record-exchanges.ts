/**
 * Records what Pinecone's unmodified clients send and are answered, into test/golden/pinecone:
 * `scripts/clients-setup.sh && node --import tsx test/clients/record-exchanges.ts`.
 *
 * A recording is taken when its client has found every answer right, and only then.
 */
import { writeFileSync } from "node:fs";
import path from "node:path";
import type { Dialect } from "../../src/dialects/index.ts";
import type { HttpRequest } from "../../src/wire/index.ts";
import { startExchangeServer } from "../golden/exchange-server.ts";
import { EXCHANGES_FOLDER, toExchange, type Exchange } from "../golden/exchanges.ts";
import { CREDENTIALS } from "../support/server-child.ts";
import { GO_ENVIRONMENT, NODE_MANIFEST, pineconePython, run } from "./tools.ts";

interface Program {
  readonly file: string;
  readonly words: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

const python = (line: "7" | "9", name: string): Program["words"] => [
  pineconePython(line),
  path.resolve("test/clients/python", name),
];
const node = (line: string): Program => ({
  file: `typescript-${line}`,
  words: [process.execPath, path.resolve("test/clients/node/pinecone.mjs")],
  env: { INSULA_TEST_LINE: line },
});

const PROGRAMS: readonly Program[] = [
  { file: "python-7-http", words: python("7", "pinecone_rest.py") },
  { file: "python-9-http", words: python("9", "pinecone_rest.py") },
  node("7"),
  node("9"),
  { file: "python-7-grpc", words: python("7", "pinecone_grpc.py") },
  { file: "go-4-grpc", words: ["go", "run", "."], cwd: "test/clients/go-pinecone" },
];

/** Notes each exchange when its answer is known. */
function recording(exchanges: Exchange[], port: () => string): (dialect: Dialect) => Dialect {
  return (dialect) => ({
    ...dialect,
    handle: async (request) => {
      let asked = Buffer.alloc(0);
      const answer = await dialect.handle(
        watched(request, (body) => {
          asked = Buffer.from(body);
        }),
      );
      exchanges.push(toExchange(request, asked, { answer, port: port() }));
      return answer;
    },
  });
}

/** The parts one by one: those of the listener's own requests cannot be spread. */
function watched(request: HttpRequest, take: (body: Uint8Array) => void): HttpRequest {
  const { id, method, target, scheme, host, path: at, query, headers, remoteAddress } = request;
  return {
    ...{ id, method, target, scheme, host, path: at, query, headers, remoteAddress },
    ...(request.httpVersion === undefined ? {} : { httpVersion: request.httpVersion }),
    get signal() {
      return request.signal;
    },
    readBody: async (bytesMax) => {
      const body = await request.readBody(bytesMax);
      take(body);
      return body;
    },
  };
}

async function record({ file, words, env, cwd }: Program): Promise<void> {
  const exchanges: Exchange[] = [];
  const server = await startExchangeServer(
    file,
    recording(exchanges, () => server.url.port),
  );
  const [command, ...rest] = words;
  try {
    const ran = await run(command, rest, {
      env: {
        ...GO_ENVIRONMENT,
        ...env,
        PATH: process.env["PATH"],
        HOME: process.env["HOME"],
        PYTHONDONTWRITEBYTECODE: "1",
        INSULA_TEST_NODE: NODE_MANIFEST,
        INSULA_TEST_URL: server.url.origin,
        INSULA_TEST_KEY: CREDENTIALS.secret,
        INSULA_TEST_SCHEME: "http",
        INSULA_TEST_AUTHORITY: `localhost:${server.url.port}`,
      },
      ...(cwd === undefined ? {} : { cwd }),
    });
    if (ran.code !== 0) throw new Error(`${file}: ${ran.stdout}\n${ran.stderr.slice(-3_000)}`);
    const lines = exchanges.map((exchange) => `${JSON.stringify(exchange)}\n`);
    writeFileSync(path.join(EXCHANGES_FOLDER, `${file}.jsonl`), lines.join(""));
    process.stdout.write(`${file}: ${String(exchanges.length)} exchanges\n`);
  } finally {
    await server.close();
  }
}

const wanted = process.argv.slice(2);
for (const program of PROGRAMS) {
  if (wanted.length === 0 || wanted.includes(program.file)) await record(program);
}
