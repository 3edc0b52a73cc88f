/** HTTP to one running server: administration as JSON, records as signed OSS Vectors calls. */
import { ERROR_KINDS, type ErrorCode, InsulaError } from "../base/errors.ts";
import { parseJsonExact, printJson, type Printable } from "../wire/index.ts";
import { OSS4, ossResourceUri, signHeaders } from "../wire/signature/index.ts";
import { CommandError, EXIT_CODES } from "./command-error.ts";

/** How a command proves who it is. */
export interface ServerAccess {
  /** Without a slash at the end. */
  readonly url: string;
  /** The admin secret, or `<key id>.<secret>`. */
  readonly token: string;
}

/** Who the token belongs to, as the server says. */
export interface Caller {
  readonly accountId: string;
  readonly keyId: string;
}

/** Any region name is taken by the server; this one says where the call comes from. */
const REGION = "local";

export class ServerClient {
  readonly url: string;
  readonly #token: string;
  #caller: Caller | undefined;

  constructor(access: ServerAccess) {
    this.url = access.url;
    this.#token = access.token;
  }

  /** @returns the parsed answer; undefined for 204. @throws InsulaError with the server's code. */
  async admin(method: string, path: string, body?: unknown): Promise<unknown> {
    const answer = await this.#send(`/insula/v1/${path}`, {
      method,
      headers: { authorization: `Bearer ${this.#token}`, "content-type": "application/json" },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (answer.status < 300) return answer.text === "" ? undefined : parse(answer.text);
    throw toProblem(answer, `${method} ${path}`);
  }

  /** @param operation  query key, for example `putVectors`. */
  async records(database: string, operation: string, body: Printable): Promise<unknown> {
    const caller = await this.caller();
    const headers = signHeaders({
      scheme: OSS4,
      request: {
        method: "POST",
        path: `/${database}/`,
        query: operation,
        headers: { "content-type": "application/json" },
      },
      credentials: { keyId: caller.keyId, secret: secretOf(this.#token, caller.keyId) },
      region: REGION,
      canonicalUri: ossResourceUri({
        region: REGION,
        accountId: caller.accountId,
        bucket: database,
      }),
      nowMs: Date.now(),
    });
    const path = `/${encodeURIComponent(database)}/?${operation}`;
    const answer = await this.#send(path, { method: "POST", headers, body: printJson(body) });
    if (answer.status < 300) return answer.text === "" ? undefined : parse(answer.text);
    throw toOssError(answer, operation);
  }

  async caller(): Promise<Caller> {
    if (this.#caller === undefined) {
      const { accountId, keyId } = (await this.admin("GET", "caller")) as Caller;
      this.#caller = { accountId, keyId };
    }
    return this.#caller;
  }

  async #send(path: string, init: RequestInit): Promise<{ status: number; text: string }> {
    try {
      const response = await fetch(`${this.url}${path}`, init);
      return { status: response.status, text: await response.text() };
    } catch (cause) {
      throw new CommandError(
        EXIT_CODES.unreachable,
        `Cannot reach a server at ${this.url}: ${reasonOf(cause)}.`,
        "Start one with `insula serve`, or name another with --url.",
        cause,
      );
    }
  }
}

function secretOf(token: string, keyId: string): string {
  return token.startsWith(`${keyId}.`) ? token.slice(keyId.length + 1) : token;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}

function parse(text: string): unknown {
  try {
    return parseJsonExact(text);
  } catch (cause) {
    throw new CommandError(
      EXIT_CODES.failed,
      "The server's answer is not JSON.",
      "Is --url an Insula server?",
      cause,
    );
  }
}

function toProblem(answer: { status: number; text: string }, what: string): Error {
  const problem = parse(answer.text) as { code?: string; detail?: string };
  const code = problem.code ?? "";
  if (isErrorCode(code)) return new InsulaError(code, problem.detail ?? code);
  return new CommandError(
    EXIT_CODES.failed,
    `${what} failed with status ${String(answer.status)}.`,
  );
}

/** The codes of the OSS protocol that a command must tell apart; the others keep their message. */
const OSS_CODES: Readonly<Record<string, ErrorCode>> = {
  NoSuchBucket: "database_not_found",
  NoSuchVectorIndex: "collection_not_found",
  AccessDenied: "permission_denied",
  InvalidAccessKeyId: "credentials_unknown",
  SignatureDoesNotMatch: "signature_mismatch",
  VectorIndexParameterInvalid: "argument_invalid",
  QpsLimitExceeded: "rate_exceeded",
};

function toOssError(answer: { status: number; text: string }, operation: string): Error {
  const { Error: error } = parse(answer.text) as { Error?: { Code?: string; Message?: string } };
  const name = error?.Code ?? `status ${String(answer.status)}`;
  const message = `${operation}: ${name}: ${error?.Message ?? "no message"}`;
  const code = OSS_CODES[name];
  if (code !== undefined) return new InsulaError(code, message);
  return new CommandError(EXIT_CODES.failed, message);
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_KINDS, code);
}
