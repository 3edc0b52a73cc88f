/**
 * Credentials as they come over a socket: twice, folded over lines, in another case, of another
 * scheme, and byte by byte wrong.
 */
import net from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { connect } from "../client/index.ts";
import { openEngine } from "../engine/index.ts";
import { MemoryFileSystem, NodeClock, NodeRandom } from "../io/index.ts";
import { AWS4_S3_VECTORS, OSS4, ossResourceUri, signHeaders } from "../wire/index.ts";
import { DIALECT_LOADERS, loadConfig, startServer, type RunningServer } from "./index.ts";

const SECRET = "a-secret-of-this-test";
const ADMIN_ID = "ADMINKEYOFTHISTEST01";
const ACCOUNT = "1234567890";
let server: RunningServer;
let url: URL;
/** `<id>.<secret>` of a key that may do everything. */
let key = "";

beforeAll(async () => {
  const flags = {
    httpPort: "0",
    adminId: ADMIN_ID,
    adminSecret: SECRET,
    accountId: ACCOUNT,
    logLevel: "silent",
    workerCount: "0",
  };
  server = await startServer(loadConfig({ flags }), {
    openEngine: (_config, { files, clock, random }) =>
      openEngine({ files, clock, random, workerCount: 0 }),
    files: new MemoryFileSystem(),
    clock: new NodeClock(),
    random: new NodeRandom(),
    version: "0.0.0",
    dialects: DIALECT_LOADERS,
  });
  url = new URL(server.addresses[0]?.url ?? "");
  const insula = await connect({ url: url.href, secret: SECRET });
  await insula.createDatabase("bucket");
  const created = await fetch(new URL("/insula/v1/keys", url), {
    method: "POST",
    headers: { authorization: `Bearer ${SECRET}` },
    body: JSON.stringify({ grants: [{ actions: ["*"], databases: ["*"] }] }),
  });
  const { id, secret } = (await created.json()) as Record<string, string>;
  key = `${id ?? ""}.${secret ?? ""}`;
});
afterAll(() => server.close());

/** Header lines, as they are sent. */
type Lines = readonly (readonly [name: string, value: string])[];

interface Wire {
  readonly head: string;
  readonly headers: Lines;
  readonly body: string;
}

/** Sends the bytes and reads until the server closes. */
function exchange({ head, headers, body }: Wire): Promise<{ status: number; text: string }> {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const length = `Content-Length: ${String(Buffer.byteLength(body))}\r\n`;
  return new Promise((resolve, reject) => {
    const socket = net.connect(Number(url.port), url.hostname);
    let text = "";
    socket.on("data", (part) => (text += part.toString("latin1")));
    socket.on("error", reject);
    socket.on("close", () => {
      resolve({ status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 0), text });
    });
    socket.write(`${head} HTTP/1.1\r\n${lines}${length}Connection: close\r\n\r\n${body}`, "latin1");
  });
}

function overS3(): Wire {
  const body = '{"vectorBucketName":"bucket"}';
  const headers = signHeaders({
    scheme: AWS4_S3_VECTORS,
    request: {
      method: "POST",
      path: "/GetVectorBucket",
      query: "",
      headers: { host: url.host, "content-type": "application/json" },
    },
    credentials: { keyId: ADMIN_ID, secret: SECRET },
    region: "us-east-1",
    payload: Buffer.from(body),
    nowMs: Date.now(),
  });
  return { head: "POST /GetVectorBucket", headers: Object.entries(headers), body };
}

function overOss(): Wire {
  const headers = signHeaders({
    scheme: OSS4,
    request: { method: "GET", path: "/bucket/", query: "bucketInfo", headers: {} },
    credentials: { keyId: ADMIN_ID, secret: SECRET },
    region: "cn-hangzhou",
    canonicalUri: ossResourceUri({
      region: "cn-hangzhou",
      accountId: ACCOUNT,
      bucket: "bucket",
    }),
    nowMs: Date.now(),
  });
  const lines: Lines = [["Host", url.host], ...Object.entries(headers)];
  return { head: "GET /bucket/?bucketInfo", headers: lines, body: "" };
}

function overNative(authorization = `Bearer ${SECRET}`): Wire {
  const headers: Lines = [
    ["Host", url.host],
    ["Authorization", authorization],
  ];
  return { head: "GET /insula/v1/databases/bucket", headers, body: "" };
}

