import { expect, it } from "vitest";
import type { RecordCalls } from "./calls.ts";
import { RecordsHandle } from "./records-handle.ts";

it("a write tells what its body says, which knows whether a signal came in time; a read ends", async () => {
  const stop = new AbortController();
  const written = { rowsAdded: 1, rowsReplaced: 0 };
  let finish = (): void => undefined;
  const done = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const calls = {
    write: () => done.then(() => written),
    delete: () => done.then(() => written),
    count: () => done.then(() => 1),
  };
  const records = new RecordsHandle(calls as unknown as RecordCalls, {
    database: "shop",
    collection: "notes",
  });
  const { signal } = stop;
  const writes = [
    records.upsert([{ key: "a", vector: [1, 0] }], { signal }),
    records.insert([{ key: "a", vector: [1, 0] }], { signal }),
    records.delete(["a"], { signal }),
    records.deleteAll({ signal }),
  ];
  const read = records.count(undefined, { signal });
  stop.abort("no longer wanted");
  await expect(read).rejects.toBe("no longer wanted");
  finish();
  expect(await Promise.all(writes)).toEqual(writes.map(() => written));
  await expect(records.deleteAll({ signal })).rejects.toBe("no longer wanted");
});
