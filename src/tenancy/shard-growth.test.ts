import { expect, it } from "vitest";
import { toShardUid } from "../base/brands.ts";
import type { ShardState } from "../shard/index.ts";
import type { LoadRequest, Reservation } from "./load-queue.ts";
import { growShard } from "./shard-growth.ts";

function grow(wanted: number, hasRoom: boolean): readonly string[] {
  const calls: string[] = [];
  const shard = {
    state: { uid: toShardUid(new Uint8Array(16)) } as ShardState,
    wantedBytes: () => wanted,
    bringRows: (fields: readonly string[]) => calls.push(`bring ${fields.join()}`),
  };
  const promised = { release: () => calls.push("release") } as unknown as Reservation;
  const tryReserve = ({ bytes, kind }: LoadRequest): Reservation | undefined => {
    calls.push(`reserve ${String(bytes)} ${kind}`);
    return hasRoom ? promised : undefined;
  };
  growShard(shard, ["v"], { tryReserve });
  return calls;
}

it("asks for room first, behind everybody who waits for some, and gives the promise back", () => {
  expect(grow(7, true)).toEqual(["reserve 7 background", "bring v", "release"]);
});

it("does without where there is none", () => {
  expect(grow(7, false)).toEqual(["reserve 7 background"]);
});

it("asks for nothing when nothing is wanted", () => {
  expect(grow(0, true)).toEqual([]);
});
