import * as http2 from "node:http2";
import * as net from "node:net";
import * as tls from "node:tls";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { isInsulaError } from "../../base/errors.ts";
import {
  HTTP2_IDLE_MS_MAX,
  HTTP2_RESETS_MAX,
  HTTP2_RUNNING_MAX,
  HTTP2_STREAMS_MAX,
} from "./http2-limits.ts";
import { HurriedClock } from "./hurried-clock.contract.ts";
import { HttpListener, type HttpListenerOptions } from "./listener.ts";
import type { HttpAnswer, HttpRequest } from "./message.ts";
import { makeThrowAwayCa } from "./throw-away-ca.contract.ts";

const open: HttpListener[] = [];
const clients: http2.ClientHttp2Session[] = [];
const faults: unknown[] = [];
let clock = new HurriedClock();

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  const closing = open.splice(0).map((listener) => listener.close());
  clock.hurry(60_000);
  await Promise.all(closing);
  clock = new HurriedClock();
  faults.length = 0;
});

type Handle = (request: HttpRequest) => Promise<HttpAnswer>;

async function listen(
  handle: Handle,
  more: Partial<HttpListenerOptions> = {},
): Promise<HttpListener> {
  const listener = await HttpListener.open({
    host: "127.0.0.1",
    port: 0,
    setting: { flag: "--http-port", variable: "INSULA_HTTP_PORT" },
    clock,
    random: { bytes: (count) => new Uint8Array(count).fill(0xab) },
    handle,
    onFault: (error) => faults.push(error),
    ...more,
  });
  open.push(listener);
  return listener;
}

function connect(
  listener: HttpListener,
  options: http2.ClientSessionOptions | http2.SecureClientSessionOptions = {},
): http2.ClientHttp2Session {
  const url = listener.address.url.replace("https://127.0.0.1", "https://localhost");
  const client = http2.connect(url, options);
  client.on("error", () => undefined);
  clients.push(client);
  return client;
}

interface Answered {
  readonly status: number | undefined;
  readonly headers: http2.IncomingHttpHeaders;
  readonly trailers: http2.IncomingHttpHeaders;
  readonly body: string;
  readonly rstCode: number;
}

function ask(
  client: http2.ClientHttp2Session,
  headers: http2.OutgoingHttpHeaders,
  body?: string | Buffer,
): Promise<Answered> {
  return new Promise((resolve) => {
    const stream = client.request(headers, { endStream: body === undefined });
    let text = "";
    let head: http2.IncomingHttpHeaders = {};
    let trailers: http2.IncomingHttpHeaders = {};
    stream.on("response", (received) => (head = received));
    stream.on("trailers", (received) => (trailers = received));
    stream.on("data", (chunk: Buffer) => (text += chunk.toString()));
    stream.on("error", () => undefined);
    const settle = (): void => {
      const status = head[":status"] === undefined ? undefined : Number(head[":status"]);
      resolve({ status, headers: head, trailers, body: text, rstCode: stream.rstCode ?? 0 });
    };
    // Refused in the middle of its body a request of this client never closes, but its answer ends.
    stream.on("end", () => setImmediate(settle)).on("close", settle);
    if (body !== undefined) stream.end(body);
  });
}

const closed = (emitter: { on(event: "close", task: () => void): unknown }): Promise<void> =>
  new Promise((resolve) => {
    emitter.on("close", () => {
      resolve();
    });
  });

const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const CANCEL = Buffer.from([0, 0, 0, 8]);

/** A frame by hand: the client of Node ends a request before it resets it. */
function frame(type: number, flags: number, stream: number, payload: string | Buffer = ""): Buffer {
  const bytes = Buffer.from(payload);
  const head = Buffer.alloc(9);
  head.writeUIntBE(bytes.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, bytes]);
}

/** HEADERS of `POST http://h/` whose body is still to come. */
function post(stream: number): Buffer {
  return frame(1, 4, stream, Buffer.from([0x83, 0x84, 0x86, 0x41, 1, 0x68]));
}

