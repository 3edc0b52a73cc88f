/** Bodies of unknown length: at the client's pace, given up with it, cut where they fail. */
import * as http from "node:http";
import * as http2 from "node:http2";
import { afterEach, describe, expect, test } from "vitest";
import { InsulaError } from "../../base/errors.ts";
import { HurriedClock } from "./hurried-clock.contract.ts";
import { HttpListener } from "./listener.ts";
import type { HttpAnswer } from "./message.ts";

const closings: (() => Promise<void> | void)[] = [];
const faults: unknown[] = [];
let clock = new HurriedClock();

afterEach(async () => {
  const closing = closings.splice(0).map(async (close) => close());
  clock.hurry(60_000);
  await Promise.all(closing);
  clock = new HurriedClock();
  faults.length = 0;
});

/** What came of a body, and whether the client knows that it is whole. */
interface Came {
  readonly status: number | undefined;
  readonly length: string | undefined;
  readonly text: string;
  readonly isWhole: boolean;
}

interface Asked {
  readonly came: Promise<Came>;
  /** Reads nothing more of it. */
  pause(): void;
  resume(): void;
  leave(): void;
}

async function serve(stream: () => AsyncIterable<Uint8Array>): Promise<string> {
  const listener = await HttpListener.open({
    ...{ host: "127.0.0.1", port: 0, clock },
    setting: { flag: "--http-port", variable: "INSULA_HTTP_PORT" },
    random: { bytes: (count) => new Uint8Array(count) },
    handle: () => Promise.resolve<HttpAnswer>({ status: 200, headers: {}, stream: stream() }),
    onFault: (error) => faults.push(error),
  });
  closings.push(() => listener.close());
  return listener.address.url;
}

function askPlainly(url: string, method = "GET"): Asked {
  const request = http.request(url, { method, agent: false });
  const response = new Promise<http.IncomingMessage>((resolve) => {
    request.on("response", resolve);
  });
  request.on("error", () => undefined);
  request.end();
  const came = response.then(async (message): Promise<Came> => {
    const { statusCode: status, headers } = message;
    const read = await readAll(message);
    return { status, length: headers["content-length"], ...read };
  });
  return {
    came,
    pause: () => void response.then((message) => message.pause()),
    resume: () => void response.then((message) => message.resume()),
    leave: () => request.destroy(),
  };
}

function askHttp2(url: string, method = "GET"): Asked {
  const client = http2.connect(url);
  client.on("error", () => undefined);
  closings.push(() => {
    client.destroy();
  });
  const stream = client.request({ ":method": method });
  const head = new Promise<http2.IncomingHttpHeaders & http2.IncomingHttpStatusHeader>(
    (resolve) => {
      stream.on("response", resolve);
    },
  );
  stream.on("error", () => undefined);
  const read = readAll(stream);
  const came = head.then(async (headers): Promise<Came> => {
    const { text } = await read;
    const isWhole = stream.rstCode === http2.constants.NGHTTP2_NO_ERROR;
    return { status: headers[":status"], length: headers["content-length"], text, isWhole };
  });
  return {
    came,
    pause: () => stream.pause(),
    resume: () => stream.resume(),
    leave: () => {
      stream.close(http2.constants.NGHTTP2_CANCEL);
    },
  };
}

function readAll(stream: NodeJS.ReadableStream): Promise<Pick<Came, "text" | "isWhole">> {
  return new Promise((resolve) => {
    let text = "";
    let isWhole = false;
    stream.setEncoding("latin1");
    stream.on("data", (chunk: string) => (text += chunk));
    stream.on("end", () => (isWhole = true));
    stream.on("error", () => undefined);
    stream.on("close", () => {
      resolve({ text, isWhole });
    });
  });
}

async function* spell(...words: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const word of words) {
    await Promise.resolve();
    yield Buffer.from(word);
  }
}

/** Never ends by itself; counts what it was asked for, and knows when it was given up. */
function endless(): {
  readonly pieces: () => AsyncGenerator<Uint8Array>;
  readonly counts: { asked: number };
  readonly givenUp: Promise<void>;
} {
  const counts = { asked: 0 };
  let tell: () => void = () => undefined;
  const givenUp = new Promise<void>((resolve) => {
    tell = resolve;
  });
  const piece = Buffer.alloc(65_536, "x");
  async function* pieces(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        await new Promise((resolve) => setImmediate(resolve));
        counts.asked++;
        yield piece;
      }
    } finally {
      tell();
    }
  }
  return { pieces, counts, givenUp };
}

/** Until it has not changed for a hundred turns of the event loop. */
async function settled(read: () => number): Promise<number> {
  for (let last = read(), turns = 0; ; turns++) {
    await new Promise((resolve) => setImmediate(resolve));
    if (read() !== last) [last, turns] = [read(), 0];
    else if (last > 0 && turns > 100) return last;
  }
}

describe.each([
  ["HTTP/1.1", askPlainly],
  ["HTTP/2", askHttp2],
])("a poured body over %s", (_, ask) => {
  test("comes whole, without a length", async () => {
    const url = await serve(() => spell("one ", "two ", "three"));
    expect(await ask(url).came).toEqual({
      ...{ status: 200, length: undefined, text: "one two three", isWhole: true },
    });
    expect(await ask(await serve(() => spell())).came).toMatchObject({ text: "", isWhole: true });
    expect(faults).toEqual([]);
  });

  test("is not begun for HEAD", async () => {
    const { pieces, counts } = endless();
    expect(await ask(await serve(pieces), "HEAD").came).toMatchObject({ status: 200, text: "" });
    expect(counts.asked).toBe(0);
  });

  test.each([
    [new InsulaError("tenant_not_found", "It went."), 0],
    [new TypeError("a bug"), 1],
  ])("one that fails brings what it had and is not whole: %s", async (error, faultCount) => {
    const url = await serve(async function* () {
      yield* spell("one ", "why");
      throw error;
    });
    expect(await ask(url).came).toMatchObject({ text: "one why", isWhole: false });
    expect(faults).toEqual(faultCount === 0 ? [] : [error]);
  });

  test("waits for a client that does not read, and is cut when it never does", async () => {
    const { pieces, counts, givenUp } = endless();
    const asked = ask(await serve(pieces));
    asked.pause();
    const before = await settled(() => counts.asked);
    asked.resume();
    // Whoever reads again gets more.
    while (counts.asked <= before + 10) await new Promise((resolve) => setImmediate(resolve));
    asked.pause();
    await settled(() => counts.asked);
    clock.hurry(60_000);
    await givenUp;
    asked.resume();
    expect((await asked.came).isWhole).toBe(false);
  });

  test("ends with a client that goes away", async () => {
    const { pieces, counts, givenUp } = endless();
    const asked = ask(await serve(pieces));
    while (counts.asked < 3) await new Promise((resolve) => setImmediate(resolve));
    asked.leave();
    await givenUp;
    expect(faults).toEqual([]);
  });
});
