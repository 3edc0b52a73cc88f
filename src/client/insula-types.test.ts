/**
 * What a wrong program is told by the compiler. The step `types` of the check compiles this file:
 * there an `@ts-expect-error` whose line compiles is an error.
 */
import { describe, expectTypeOf, it } from "vitest";
import type { Collection, Insula, Records, StoredRecord } from "./index.ts";

interface Note {
  readonly year: number;
  readonly title?: string;
  readonly tags: readonly string[];
  readonly isDone: boolean;
  readonly due: Date;
}

/** Compiled, never called. */
async function typed(notes: Collection<Note>, insula: Insula): Promise<void> {
  const vector = [1, 0];
  await notes.query({ vector, where: { year: 2024, tags: "wood", isDone: true } });
  await notes.query({
    vector,
    where: { year: { $gte: 2024, $lt: 2026 }, title: { $exists: true } },
  });
  await notes.query({ vector, where: { $or: [{ year: 1 }, { $not: { tags: { $in: ["a"] } } }] } });
  await notes.count({ due: { $gt: new Date(0) } });

  // @ts-expect-error a year is a number
  await notes.query({ vector, where: { year: "2024" } });
  // @ts-expect-error there is no such property
  await notes.query({ vector, where: { yaer: 2024 } });
  // @ts-expect-error there is no such operator
  await notes.query({ vector, where: { year: { $near: 2024 } } });
  // @ts-expect-error an operand has the property's type
  await notes.count({ year: { $in: ["2024"] } });
  // @ts-expect-error booleans have no order
  await notes.count({ isDone: { $gt: false } });
  // @ts-expect-error a list is compared with its elements
  await notes.deleteWhere({ tags: ["wood"] });
  // @ts-expect-error also within a junction
  await notes.list({ where: { $or: [{ year: "2024" }] } });
  // @ts-expect-error also in a scan
  notes.scan({ where: { due: "2024-01-01" } });
  // @ts-expect-error also for one tenant
  await notes.tenant("acme").query({ vector, where: { year: "2024" } });
  // @ts-expect-error also over many
  await notes.queryTenants(["acme"], { vector, where: { year: "2024" } });
  // @ts-expect-error also over many places
  await insula.queryMany<Note>([notes], { vector, where: { year: "2024" } });
  // @ts-expect-error metadata have the type promised
  await notes.upsert([{ key: "a", vector, metadata: { year: "2024" } }]);
  // @ts-expect-error a collection has an unnamed vector or named ones
  await insula.createCollection("shop", "notes", { dimensions: 2 });
}

describe("a collection with typed metadata", () => {
  it("gives records, hits and scans of that type", () => {
    expectTypeOf(typed).returns.resolves.toBeVoid();
    expectTypeOf<Records<Note>["get"]>().returns.resolves.toEqualTypeOf<
      readonly (StoredRecord<Note> | undefined)[]
    >();
    type Hits = Awaited<ReturnType<Collection<Note>["query"]>>["hits"];
    expectTypeOf<Hits[number]["metadata"]>().toEqualTypeOf<Note | undefined>();
    type Many = Awaited<ReturnType<Collection<Note>["queryTenants"]>>["hits"];
    expectTypeOf<Many[number]["metadata"]>().toEqualTypeOf<Note | undefined>();
    expectTypeOf<ReturnType<Records<Note>["scan"]>>().toEqualTypeOf<
      AsyncIterableIterator<StoredRecord<Note>>
    >();
    expectTypeOf<Insula>().toExtend<AsyncDisposable>();
  });
});
