/**
 * An object store behind the S3 protocol, through `fetch`: four verbs, signed with V4, addressed by
 * path. No SDK: the signer is there for the servers anyway.
 *
 * Create-if-absent is `If-None-Match: *`, which Amazon S3, R2, MinIO and Ceph honour; a store that
 * ignores it replaces objects of the same name, which backups never make.
 */
import { InsulaError } from "../base/errors.ts";
import { Pace } from "../base/pace.ts";
import { sha256InTurns } from "../base/sha256.ts";
import type { ByteRange, ObjectStore } from "../io/index.ts";
import {
  encodeQueryPart,
  sendToS3,
  type S3Answer,
  type S3Call,
  type S3Doors,
  type S3Settings,
} from "./s3-request.ts";

/** Bytes of one object, sent or received whole. Source: ours; a bundle has 8 MiB, a tail 64. */
export const S3_OBJECT_BYTES_MAX = 536_870_912;
/** Keys of one page. Source: the protocol's. */
const PAGE_KEYS_MAX = 1_000;
/** A page of 1,000 keys of 1,024 bytes, encoded, with what stands around them. */
const PAGE_BYTES_MAX = 8_388_608;

export class S3ObjectStore implements ObjectStore {
  readonly #settings: S3Settings;
  readonly #doors: S3Doors;
  /** In front of every key; empty, or ends with "/". */
  readonly #prefix: string;
  /** Of the hashes that are signed. */
  readonly #pace: Pace;

  constructor(settings: S3Settings, prefix: string, doors: S3Doors) {
    this.#settings = settings;
    this.#prefix = prefix;
    this.#doors = doors;
    this.#pace = new Pace(() => doors.clock.yield());
  }

  async putIfAbsent(key: string, body: Uint8Array): Promise<boolean> {
    const { status } = await this.#put(key, body, { "if-none-match": "*" });
    return status !== 412;
  }

  async put(key: string, body: Uint8Array): Promise<void> {
    await this.#put(key, body, {});
  }

  async get(key: string, range?: ByteRange, signal?: AbortSignal): Promise<Uint8Array | undefined> {
    if (range?.length === 0) {
      return (await this.head(key)) === undefined ? undefined : new Uint8Array(0);
    }
    const headers =
      range === undefined
        ? {}
        : { range: `bytes=${String(range.start)}-${String(range.start + range.length - 1)}` };
    const { status, body } = await this.#send({
      method: "GET",
      key,
      headers,
      signal,
      accepts: [200, 206, 404, 416],
      bytesMax: S3_OBJECT_BYTES_MAX,
    });
    if (status === 404) return undefined;
    if (status === 416) return new Uint8Array(0);
    // A store that knows no ranges sends the whole.
    if (range === undefined || status === 206) return body;
    return body.slice(range.start, range.start + range.length);
  }

  async head(key: string): Promise<number | undefined> {
    const { status, headers } = await this.#send({
      method: "HEAD",
      key,
      accepts: [200, 404],
      bytesMax: 0,
    });
    return status === 404 ? undefined : Number(headers.get("content-length") ?? 0);
  }

  async list(
    prefix: string,
    { after, limit }: { readonly after?: string; readonly limit: number },
  ): Promise<readonly string[]> {
    const keys: string[] = [];
    let last = after;
    while (keys.length < limit) {
      const wanted = Math.min(PAGE_KEYS_MAX, limit - keys.length);
      const page = await this.#page(prefix, last, wanted);
      keys.push(...page.keys);
      last = page.keys.at(-1);
      if (!page.isTruncated || page.keys.length === 0) break;
    }
    return keys;
  }

  async delete(key: string): Promise<void> {
    await this.#send({ method: "DELETE", key, accepts: [200, 204, 404], bytesMax: PAGE_BYTES_MAX });
  }

  async #page(
    prefix: string,
    after: string | undefined,
    limit: number,
  ): Promise<{ readonly keys: readonly string[]; readonly isTruncated: boolean }> {
    const parameters: [string, string][] = [
      ["encoding-type", "url"],
      ["list-type", "2"],
      ["max-keys", String(limit)],
      ["prefix", this.#prefix + prefix],
    ];
    if (after !== undefined) parameters.push(["start-after", this.#prefix + after]);
    const query = parameters.map(([name, value]) => `${name}=${encodeQueryPart(value)}`).join("&");
    const { body } = await this.#send(
      { method: "GET", key: "", query, accepts: [200], bytesMax: PAGE_BYTES_MAX },
      "",
    );
    const text = Buffer.from(body).toString("utf8");
    const keys = Array.from(text.matchAll(/<Key>([^<]*)<\/Key>/g), ([, key = ""]) =>
      decodeURIComponent(unescapeXml(key).replaceAll("+", "%20")).slice(this.#prefix.length),
    );
    return { keys, isTruncated: /<IsTruncated>\s*true\s*<\/IsTruncated>/.test(text) };
  }

  async #put(key: string, bytes: Uint8Array, headers: Record<string, string>): Promise<S3Answer> {
    if (bytes.length > S3_OBJECT_BYTES_MAX) {
      throw new InsulaError(
        "argument_invalid",
        `Cannot store object "${key}": expected at most ${String(S3_OBJECT_BYTES_MAX)} bytes, ` +
          `received ${String(bytes.length)}.`,
      );
    }
    const sha256 = (await sha256InTurns(bytes, this.#pace)).toString("hex");
    const body = { bytes, sha256 };
    const accepts = headers["if-none-match"] === undefined ? [200, 201] : [200, 201, 412];
    return this.#send({ method: "PUT", key, headers, body, accepts, bytesMax: PAGE_BYTES_MAX });
  }

  #send(call: S3Call, prefix = this.#prefix): Promise<S3Answer> {
    return sendToS3(this.#settings, this.#doors, { ...call, key: prefix + call.key });
  }
}

function unescapeXml(text: string): string {
  return text
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&apos;", "'")
    .replaceAll("&amp;", "&");
}
