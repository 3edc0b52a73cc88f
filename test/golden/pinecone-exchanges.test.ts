/**
 * What Pinecone's real clients once sent is answered, byte for byte, as they were answered then.
 * `node --import tsx test/clients/record-exchanges.ts` records the files anew.
 */
import { once } from "node:events";
import * as http from "node:http";
import * as http2 from "node:http2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startExchangeServer, type ExchangeServer } from "./exchange-server.ts";
import {
  bodyBytes,
  exchangeFiles,
  lastingHeaders,
  readExchanges,
  recordBody,
  showPort,
  type Exchange,
} from "./exchanges.ts";

type Answer = Exchange["answer"];

async function ask(exchange: Exchange, port: string): Promise<Answer> {
  const { method, target, headers, host } = exchange;
  const body = bodyBytes(exchange.body, port);
  const request = http.request({
    ...{ host: "127.0.0.1", port, method, path: target },
    headers: {
      ...headers,
      host: showPort(host, port),
      ...(body.length === 0 ? {} : { "content-length": body.length }),
    },
  });
  request.end(body);
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part as Buffer);
  return {
    status: response.statusCode ?? 0,
    headers: lastingHeaders(response.headers),
    body: recordBody(Buffer.concat(parts), port),
  };
}

/** One call of gRPC, over the connection of all. */
async function call(
  session: http2.ClientHttp2Session,
  exchange: Exchange,
  port: string,
): Promise<Answer> {
  const stream = session.request({
    ...exchange.headers,
    ":method": exchange.method,
    ":path": exchange.target,
    ":authority": showPort(exchange.host, port),
  });
  stream.end(bodyBytes(exchange.body, port));
  let headers: http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader = {};
  let trailers: http2.IncomingHttpHeaders | undefined;
  stream.on("response", (answered) => (headers = answered));
  stream.on("trailers", (answered: http2.IncomingHttpHeaders) => (trailers = answered));
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part as Buffer);
  return {
    status: headers[":status"] ?? 0,
    headers: lastingHeaders(headers),
    body: recordBody(Buffer.concat(parts), port),
    ...(trailers === undefined ? {} : { trailers: lastingHeaders(trailers) }),
  };
}

describe.each(exchangeFiles())("what a client sent, in %s,", (file) => {
  let server: ExchangeServer;
  let session: http2.ClientHttp2Session;
  beforeAll(async () => {
    server = await startExchangeServer(file);
    session = http2.connect(server.url);
  });
  afterAll(async () => {
    session.close();
    await server.close();
  });

  it("is answered as it was when it was recorded", async () => {
    const exchanges = readExchanges(file);
    expect(exchanges.length).toBeGreaterThan(20);
    const { port } = server.url;
    for (const [i, exchange] of exchanges.entries()) {
      const answer =
        exchange.httpVersion === "2"
          ? await call(session, exchange, port)
          : await ask(exchange, port);
      const { method, target } = exchange;
      expect(answer, `line ${String(i + 1)}: ${method} ${target}`).toEqual(exchange.answer);
    }
  });
});

describe("the files of exchanges", () => {
  it("are of every client that the documents name, over HTTP and over gRPC", () => {
    expect([...exchangeFiles()].sort()).toEqual([
      "go-4-grpc.jsonl",
      "python-7-grpc.jsonl",
      "python-7-http.jsonl",
      "python-9-http.jsonl",
      "typescript-7.jsonl",
      "typescript-9.jsonl",
    ]);
  });

  it("ask for every operation of the data plane, over HTTP and over gRPC", () => {
    const all = exchangeFiles().flatMap(readExchanges);
    const asked = (httpVersion: string): string[] => [
      ...new Set(
        all
          .filter((exchange) => exchange.httpVersion === httpVersion)
          .map(
            ({ method, target }) =>
              `${method} ${(target.split("?")[0] ?? "").replace(/^\/ix\/[^/]+/, "")}`,
          ),
      ),
    ];
    for (const path of HTTP_PATHS) expect(asked("1.1")).toContain(path);
    for (const method of GRPC_METHODS)
      expect(asked("2")).toContain(`POST /VectorService/${method}`);
  });

  it("have no key in them but that of the tests, and no address but this machine's", () => {
    for (const { headers, host } of exchangeFiles().flatMap(readExchanges)) {
      expect(["test-admin-secret-of-one-run", "wrong"]).toContain(headers["api-key"]);
      expect(host).toMatch(/^([a-z0-9-]+\.svc\.)?(localhost|127\.0\.0\.1)(:\{port\})?$/);
    }
  });
});

const HTTP_PATHS = [
  ...["POST /indexes", "POST /vectors/upsert", "POST /query", "GET /vectors/fetch"],
  ...["GET /vectors/list", "POST /vectors/update", "POST /vectors/delete"],
  ...["POST /vectors/fetch_by_metadata", "POST /describe_index_stats", "GET /namespaces"],
  ...["POST /namespaces", "DELETE /namespaces/made"],
];
const GRPC_METHODS = [
  ...["Upsert", "Query", "Fetch", "List", "Update", "Delete", "DescribeIndexStats"],
  ...["ListNamespaces", "DescribeNamespace", "DeleteNamespace"],
];
