import * as net from "node:net";
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import { InsulaError, isInsulaError } from "../../base/errors.ts";
import { HurriedClock } from "./hurried-clock.contract.ts";
import { HttpListener, type HttpListenerOptions } from "./listener.ts";
import type { HttpAnswer, HttpRequest } from "./message.ts";

const open: HttpListener[] = [];
const faults: unknown[] = [];
let clock = new HurriedClock();

afterEach(async () => {
  const closing = open.splice(0).map((listener) => listener.close());
  clock.hurry(60_000);
  await Promise.all(closing);
  clock = new HurriedClock();
  faults.length = 0;
});

async function listen(
  handle: (request: HttpRequest) => Promise<HttpAnswer>,
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

/** Sends bytes as they are and gives everything received until the server closes. */
function raw(listener: HttpListener, ...parts: string[]): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const socket = net.connect(listener.address.port, "127.0.0.1");
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => (text += chunk));
    socket.on("error", () => undefined);
    socket.on("close", () => {
      resolve(text);
    });
    for (const part of parts) socket.write(part);
  });
}

const CLOSE = "Connection: close\r\n\r\n";

const echo = async (request: HttpRequest): Promise<HttpAnswer> => {
  const { id, method, scheme, host, path, query, headers } = request;
  const body = (await request.readBody(1_000)).toString();
  return {
    status: 200,
    headers: { "Content-Type": "application/json", "x-id": id },
    body: JSON.stringify({ method, scheme, host, path, query, extra: headers["x-extra"], body }),
  };
};

async function echoed(listener: HttpListener, ...parts: string[]): Promise<unknown> {
  const text = await raw(listener, ...parts);
  return JSON.parse(text.slice(text.indexOf("\r\n\r\n") + 4));
}

/** In parts, one of them long. */
const inParts = (): Promise<HttpAnswer> =>
  Promise.resolve({
    ...{ status: 200, headers: { "x-id": "1" } },
    parts: [Buffer.from("first "), Buffer.alloc(200_000, "x"), Buffer.from(" last")],
  });

describe("an answer in parts", () => {
  test("is sent whole, with its length", async () => {
    const text = await raw(await listen(inParts), `GET / HTTP/1.1\r\nHost: h\r\n${CLOSE}`);
    expect(text).toContain("Content-Length: 200011\r\n");
    expect(text.slice(text.indexOf("\r\n\r\n") + 4)).toBe(`first ${"x".repeat(200_000)} last`);
  });

  test("is sent whole to one who still sends, and to a HEAD only its length", async () => {
    const listener = await listen(inParts);
    const head = `POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 900000\r\n\r\n`;
    const sent = await raw(listener, head, "y".repeat(900_000));
    expect(sent.slice(sent.indexOf("\r\n\r\n") + 4)).toBe(`first ${"x".repeat(200_000)} last`);
    const asked = await raw(listener, `HEAD / HTTP/1.1\r\nHost: h\r\n${CLOSE}`);
    expect(asked).toContain("Content-Length: 200011\r\n");
    expect(asked).not.toContain("first");
  });
});