test("an answer in parts is sent whole, with its length", async () => {
  const listener = await listen(() =>
    Promise.resolve({
      ...{ status: 200, headers: {} },
      parts: [Buffer.from("first "), Buffer.alloc(200_000, "x"), Buffer.from(" last")],
    }),
  );
  const { body, headers } = await ask(connect(listener), { ":path": "/" });
  expect(body).toBe(`first ${"x".repeat(200_000)} last`);
  expect(headers["content-length"]).toBe("200011");
});

const echo: Handle = async (request) => {
  const { method, scheme, host, path, query, headers, httpVersion = "1.1" } = request;
  const extra = headers["x-extra"];
  const body = (await request.readBody(1_000)).toString();
  return {
    status: 200,
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ httpVersion, method, scheme, host, path, query, extra, body }),
  };
};

describe("one port", () => {
  test("speaks HTTP/1.1 and HTTP/2 in plain text, to each client its own", async () => {
    const listener = await listen(echo);
    const authority = `127.0.0.1:${String(listener.address.port)}`;
    const two = await ask(
      connect(listener),
      { ":method": "POST", ":path": "/a%20b?x=1", "x-extra": "yes" },
      "{}",
    );
    expect(two.status).toBe(200);
    expect(two.headers["content-length"]).toBe(String(two.body.length));
    const shared = { method: "POST", scheme: "http", host: authority, path: "/a%20b" };
    expect(JSON.parse(two.body)).toEqual({
      ...shared,
      ...{ httpVersion: "2", query: "x=1", extra: "yes", body: "{}" },
    });
    const one = await fetch(`${listener.address.url}/a%20b`, { method: "POST", body: "{}" });
    expect(await one.json()).toMatchObject({ ...shared, httpVersion: "1.1", body: "{}" });
  });

  test("speaks both over TLS, as the handshake says", async () => {
    const ca = makeThrowAwayCa();
    const listener = await listen(echo, { tls: ca });
    const client = connect(listener, { ca: ca.ca });
    expect(JSON.parse((await ask(client, { ":path": "/" })).body)).toMatchObject({
      ...{ httpVersion: "2", scheme: "https" },
    });
    for (const offered of [["http/1.1"], []]) {
      const { port } = listener.address;
      const options = offered.length === 0 ? {} : { ALPNProtocols: offered };
      const socket = tls.connect({ port, ca: ca.ca, servername: "localhost", ...options });
      let text = "";
      socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
      socket.write("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
      await closed(socket);
      expect(text).toContain('"httpVersion":"1.1"');
    }
    ca.remove();
  });

  test("tells a method from the preface however the bytes are cut", async () => {
    const listener = await listen(echo);
    for (const method of ["PUT", "PATCH", "POST", "PROPFIND", "P-X", "PR"]) {
      const socket = net.connect(listener.address.port, "127.0.0.1");
      socket.setNoDelay(true);
      let text = "";
      socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
      socket.on("error", () => undefined);
      const gone = closed(socket);
      for (const byte of `${method} / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n`) {
        socket.write(byte);
        await new Promise((resolve) => setImmediate(resolve));
      }
      await gone;
      // Some of these are no methods of node:http and are refused by it.
      expect(text).toMatch(/^HTTP\/1.1 (200|400) /);
      if (/^P(UT|ATCH|OST|ROPFIND)$/.test(method)) expect(text).toContain(`"method":"${method}"`);
    }
    const socket = net.connect(listener.address.port, "127.0.0.1");
    socket.setNoDelay(true);
    for (const byte of "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") {
      socket.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    // Our SETTINGS: type 4 after three bytes of length.
    const first = await new Promise<Buffer>((resolve) => socket.once("data", resolve));
    expect(first[3]).toBe(4);
    socket.destroy();
  });

  test("ends a connection that never says what it speaks, or leaves at once", async () => {
    const listener = await listen(echo, { limits: { headersTimeoutMs: 100 } });
    const silent = net.connect(listener.address.port, "127.0.0.1");
    const partial = net.connect(listener.address.port, "127.0.0.1");
    partial.write("PR");
    const leaving = net.connect(listener.address.port, "127.0.0.1");
    leaving.end("P");
    for (const socket of [silent, partial, leaving]) socket.on("data", () => undefined);
    await Promise.all([silent, partial, leaving].map(closed));
    expect((await fetch(listener.address.url)).status).toBe(200);
  });

  test("bounds connections of both sorts together", async () => {
    const listener = await listen(echo, { limits: { connectionsMax: 2 } });
    const [first, second] = [connect(listener), connect(listener)];
    expect((await ask(first, { ":path": "/" })).status).toBe(200);
    expect((await ask(second, { ":path": "/" })).status).toBe(200);
    await expect(fetch(listener.address.url)).rejects.toThrow();
    const gone = closed(first);
    first.close();
    await gone;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect((await fetch(listener.address.url)).status).toBe(200);
  });
});

describe("an answer over HTTP/2", () => {
  test("brings trailers after its body; over HTTP/1.1 they are left out", async () => {
    const listener = await listen(() =>
      Promise.resolve({ status: 200, headers: {}, body: "text", trailers: { "x-end": "0" } }),
    );
    const answer = await ask(connect(listener), { ":path": "/" });
    expect(answer).toMatchObject({ status: 200, body: "text", trailers: { "x-end": "0" } });
    expect(await (await fetch(listener.address.url)).text()).toBe("text");
  });

  test("may be without a body, with 204, to HEAD, and with trailers and nothing else", async () => {
    const listener = await listen(({ path }) =>
      Promise.resolve({
        status: path === "/204" ? 204 : 200,
        headers: {},
        ...(path === "/head" ? { body: "four" } : {}),
        ...(path === "/trailers" ? { trailers: { "x-end": "1" } } : {}),
      }),
    );
    const client = connect(listener);
    expect(await ask(client, { ":path": "/204" })).toMatchObject({ status: 204, body: "" });
    const head = await ask(client, { ":path": "/head", ":method": "HEAD" });
    expect(head.headers["content-length"]).toBe("4");
    expect(head.body).toBe("");
    expect((await ask(client, { ":path": "/trailers" })).trailers["x-end"]).toBe("1");
    expect(await ask(client, { ":path": "/" })).toMatchObject({ status: 200, body: "" });
  });

  test("is 500 for a bug and for a header that no server may send, and both are reported", async () => {
    const listener = await listen(({ path }) => {
      if (path === "/throw") throw new TypeError("a bug");
      return path === "/reject"
        ? Promise.reject(new TypeError("a bug"))
        : Promise.resolve({ status: 200, headers: { Connection: "close" } });
    });
    const client = connect(listener);
    for (const path of ["/throw", "/reject", "/header"]) {
      expect(await ask(client, { ":path": path })).toMatchObject({ status: 500 });
    }
    expect(faults).toHaveLength(3);
  });

  test("refuses a body above its bound and stops the client that still sends it", async () => {
    const listener = await listen(async (request) => {
      try {
        await request.readBody(1_000);
        return { status: 200, headers: {} };
      } catch (error) {
        return { status: 413, headers: {}, body: isInsulaError(error) ? error.code : "" };
      }
    });
    const client = connect(listener);
    const headers = { ":path": "/", ":method": "POST" };
    const stream = client.request({ ...headers, "content-length": 50_000_000 });
    const announced = new Promise((resolve) => stream.once("response", resolve));
    stream.resume().write("x");
    expect(await announced).toMatchObject({ ":status": 413 });
    const long = await ask(client, headers, Buffer.alloc(3_000_000));
    expect(long).toMatchObject({ status: 413, body: "body_too_large" });
    expect((await ask(client, headers, "short")).status).toBe(200);
  });
});

describe("an answer that comes before the end of its request", () => {
  /** Frames of stream 1 that a client receives until the server has answered its PING. */
  async function framesAfter(listener: HttpListener, data: Buffer): Promise<number[]> {
    const socket = net.connect(listener.address.port, "127.0.0.1");
    socket.on("error", () => undefined);
    const parts: Buffer[] = [];
    const types: number[] = [];
    const until = (isLast: (type: number) => boolean): Promise<void> =>
      new Promise((resolve) => {
        socket.on("data", (chunk: Buffer) => {
          parts.push(chunk);
          let bytes = Buffer.concat(parts.splice(0));
          while (bytes.length >= 9 && bytes.length >= 9 + bytes.readUIntBE(0, 3)) {
            const [type = 0, stream] = [bytes[3], bytes.readUInt32BE(5)];
            if (stream === 1) types.push(type);
            bytes = bytes.subarray(9 + bytes.readUIntBE(0, 3));
            if (isLast(type)) resolve();
          }
          parts.push(bytes);
        });
      });
    const answered = until((type) => type === HEADERS);
    socket.write(Buffer.concat([PREFACE, frame(4, 0, 0), post(1)]));
    await answered;
    const ponged = until((type) => type === PING);
    for (let at = 0; at < data.length; at += 16_384) {
      socket.write(frame(0, 0, 1, data.subarray(at, at + 16_384)));
    }
    socket.write(Buffer.concat([frame(0, 1, 1), frame(PING, 0, 0, Buffer.alloc(8))]));
    await ponged;
    socket.destroy();
    return types;
  }
  const [HEADERS, RESET, PING] = [1, 3, 6] as const;
  const refuse: Handle = () => Promise.resolve({ status: 403, headers: {}, body: "no" });

  test("is not taken away by a reset: the little that still comes is thrown away", async () => {
    const types = await framesAfter(await listen(refuse), Buffer.alloc(20_000));
    expect(types).toContain(HEADERS);
    expect(types).not.toContain(RESET);
  });

  test("tells a client that goes on sending to stop", async () => {
    const types = await framesAfter(await listen(refuse), Buffer.alloc(500_000));
    expect(types).toContain(HEADERS);
    expect(types).toContain(RESET);
  });
});

describe("a client over HTTP/2", () => {
  test("that gives up is noticed: its body is no body and its signal is aborted", async () => {
    const seen: unknown[] = [];
    let done: (() => void) | undefined;
    const over = new Promise<void>((resolve) => (done = resolve));
    const listener = await listen(async (request) => {
      const { signal } = request;
      try {
        seen.push((await request.readBody(1_000)).toString());
      } catch (error) {
        seen.push(isInsulaError(error) ? error.code : error);
      }
      if (!signal.aborted)
        await new Promise((resolve) => {
          signal.onabort = resolve;
        });
      seen.push(signal.aborted);
      done?.();
      return { status: 200, headers: {} };
    });
    const socket = net.connect(listener.address.port, "127.0.0.1");
    socket.write(Buffer.concat([PREFACE, frame(4, 0, 0), post(1), frame(0, 0, 1, "half")]));
    await new Promise((resolve) => setTimeout(resolve, 50));
    socket.write(frame(3, 0, 1, CANCEL));
    await over;
    expect(seen).toEqual(["body_malformed", true]);
    socket.destroy();
  });

  test("whose deadline passes sees its request given up", async () => {
    const listener = await listen(
      ({ signal }) =>
        new Promise((resolve) => {
          signal.addEventListener("abort", () => {
            resolve({ status: 504, headers: {} });
          });
        }),
    );
    const client = connect(listener);
    const [ours, short, long] = [
      ask(client, { ":path": "/" }),
      ask(client, { ":path": "/", "grpc-timeout": "250m" }),
      ask(client, { ":path": "/", "grpc-timeout": "2H" }),
    ];
    await new Promise((resolve) => setTimeout(resolve, 50));
    clock.hurry(250);
    expect((await short).status).toBe(504);
    clock.hurry(59_750);
    expect((await ours).status).toBe(504);
    expect((await long).status).toBe(504);
  });

  test("learns how many requests it may send at once, and how long headers may be", async () => {
    const listener = await listen(echo, { limits: { headerBytesMax: 4_096 } });
    const client = connect(listener);
    const settings = await new Promise<http2.Settings>((resolve) =>
      client.once("remoteSettings", resolve),
    );
    expect(settings.maxConcurrentStreams).toBe(HTTP2_STREAMS_MAX);
    expect(settings.maxHeaderListSize).toBe(4_096);
    expect(settings.enablePush).toBe(false);
    const long = await ask(client, { ":path": "/", "x-extra": "x".repeat(8_000) });
    expect(long.status).toBeUndefined();
    expect((await ask(connect(listener), { ":path": "/" })).status).toBe(200);
  });

  test("that opens requests and resets them at once is cut off, whoever else is served", async () => {
    let running = 0;
    let most = 0;
    const gates: (() => void)[] = [];
    const listener = await listen(async ({ path }) => {
      if (path === "/other") return { status: 200, headers: {} };
      most = Math.max(most, ++running);
      await new Promise<void>((resolve) => gates.push(resolve));
      running--;
      return { status: 200, headers: {} };
    });
    const other = connect(listener);
    const socket = net.connect(listener.address.port, "127.0.0.1");
    socket.on("error", () => undefined).on("data", () => undefined);
    const gone = closed(socket);
    socket.write(Buffer.concat([PREFACE, frame(4, 0, 0)]));
    for (let i = 0; i <= HTTP2_RESETS_MAX; i++) {
      socket.write(Buffer.concat([post(2 * i + 1), frame(3, 0, 2 * i + 1, CANCEL)]));
    }
    await gone;
    expect(most).toBeLessThanOrEqual(HTTP2_RUNNING_MAX);
    expect((await ask(other, { ":path": "/other" })).status).toBe(200);
    for (const release of gates) release();
  });

  test("that rests too long is told to go, one that asks is not", async () => {
    const listener = await listen(echo);
    const [resting, asking] = [connect(listener), connect(listener)];
    await ask(resting, { ":path": "/" });
    const gone = closed(resting);
    clock.hurry(HTTP2_IDLE_MS_MAX / 2);
    expect((await ask(asking, { ":path": "/" })).status).toBe(200);
    clock.hurry(HTTP2_IDLE_MS_MAX / 2 + 2_000);
    await gone;
    const rude = net.connect({
      port: listener.address.port,
      host: "127.0.0.1",
      allowHalfOpen: true,
    });
    rude.write(Buffer.concat([PREFACE, frame(4, 0, 0)]));
    rude.on("data", () => undefined).on("error", () => undefined);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const cut = closed(rude);
    rude.on("end", () => {
      clock.hurry(12_000);
    });
    // A socket that has read to the end learns only by writing that the other side is gone.
    const writing = setInterval(() => rude.write("x"), 10);
    clock.hurry(HTTP2_IDLE_MS_MAX + 2_000);
    await cut;
    clearInterval(writing);
    expect((await ask(connect(listener), { ":path": "/" })).status).toBe(200);
  });

  test("that does not take its answer loses it", async () => {
    const body = "x".repeat(100_000);
    const listener = await listen(() => Promise.resolve({ status: 200, headers: {}, body }));
    const client = connect(listener, { settings: { initialWindowSize: 0 } });
    const stream = client.request({ ":path": "/" });
    stream.on("error", () => undefined);
    await new Promise((resolve) => stream.once("response", resolve));
    const gone = closed(stream);
    clock.hurry(30_000);
    stream.resume();
    await gone;
    expect(stream.rstCode).toBe(http2.constants.NGHTTP2_CANCEL);
  });

  test("whose body does not end in time loses its request", async () => {
    const codes: unknown[] = [];
    const listener = await listen(
      async (request) => {
        await request.readBody(1_000).catch((error: unknown) => {
          codes.push(isInsulaError(error) ? error.code : error);
        });
        return { status: 200, headers: {} };
      },
      { limits: { requestTimeoutMs: 5_000 } },
    );
    const stream = connect(listener).request({ ":method": "POST", ":path": "/" });
    stream.on("error", () => undefined);
    stream.write("half");
    await new Promise((resolve) => setTimeout(resolve, 50));
    const gone = closed(stream);
    clock.hurry(8_000);
    await gone;
    expect(codes).toEqual(["body_malformed"]);
  });
});

test("bodies that one connection leaves unfinished are bounded together", async () => {
  const listener = await listen(
    async (request) => {
      await request.readBody(1_000_000);
      return { status: 200, headers: {} };
    },
    { limits: { unfinishedBodiesBytesMax: 100_000 } },
  );
  for (const [size, isCut] of [
    [50_000, false],
    [50_001, true],
  ] as const) {
    const client = connect(listener);
    for (let i = 0; i < 2; i++) {
      const stream = client.request({ ":method": "POST", ":path": "/" });
      stream.on("error", () => undefined);
      await new Promise((resolve) => stream.write(Buffer.alloc(size), resolve));
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
    clock.hurry(2_000);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(client.destroyed).toBe(isCut);
  }
});

describe("a stop", () => {
  test("lets a running request finish and takes no new one", async () => {
    let release: (() => void) | undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const listener = await listen(async () => {
      await gate;
      return { status: 200, headers: {}, body: "finished" };
    });
    const client = connect(listener);
    const answer = ask(client, { ":path": "/" });
    const { url } = listener.address;
    await new Promise((resolve) => setTimeout(resolve, 50));
    const stop = listener.close();
    await new Promise((resolve) => setTimeout(resolve, 50));
    await expect(fetch(url)).rejects.toThrow();
    release?.();
    expect((await answer).body).toBe("finished");
    await stop;
  });

  test("cuts a client that does not go when it is told to", async () => {
    const listener = await listen(echo);
    const socket = net.connect({
      port: listener.address.port,
      host: "127.0.0.1",
      allowHalfOpen: true,
    });
    socket.on("data", () => undefined).on("error", () => undefined);
    socket.write(Buffer.concat([PREFACE, frame(4, 0, 0)]));
    await new Promise((resolve) => setTimeout(resolve, 50));
    const stop = listener.close();
    await new Promise((resolve) => setTimeout(resolve, 50));
    clock.hurry(10_000);
    await stop;
    socket.destroy();
  });

  test("cuts what is left at its deadline, and connections that said nothing at once", async () => {
    const listener = await listen(() => new Promise(() => undefined));
    const silent = net.connect(listener.address.port, "127.0.0.1");
    const client = connect(listener);
    const answer = ask(client, { ":path": "/" });
    await new Promise((resolve) => setTimeout(resolve, 50));
    const stop = listener.close();
    await closed(silent);
    clock.hurry(10_000);
    await stop;
    expect((await answer).status).toBeUndefined();
  });
});

test("no bytes after the preface end the process: the next client is served", async () => {
  const listener = await listen(echo);
  const anyFrame = fc
    .record({
      type: fc.integer({ min: 0, max: 12 }),
      flags: fc.integer({ min: 0, max: 255 }),
      stream: fc.constantFrom(0, 1, 2, 3, 0x7fffffff),
      payload: fc.uint8Array({ maxLength: 60 }),
      lie: fc.constantFrom(0, 0, 0, 1, 16_384),
    })
    .map(({ type, flags, stream, payload, lie }) => {
      const bytes = frame(type, flags, stream, Buffer.from(payload));
      bytes.writeUIntBE(payload.length + lie, 0, 3);
      return bytes;
    });
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyFrame, { maxLength: 8 }),
      fc.boolean(),
      async (frames, isPolite) => {
        const socket = net.connect(listener.address.port, "127.0.0.1");
        socket.on("error", () => undefined);
        socket.on("data", () => undefined);
        const gone = closed(socket);
        socket.write(Buffer.concat([PREFACE, ...(isPolite ? [frame(4, 0, 0)] : []), ...frames]));
        await new Promise((resolve) => setTimeout(resolve, 2));
        socket.destroy();
        await gone;
        expect((await fetch(listener.address.url)).status).toBe(200);
      },
    ),
    { numRuns: 100 },
  );
  expect(faults).toEqual([]);
});
