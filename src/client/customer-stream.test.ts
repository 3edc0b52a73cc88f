/** A customer read as one answer: in pieces as the network cuts them, whole or with an error. */
import { beforeEach, describe, expect, it } from "vitest";
import { HttpChannel } from "./http-channel.ts";
import { InsulaHandle } from "./insula-handle.ts";
import type { Customer } from "./insula.ts";
import { RemoteCalls } from "./remote-calls.ts";

const LINES = [
  {
    collection: "mails",
    key: "a",
    vector: [1, 0],
    metadata: { n: 1, big: { $int: "9007199254740993" } },
  },
  { collection: "mails", key: "ключ", vector: [0.1, -0.25] },
  { collection: "notes", key: "a", vectors: [{ field: "t", values: [1] }] },
  {
    collection: "notes",
    key: "b",
    sparse: [{ field: "w", indices: [4_294_967_295], values: [0.5] }],
  },
];
const TEXT = LINES.map((line) => `${JSON.stringify(line)}\n`).join("");
const ALL = ["mails a", "mails ключ", "notes a", "notes b"];

let asked: string[];
let answers: ((path: string) => Response | undefined)[];
let customer: Customer;

beforeEach(() => {
  asked = [];
  answers = [];
  const fake = (input: string): Promise<Response> => {
    const path = input.replace(/^.*insula\/v1\/databases\/shop\//u, "");
    asked.push(path);
    for (const answer of answers) {
      const found = answer(path);
      if (found !== undefined) return Promise.resolve(found);
    }
    return Promise.reject(new Error(`nobody expects ${path}`));
  };
  const address = {
    url: "http://insula.test",
    secret: "s",
    fetch: fake as unknown as typeof fetch,
  };
  const insula = new InsulaHandle(new RemoteCalls(new HttpChannel(address)));
  customer = insula.customer("shop", "ann");
});

/** Pieces of a body, in order; an error in place of one cuts it. */
function bodyOf(pieces: readonly (Uint8Array | Error)[], onCancel = (): void => undefined) {
  let at = 0;
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const piece = pieces[at++];
        if (piece === undefined) controller.close();
        else if (piece instanceof Error) controller.error(piece);
        else controller.enqueue(piece);
      },
      cancel: onCancel,
    },
    { highWaterMark: 0 },
  );
}

function exports(body: ReadableStream<Uint8Array>): void {
  answers.push((path) => (path === "customers/ann/export" ? new Response(body) : undefined));
}

function pieces(text: string, size: number): Uint8Array[] {
  const bytes = Buffer.from(text);
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
    Uint8Array.from(bytes.subarray(i * size, (i + 1) * size)),
  );
}

/** Keys as they come, and why there are no more. */
async function read(): Promise<{ readonly keys: readonly string[]; readonly error?: unknown }> {
  const keys: string[] = [];
  try {
    for await (const { collection, record } of customer.scan({ vectors: true })) {
      keys.push(`${collection} ${record.key}`);
    }
  } catch (error) {
    return { keys, error };
  }
  return { keys };
}