describe("a request", () => {
  test("in origin form takes its host from the header", async () => {
    const listener = await listen(echo);
    const text = `GET /a%20b?x=1&y HTTP/1.1\r\nHost: h.test:80\r\nX-Extra: 1\r\nX-Extra: 2\r\n${CLOSE}`;
    expect(await echoed(listener, text)).toEqual({
      ...{ method: "GET", scheme: "http", host: "h.test:80", path: "/a%20b", query: "x=1&y" },
      ...{ extra: "1, 2", body: "" },
    });
  });

  test("in absolute form takes scheme and host from its target", async () => {
    const listener = await listen(echo);
    const text = `POST https://b-1.vectors.test?putVectors HTTP/1.1\r\nHost: other\r\nContent-Length: 2\r\n${CLOSE}`;
    expect(await echoed(listener, text, "{}")).toMatchObject({
      ...{ scheme: "https", host: "b-1.vectors.test", path: "/", query: "putVectors", body: "{}" },
    });
  });

  test("may have an empty body in every way there is", async () => {
    const listener = await listen(echo);
    for (const head of ["", "Content-Length: 0\r\n", "Transfer-Encoding: chunked\r\n"]) {
      const end = head.startsWith("T") ? "0\r\n\r\n" : "";
      const text = `POST / HTTP/1.1\r\nHost: h\r\n${head}${CLOSE}`;
      expect(await echoed(listener, text, end)).toMatchObject({ body: "" });
    }
  });

  test("may bring its body in pieces, with and without a length", async () => {
    const listener = await listen(echo);
    const head = "POST / HTTP/1.1\r\nHost: h\r\n";
    const chunked = `${head}Transfer-Encoding: chunked\r\n${CLOSE}`;
    expect(await echoed(listener, chunked, "3\r\nabc\r\n", "2\r\nde\r\n0\r\n\r\n")).toMatchObject({
      body: "abcde",
    });
    const answer = new Promise<string>((resolve) => {
      let text = "";
      const socket = net.connect(listener.address.port, "127.0.0.1");
      socket.on("data", (chunk) => (text += chunk.toString()));
      socket.on("close", () => {
        resolve(text);
      });
      socket.write(`${head}Content-Length: 6\r\n${CLOSE}ab`);
      setTimeout(() => socket.write("cd"), 20);
      setTimeout(() => socket.write("ef"), 40);
    });
    expect(await answer).toContain('"body":"abcdef"');
  });

  test("gets an id of 24 upper-case hexadecimal digits, each another", async () => {
    const listener = await listen(echo);
    const ids = new Set<string>();
    for (let i = 0; i < 20; i++)
      ids.add((await fetch(listener.address.url)).headers.get("x-id") ?? "");
    expect(ids.size).toBe(20);
    for (const id of ids) expect(id).toMatch(/^[0-9A-F]{24}$/);
  });

  test("with Expect is told to go on only when its body is wanted", async () => {
    const listener = await listen(async (request) =>
      request.path === "/no" ? { status: 403, headers: {} } : echo(request),
    );
    const head = (path: string): string =>
      `POST ${path} HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n${CLOSE}`;
    expect(await raw(listener, head("/yes"), "{}")).toMatch(
      /^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200/,
    );
    const refused = raw(listener, head("/no"));
    await new Promise((resolve) => setTimeout(resolve, 50));
    clock.hurry(5_000);
    expect(await refused).toMatch(/^HTTP\/1.1 403/);
  });

  test("with HEAD gets the length and no body", async () => {
    const listener = await listen(() =>
      Promise.resolve({ status: 200, headers: {}, body: "four" }),
    );
    const text = await raw(listener, `HEAD / HTTP/1.1\r\nHost: h\r\n${CLOSE}`);
    expect(text).toContain("Content-Length: 4\r\n");
    expect(text.endsWith("\r\n\r\n")).toBe(true);
  });

  test("answered with 204 has neither body nor length, and every answer has a date", async () => {
    const listener = await listen(() => Promise.resolve({ status: 204, headers: {} }));
    const text = await raw(listener, `DELETE / HTTP/1.1\r\nHost: h\r\n${CLOSE}`);
    expect(text).toMatch(/^HTTP\/1.1 204 No Content\r\n/);
    expect(text).not.toMatch(/content-length/i);
    expect(text).toMatch(/\r\nDate: /);
  });

  test("follows another on one connection without waiting, and answers keep their order", async () => {
    const listener = await listen(async (request) => {
      if (request.path === "/slow") await new Promise((resolve) => setTimeout(resolve, 50));
      return { status: 200, headers: {}, body: request.path };
    });
    const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`;
    const last = `GET /last HTTP/1.1\r\nHost: h\r\n${CLOSE}`;
    const text = await raw(listener, get("/slow") + get("/quick") + last);
    expect(text.match(/\/slow|\/quick|\/last/g)).toEqual(["/slow", "/quick", "/last"]);
  });
});

describe("bad clients", () => {
  const codeOf = async (request: HttpRequest): Promise<HttpAnswer> => {
    try {
      await request.readBody(10);
      return { status: 200, headers: {}, body: "read" };
    } catch (error) {
      return { status: 413, headers: {}, body: isInsulaError(error) ? error.code : "bare" };
    }
  };

  test("a body announced as too large is refused unread and the connection closed", async () => {
    const listener = await listen(codeOf);
    const refused = raw(
      listener,
      `POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\n`,
      "12345",
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    clock.hurry(3_000);
    const text = await refused;
    expect(text).toContain("body_too_large");
    expect(text).toContain("Connection: close");
  });

  test("a chunked body that grows too large is refused, and sending on does not lose the answer", async () => {
    const listener = await listen(codeOf);
    const chunk = `400\r\n${"x".repeat(1_024)}\r\n`;
    const head = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    const text = await raw(listener, head, chunk.repeat(200), "0\r\n\r\n");
    expect(text).toContain("body_too_large");
  });

  test("a body that trickles ends with deadline_exceeded", async () => {
    const listener = await listen(codeOf);
    const answer = raw(listener, `POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n`, "1");
    await new Promise((resolve) => setTimeout(resolve, 50));
    clock.hurry(14_000);
    await new Promise((resolve) => setTimeout(resolve, 50));
    clock.hurry(3_000);
    expect(await answer).toContain("deadline_exceeded");
  });

  test("a body cut short ends with body_malformed", async () => {
    let seen: unknown;
    let finish: (() => void) | undefined;
    const finished = new Promise<void>((resolve) => (finish = resolve));
    const listener = await listen(async (request) => {
      const { signal } = request;
      seen = await request.readBody(10).catch((error: unknown) => error);
      expect(signal.aborted || request.signal.aborted).toBe(true);
      finish?.();
      return { status: 200, headers: {} };
    });
    const socket = net.connect(listener.address.port, "127.0.0.1");
    socket.write("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n123");
    setTimeout(() => socket.destroy(), 50);
    await finished;
    expect(seen).toMatchObject({ code: "body_malformed" });
  });

  test(
    "slow headers are answered with 408 or cut, whoever else is served",
    { timeout: 15_000 },
    async () => {
      const listener = await listen(echo, {
        limits: { headersTimeoutMs: 100, requestTimeoutMs: 200 },
      });
      const slow = raw(listener, "GET / HTTP/1.1\r\nHost: h\r\nX-Slow: ");
      expect((await fetch(listener.address.url)).status).toBe(200);
      expect(await slow).toMatch(/^$|^HTTP\/1.1 408/);
    },
  );

  test("bytes that are no HTTP are answered with 400 and the connection ends", async () => {
    const listener = await listen(echo);
    expect(await raw(listener, "\x16\x03\x01\x02\x00garbage\r\n\r\n")).toMatch(/^HTTP\/1.1 400/);
    expect(await raw(listener, "GET / HTTP/1.1\r\n\r\n")).toMatch(/^HTTP\/1.1 400/);
    const twoHosts = "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n";
    expect(await raw(listener, twoHosts)).toMatch(/^HTTP\/1.1 400/);
    const twoLengths =
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab";
    expect(await raw(listener, twoLengths)).toMatch(/^HTTP\/1.1 400/);
    expect((await fetch(listener.address.url)).status).toBe(200);
  });

  test("headers beyond the limit are answered with 431", async () => {
    const listener = await listen(echo);
    const text = await raw(
      listener,
      `GET / HTTP/1.1\r\nHost: h\r\nX-Long: ${"x".repeat(20_000)}\r\n\r\n`,
    );
    expect(text).toMatch(/^HTTP\/1.1 431/);
  });

  test("one connection too many is closed without harm to the others", async () => {
    const listener = await listen(echo, { limits: { connectionsMax: 1 } });
    const first = net.connect(listener.address.port, "127.0.0.1");
    await new Promise((resolve) => first.once("connect", resolve));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await raw(listener, `GET / HTTP/1.1\r\nHost: h\r\n${CLOSE}`)).toBe("");
    const answered = new Promise<string>((resolve) =>
      first.once("data", (c) => {
        resolve(c.toString());
      }),
    );
    first.write(`GET / HTTP/1.1\r\nHost: h\r\n${CLOSE}`);
    expect(await answered).toMatch(/^HTTP\/1.1 200/);
  });
});

test("a client that pipelines without end is read only as fast as it is answered", async () => {
  let started = 0;
  let release: (() => void) | undefined;
  const gate = new Promise<void>((resolve) => (release = resolve));
  const listener = await listen(async () => {
    started++;
    await gate;
    return { status: 200, headers: {}, body: "x" };
  });
  const one = `GET / HTTP/1.1\r\nHost: h\r\nX-Pad: ${"x".repeat(1_000)}\r\n\r\n`;
  const answers = raw(
    listener,
    one.repeat(1_999),
    one.replace("Host", "Connection: close\r\nHost"),
  );
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(started).toBeLessThan(500);
  release?.();
  expect((await answers).match(/HTTP\/1.1 200/g)).toHaveLength(2_000);
});

test("a client that does not take its answer is cut off", async () => {
  const size = 33_554_432;
  const body = Buffer.alloc(size);
  const listener = await listen(() => Promise.resolve({ status: 200, headers: {}, body }));
  const socket = net.connect(listener.address.port, "127.0.0.1");
  socket.on("error", () => undefined);
  socket.pause();
  socket.write("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  await new Promise((resolve) => setTimeout(resolve, 100));
  clock.hurry(10_000 + size / 131 + 1);
  let received = 0;
  const ended = new Promise((resolve) => socket.once("close", resolve));
  socket.on("data", (chunk) => (received += chunk.length));
  socket.resume();
  await ended;
  expect(received).toBeLessThan(size);
});

test("no bytes end the process: whatever is sent, the next client is served", async () => {
  const listener = await listen(echo);
  const valid =
    "POST http://h/a?b HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nExpect: x\r\n\r\nabc";
  const broken = fc.tuple(fc.nat(valid.length), fc.nat(9), fc.string({ unit: "binary" }));
  await fc.assert(
    fc.asyncProperty(broken, async ([at, count, junk]) => {
      await rawAndEnd(listener, valid.slice(0, at) + junk + valid.slice(at + count));
    }),
    { numRuns: 300 },
  );
  expect((await fetch(listener.address.url)).status).toBe(200);
  expect(faults).toEqual([]);
});

/** Sends, says that nothing follows, and waits for the end. */
function rawAndEnd(listener: HttpListener, text: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = net.connect(listener.address.port, "127.0.0.1");
    socket.on("error", () => undefined);
    socket.on("close", () => {
      resolve();
    });
    socket.resume();
    socket.end(text, "latin1");
  });
}

describe("a handler that fails", () => {
  test.each([
    [
      "rejects",
      (): Promise<HttpAnswer> => Promise.reject(new InsulaError("invariant_broken", "bug")),
    ],
    [
      "throws",
      (): Promise<HttpAnswer> => {
        throw new InsulaError("invariant_broken", "bug");
      },
    ],
    [
      "answers with a header no server may send",
      (): Promise<HttpAnswer> =>
        Promise.resolve({ status: 200, headers: { "x-bad": "a\r\nb" }, body: "x" }),
    ],
  ])(
    "%s: the client gets 500 with an id and nothing inside, the next one is served",
    async (_, fail) => {
      const listener = await listen(async (request) =>
        request.path === "/bad" ? fail() : echo(request),
      );
      const answer = await fetch(`${listener.address.url}/bad`);
      expect(answer.status).toBe(500);
      const body = await answer.text();
      expect(body).toContain(answer.headers.get("x-request-id") ?? "none");
      expect(body).not.toContain("bug");
      expect(faults).toHaveLength(1);
      expect((await fetch(listener.address.url)).status).toBe(200);
    },
  );
});

describe("the listener", () => {
  test("says in one sentence that a port is taken and how to choose another", async () => {
    const listener = await listen(echo);
    const { port } = listener.address;
    const second = listen(echo, { port });
    await expect(second).rejects.toMatchObject({ code: "port_taken" });
    await expect(second).rejects.toThrow(
      new RegExp(`${String(port)}.*--http-port.*INSULA_HTTP_PORT`),
    );
  });

  test("refuses an address that is not of this machine", async () => {
    await expect(listen(echo, { host: "203.0.113.1" })).rejects.toMatchObject({
      code: "setting_invalid",
    });
  });

  test("lets a running request finish when it stops, and takes no new one", async () => {
    let release: (() => void) | undefined;
    const gate = new Promise<void>((resolve) => (release = resolve));
    const listener = await listen(async () => {
      await gate;
      return { status: 200, headers: {}, body: "done" };
    });
    const { url } = listener.address;
    const running = fetch(url);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const closed = listener.close();
    await expect(fetch(url)).rejects.toThrow();
    release?.();
    const answer = await running;
    expect(answer.headers.get("connection")).toBe("close");
    expect(await answer.text()).toBe("done");
    await closed;
  });

  test("cuts what has not finished when the stop deadline passes", async () => {
    const listener = await listen(
      (request) =>
        new Promise((_, reject) => {
          request.signal.addEventListener("abort", () => {
            reject(new Error("aborted"));
          });
        }),
    );
    const running = fetch(listener.address.url);
    running.catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const closed = listener.close();
    clock.hurry(10_000);
    await closed;
    await expect(running).rejects.toThrow();
  });

  test.each([
    ["250", 250],
    ["99999999", 60_000],
  ])("a client that waits %s ms is not waited for longer, nor the server", async (header, ms) => {
    let begun: () => void = () => undefined;
    const isBegun = new Promise<void>((resolve) => {
      begun = resolve;
    });
    let isOver = false;
    const listener = await listen(
      (request) =>
        new Promise((resolve) => {
          request.signal.addEventListener("abort", () => {
            isOver = true;
            resolve({ status: 504, headers: {}, body: "over" });
          });
          begun();
        }),
    );
    const headers = { "x-request-timeout-ms": header };
    const answer = fetch(listener.address.url, { headers });
    await isBegun;
    clock.hurry(ms - 1);
    expect(isOver).toBe(false);
    clock.hurry(1);
    expect(await (await answer).text()).toBe("over");
  });

  test.each(["0", "-1", "1.5", "1e3", "soon", ""])(
    "a time to wait of %j is refused where it is asked for",
    async (header) => {
      const listener = await listen((request) => {
        try {
          return Promise.resolve({
            status: 200,
            headers: {},
            body: String(request.signal.aborted),
          });
        } catch (error) {
          return Promise.resolve({ status: 400, headers: {}, body: (error as Error).message });
        }
      });
      const headers = { "x-request-timeout-ms": header };
      const answer = await fetch(listener.address.url, { headers });
      expect([answer.status, await answer.text()]).toEqual([
        400,
        "Cannot take the header x-request-timeout-ms: expected whole milliseconds, 1 to 999999999.",
      ]);
    },
  );

  test("aborts the signal when the deadline of a request passes", async () => {
    const listener = await listen(
      (request) =>
        new Promise((resolve) => {
          request.signal.addEventListener("abort", () => {
            const reason: unknown = request.signal.reason;
            resolve({ status: 504, headers: {}, body: isInsulaError(reason) ? reason.code : "" });
          });
        }),
    );
    const answer = fetch(listener.address.url);
    await new Promise((resolve) => setTimeout(resolve, 50));
    clock.hurry(61_000);
    expect(await (await answer).text()).toBe("deadline_exceeded");
  });
});
