import { expect, it } from "vitest";
import { PassingBuffers } from "./passing-buffers.ts";

const SIZES = { smallest: 64, largest: 256, keptBytes: 512 };

/** The memory behind what a reader of `length` bytes is given, and its length. */
function lent(
  buffers: PassingBuffers,
  length: number,
): Promise<{ buffer: unknown; bytes: number }> {
  return buffers.during(length, (bytes) => {
    expect(bytes.length).toBe(length);
    return Promise.resolve({ buffer: bytes.buffer, bytes: bytes.buffer.byteLength });
  });
}

it("gives the next reader what the last one gave back, at most twice as long as he needs", async () => {
  const buffers = new PassingBuffers(SIZES);
  const first = await lent(buffers, 65);
  expect(first.bytes).toBe(128);
  expect((await lent(buffers, 128)).buffer).toBe(first.buffer);
  expect((await lent(buffers, 64)).bytes).toBe(64);
});

it("gives two readers at a time no common memory, also when one fails", async () => {
  const buffers = new PassingBuffers(SIZES);
  const seen = new Set<unknown>();
  let fail: (error: Error) => void = () => undefined;
  const slow = buffers.during(100, (bytes) => {
    seen.add(bytes.buffer);
    return new Promise((_, reject) => {
      fail = reject;
    });
  });
  seen.add((await lent(buffers, 100)).buffer);
  expect(seen.size).toBe(2);
  fail(new Error("cut off"));
  await expect(slow).rejects.toThrow("cut off");
  seen.add((await lent(buffers, 100)).buffer);
  expect(seen.size).toBe(2);
});

it("makes the very small and the very large anew, and keeps no more than it may", async () => {
  const buffers = new PassingBuffers(SIZES);
  for (const length of [31, 257]) {
    const { buffer, bytes } = await lent(buffers, length);
    expect(bytes).toBe(length);
    expect((await lent(buffers, length)).buffer).not.toBe(buffer);
  }
  const held: unknown[] = [];
  const all = Array.from({ length: 5 }, () =>
    buffers.during(256, async (bytes) => {
      held.push(bytes.buffer);
      await Promise.resolve();
    }),
  );
  await Promise.all(all);
  const again = new Set<unknown>();
  await Promise.all(
    Array.from({ length: 5 }, () =>
      buffers.during(256, async (bytes) => {
        again.add(bytes.buffer);
        await Promise.resolve();
      }),
    ),
  );
  expect([...again].filter((buffer) => held.includes(buffer))).toHaveLength(2);
});