describe.each([
  ["S3 Vectors", overS3, undefined],
  // OSS signs a resource of its own instead of the host.
  ["OSS Vectors", overOss, "Host"],
  ["our own interface", () => overNative(), "Host"],
])("over %s", (_, make, unsigned) => {
  it("a request is answered as it is", async () => {
    expect((await exchange(make())).status).toBe(200);
  });

  it("no header that identifies the caller may come twice", async () => {
    const wire = make();
    for (const line of wire.headers) {
      if (line[0] === unsigned) continue;
      for (const headers of [
        [...wire.headers, line],
        [line, ...wire.headers],
      ]) {
        const { status, text } = await exchange({ ...wire, headers });
        expect([400, 401, 403], `${line[0]} twice: ${text}`).toContain(status);
      }
    }
  });

  it("no header is folded over two lines", async () => {
    const wire = make();
    for (const [name, value] of wire.headers) {
      const at = value.indexOf(" ");
      if (at < 0) continue;
      const folded = `${value.slice(0, at)}\r\n ${value.slice(at + 1)}`;
      const headers = wire.headers.map(([other, text]): [string, string] =>
        other === name ? [name, folded] : [other, text],
      );
      const { status, text } = await exchange({ ...wire, headers });
      expect([400, 401, 403], `${name} folded: ${text}`).toContain(status);
    }
  });
});

describe("a bearer secret", () => {
  async function ask(authorization: string): Promise<{ status: number; text: string }> {
    return exchange(overNative(authorization));
  }

  it.each([
    ["as it is", (secret: string) => `Bearer ${secret}`],
    ["with its scheme in another case", (secret: string) => `bEARER ${secret}`],
    ["behind several blanks", (secret: string) => `Bearer   ${secret}  `],
  ])("is taken %s", async (_, print) => {
    expect((await ask(print(SECRET))).status).toBe(200);
    expect((await ask(print(key))).status).toBe(200);
  });

  it.each([
    ["in upper case", (secret: string) => `Bearer ${secret.toUpperCase()}`],
    ["in quotes", (secret: string) => `Bearer "${secret}"`],
    ["twice in one header", (secret: string) => `Bearer ${secret} ${secret}`],
    ["twice with a comma", (secret: string) => `Bearer ${secret}, Bearer ${secret}`],
    ["behind a tab", (secret: string) => `Bearer\t${secret}`],
    ["without its scheme", (secret: string) => secret],
    ["joined to its scheme", (secret: string) => `Bearer${secret}`],
    ["behind a colon", (secret: string) => `Bearer:${secret}`],
    ["of the scheme Basic", (secret: string) => `Basic ${secret}`],
    ["of the scheme Basic, encoded", (secret: string) => `Basic ${btoa(`:${secret}`)}`],
    ["of the scheme Token", (secret: string) => `Token ${secret}`],
    ["of the scheme BearerX", (secret: string) => `BearerX ${secret}`],
    ["without itself", () => "Bearer"],
    ["empty", () => "Bearer "],
    ["percent-encoded", (secret: string) => `Bearer %61${secret.slice(1)}`],
    ["with a dot before", (secret: string) => `Bearer .${secret}`],
    ["with a dot behind", (secret: string) => `Bearer ${secret}.`],
    ["with a byte of zero", (secret: string) => `Bearer ${secret}\u0000`],
    ["with a byte beyond ASCII", (secret: string) => `Bearer ${secret}\u00e9`],
  ])("is refused %s", async (_, print) => {
    for (const secret of [SECRET, key]) {
      const { status, text } = await ask(print(secret));
      expect([400, 401], text).toContain(status);
      if (status === 401) expect(text.toLowerCase()).toContain("www-authenticate: bearer");
    }
  });

  it("holds every byte, and says the same of every wrong one", async () => {
    const answers = new Set<string>();
    for (const secret of [SECRET, key]) {
      for (let i = 0; i < secret.length; i++) {
        const other = secret[i] === "x" ? "y" : "x";
        const changed = secret.slice(0, i) + other + secret.slice(i + 1);
        const shorter = secret.slice(0, i) + secret.slice(i + 1);
        for (const wrong of [changed, shorter]) {
          const { status, text } = await ask(`Bearer ${wrong}`);
          expect(status, wrong).toBe(401);
          answers.add(text.slice(text.indexOf("\r\n\r\n")).replace(/[0-9A-F]{24}/g, ""));
        }
      }
    }
    expect([...answers]).toHaveLength(1);
  });

  it("counts nowhere but in its header", async () => {
    for (const headers of [{ "x-api-key": SECRET }, { cookie: `token=${SECRET}` }, {}]) {
      const target = `/insula/v1/databases/bucket?access_token=${SECRET}&token=${SECRET}`;
      const answer = await fetch(new URL(target, url), { headers });
      expect(answer.status).toBe(401);
      expect(await answer.text()).not.toContain(SECRET);
    }
  });

  it("of a revoked key is a stranger's", async () => {
    const insula = new URL("/insula/v1/keys", url);
    const headers = { authorization: `Bearer ${SECRET}` };
    const created = await fetch(insula, {
      method: "POST",
      headers,
      body: JSON.stringify({ grants: [{ actions: ["*"], databases: ["*"] }] }),
    });
    const { id = "", secret = "" } = (await created.json()) as Record<string, string>;
    expect((await ask(`Bearer ${id}.${secret}`)).status).toBe(200);
    await fetch(`${insula.href}/${id}`, { method: "DELETE", headers });
    expect((await ask(`Bearer ${id}.${secret}`)).status).toBe(401);
  });
});