describe("A customer that is read as one answer", () => {
  it.each([1, 2, 3, 7, 64, 1_000])(
    "has all records, however it is cut: every %i bytes",
    async (size) => {
      exports(bodyOf(pieces(TEXT, size)));
      expect(await read()).toEqual({ keys: ALL });
      expect(asked).toEqual(["customers/ann/export"]);
    },
  );

  it("has them with their types and numbers", async () => {
    exports(bodyOf(pieces(TEXT, 50)));
    const found = [];
    for await (const { record } of customer.scan({ vectors: true })) found.push(record);
    expect(found[0]).toEqual({
      ...{ key: "a", vector: Float32Array.of(1, 0) },
      metadata: { n: 1, big: 9_007_199_254_740_993n },
    });
    expect(found[1]?.vector).toEqual(Float32Array.of(0.1, -0.25));
    expect(found[2]?.vectors?.get("t")).toEqual(Float32Array.of(1));
    const sparse = { indices: Uint32Array.of(4_294_967_295), values: Float32Array.of(0.5) };
    expect(found[3]?.sparse?.get("w")).toEqual(sparse);
  });

  it.each(
    pieces(TEXT, 1)
      .map((_, end) => end)
      .filter((end) => end % 9 === 4),
  )("is an error when it is cut after %i bytes", async (end) => {
    const bytes = Buffer.from(TEXT).subarray(0, end);
    exports(bodyOf([Uint8Array.from(bytes), new TypeError("terminated")]));
    const { keys, error } = await read();
    expect(error).toMatchObject({ code: "io_failed" });
    expect(keys).toEqual(ALL.slice(0, keys.length));
  });

  it("is an error when it ends within a line, though nobody says that it was cut", async () => {
    exports(bodyOf([Uint8Array.from(Buffer.from(TEXT.slice(0, -5)))]));
    expect(await read()).toMatchObject({ error: { code: "io_failed" } });
  });

  it("is an error when the server says so in its last line, which is no record", async () => {
    const problem = { code: "customer_suspended", detail: "Cannot use the customer." };
    const text = `${TEXT}${JSON.stringify({ problem })}\n`;
    exports(bodyOf(pieces(text, 300)));
    expect(await read()).toMatchObject({ keys: ALL, error: { code: "customer_suspended" } });
  });

  it("is read when it is asked for, and given up with the iteration", async () => {
    let isCancelled = false;
    let taken = 0;
    const each = LINES.map((line) => Uint8Array.from(Buffer.from(`${JSON.stringify(line)}\n`)));
    const counted = each.map((piece) => piece);
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          const piece = counted[taken++];
          if (piece === undefined) controller.close();
          else controller.enqueue(piece);
        },
        cancel: () => {
          isCancelled = true;
        },
      },
      { highWaterMark: 0 },
    );
    exports(body);
    for await (const { record } of customer.scan({ vectors: true })) {
      expect(taken).toBe(record.key === "a" ? 1 : 2);
      if (record.key !== "a") break;
    }
    await new Promise(setImmediate);
    expect([taken, isCancelled]).toEqual([2, true]);
  });

  it("ends with the reason of its signal", async () => {
    const stop = new AbortController();
    exports(
      new ReadableStream<Uint8Array>({
        start: (controller) => {
          controller.enqueue(Uint8Array.from(Buffer.from(TEXT)));
        },
      }),
    );
    const gone = new Error("no longer wanted");
    const all = async (): Promise<void> => {
      for await (const { record } of customer.scan({ vectors: true, signal: stop.signal })) {
        if (record.key === "b") setImmediate(() => stop.abort(gone));
      }
    };
    await expect(all()).rejects.toBe(gone);
  });

  it.each([
    ["a key that may not export", 403, "permission_denied"],
    ["a server of before", 404, "route_not_found"],
  ])("is read page by page for %s", async (_, status, code) => {
    answers.push((path) => {
      switch (path) {
        case "customers/ann/export":
          return Response.json({ code, detail: "No." }, { status });
        case "customers/ann":
          return Response.json({ tenants: [{ collection: "mails" }] });
        case "collections/mails/tenants/ann/records/list":
          return Response.json({ items: LINES.slice(0, 2), hasMore: false });
        default:
          return undefined;
      }
    });
    expect(await read()).toEqual({ keys: ALL.slice(0, 2) });
  });

  it.each([
    ["without vectors", {}],
    ["without metadata", { vectors: true, metadata: false }],
    ["from a key on", { vectors: true, after: "a" }],
    ["of a prefix", { vectors: true, prefix: "a" }],
    ["that pass a filter", { vectors: true, where: { n: 1 } }],
    ["in pages of a size", { vectors: true, pageSize: 1 }],
  ])("is asked for page by page by who wants records %s", async (_, options) => {
    answers.push((path) => (path === "customers/ann" ? Response.json({ tenants: [] }) : undefined));
    for await (const { record } of customer.scan(options)) expect(record).toBeUndefined();
    expect(asked).toEqual(["customers/ann"]);
  });

  it("refuses what the server refuses", async () => {
    answers.push(() => Response.json({ code: "tenant_not_found", detail: "No." }, { status: 404 }));
    expect(await read()).toMatchObject({ keys: [], error: { code: "tenant_not_found" } });
    expect(asked).toEqual(["customers/ann/export"]);
  });
});
