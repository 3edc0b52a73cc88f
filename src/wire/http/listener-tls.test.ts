import * as https from "node:https";
import * as net from "node:net";
import * as tls from "node:tls";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { HttpListener, type HttpListenerOptions } from "./listener.ts";
import { makeThrowAwayCa, type ThrowAwayCa } from "./throw-away-ca.contract.ts";

let ca: ThrowAwayCa;
const open: HttpListener[] = [];

beforeAll(() => {
  ca = makeThrowAwayCa();
});
afterAll(() => {
  ca.remove();
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((listener) => listener.close()));
});

async function listen(more: Partial<HttpListenerOptions> = {}): Promise<HttpListener> {
  const listener = await HttpListener.open({
    host: "127.0.0.1",
    port: 0,
    setting: { flag: "--http-port", variable: "INSULA_HTTP_PORT" },
    tls: ca,
    clock: { monotonicMs: () => 0, after: () => ({ cancel: () => undefined }) },
    random: { bytes: (count) => new Uint8Array(count) },
    handle: (request) =>
      Promise.resolve({ status: 200, headers: {}, body: `${request.scheme} ${request.host}` }),
    onFault: (error) => {
      throw error;
    },
    ...more,
  });
  open.push(listener);
  return listener;
}

function get(listener: HttpListener, trusted: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const url = `https://localhost:${String(listener.address.port)}/`;
    https
      .get(url, { ca: trusted, agent: false, family: 4 }, (message) => {
        let text = "";
        message.on("data", (chunk: Buffer) => (text += chunk.toString()));
        message.on("end", () => {
          resolve(text);
        });
      })
      .on("error", reject);
  });
}

function closed(socket: net.Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.on("error", () => undefined);
    socket.on("data", () => undefined);
    socket.on("close", () => {
      resolve();
    });
  });
}

test("a client that trusts the authority is answered over TLS", async () => {
  const listener = await listen();
  expect(listener.address.url).toMatch(/^https:/);
  expect(await get(listener, ca.ca)).toBe(`https localhost:${String(listener.address.port)}`);
});

test("a certificate that is none is refused at the start", async () => {
  await expect(listen({ tls: { cert: "no", key: "no" } })).rejects.toMatchObject({
    code: "setting_invalid",
  });
});

test("a connection after a change gets the new certificate, one before goes on with the old", async () => {
  const listener = await listen();
  const { port } = listener.address;
  const early = tls.connect({ port, ca: ca.ca, servername: "localhost" });
  await new Promise((resolve) => early.once("secureConnect", resolve));
  const next = makeThrowAwayCa();
  try {
    listener.setCertificate(next);
    await expect(get(listener, ca.ca)).rejects.toThrow();
    expect(await get(listener, next.ca)).toContain("https localhost");
    const answer = new Promise<string>((resolve) => {
      early.once("data", (chunk: Buffer) => {
        resolve(chunk.toString());
      });
    });
    early.write("GET / HTTP/1.1\r\nHost: early\r\n\r\n");
    expect(await answer).toMatch(/^HTTP\/1.1 200/);
  } finally {
    early.destroy();
    next.remove();
  }
});

test("a pair that cannot be used changes nothing", async () => {
  const listener = await listen();
  expect(() => {
    listener.setCertificate({ cert: "no", key: "no" });
  }).toThrow();
  expect(await get(listener, ca.ca)).toContain("https localhost");
});

test("TLS 1.1 is refused, TLS 1.2 is spoken", async () => {
  const { port } = (await listen()).address;
  const base = { port, ca: ca.ca, servername: "localhost", ciphers: "DEFAULT@SECLEVEL=0" };
  const old = tls.connect({ ...base, minVersion: "TLSv1", maxVersion: "TLSv1.1" });
  const refused = await new Promise<Error>((resolve) => old.once("error", resolve));
  expect(refused.message).toMatch(/alert|version|protocol/i);
  const next = tls.connect({ ...base, maxVersion: "TLSv1.2" });
  await new Promise((resolve) => next.once("secureConnect", resolve));
  expect(next.getProtocol()).toBe("TLSv1.2");
  next.destroy();
});

test("a client that does not finish its handshake is cut off", async () => {
  const listener = await listen({ limits: { handshakeTimeoutMs: 100 } });
  const socket = net.connect(listener.address.port, "127.0.0.1");
  await closed(socket);
  expect(await get(listener, ca.ca)).toContain("https localhost");
});

test("bytes that are no TLS end their connection and nobody else's", async () => {
  const listener = await listen();
  const socket = net.connect(listener.address.port, "127.0.0.1");
  socket.write("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  await closed(socket);
  expect(await get(listener, ca.ca)).toContain("https localhost");
});
