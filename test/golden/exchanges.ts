/**
 * Requests that the vendor's real clients have sent and the answers they took: one line of JSON for
 * each exchange, in the order it happened, one file for each client.
 *
 * What differs from run to run has no place in them: the port, and the number of a request.
 */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { wholeBody, type HttpAnswer, type HttpRequest } from "../../src/wire/index.ts";

export type RecordedBody = string | { readonly base64: string };

export interface Exchange {
  readonly httpVersion: "1.1" | "2";
  readonly method: string;
  readonly target: string;
  /** As the client named us; `{port}` stands for the port. */
  readonly host: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: RecordedBody;
  readonly answer: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: RecordedBody;
    readonly trailers?: Readonly<Record<string, string>>;
  };
}

export const EXCHANGES_FOLDER: string = path.join(import.meta.dirname, "pinecone");

export function exchangeFiles(): readonly string[] {
  return readdirSync(EXCHANGES_FOLDER).filter((name) => name.endsWith(".jsonl"));
}

export function readExchanges(file: string): readonly Exchange[] {
  const text = readFileSync(path.join(EXCHANGES_FOLDER, file), "utf8");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Exchange);
}

/** New in every run, or the framing's own. */
const VOLATILE: ReadonlySet<string> = new Set([
  ...["host", "connection", "content-length", "date", "keep-alive", "transfer-encoding"],
  ...["x-pinecone-request-id", "x-request-id", "request_id", "server"],
]);

export function lastingHeaders(
  headers: Readonly<Record<string, string | string[] | undefined>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined || name.startsWith(":") || VOLATILE.has(name)
        ? []
        : [[name, String(value)]],
    ),
  );
}

/** Text as itself where it is text, with the port taken out. */
export function recordBody(body: string | Uint8Array | undefined, port: string): RecordedBody {
  const bytes = Buffer.from(body ?? "");
  const text = bytes.toString("utf8");
  const isText = !bytes.includes(0) && Buffer.from(text).equals(bytes);
  return isText ? hidePort(text, port) : { base64: bytes.toString("base64") };
}

export function bodyBytes(body: RecordedBody, port: string): Buffer {
  return typeof body === "string"
    ? Buffer.from(showPort(body, port))
    : Buffer.from(body.base64, "base64");
}

export const hidePort = (text: string, port: string): string =>
  text.replaceAll(`:${port}`, ":{port}");
export const showPort = (text: string, port: string): string =>
  text.replaceAll(":{port}", `:${port}`);

export function toExchange(
  request: HttpRequest,
  asked: Uint8Array,
  { answer, port }: { readonly answer: HttpAnswer; readonly port: string },
): Exchange {
  return {
    httpVersion: request.httpVersion ?? "1.1",
    method: request.method,
    target: request.target,
    host: hidePort(request.host, port),
    headers: lastingHeaders(request.headers),
    body: recordBody(asked, port),
    answer: {
      status: answer.status,
      headers: lastingHeaders(answer.headers),
      body: recordBody(wholeBody(answer), port),
      ...(answer.trailers === undefined ? {} : { trailers: lastingHeaders(answer.trailers) }),
    },
  };
}
