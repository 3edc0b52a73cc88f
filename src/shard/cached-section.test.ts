import { expect, it } from "vitest";
import { SeededRandom } from "../io/index.ts";
import { BlockCache, SegmentBuilder, SegmentReader } from "../storage/index.ts";
import { CachedSection } from "./cached-section.ts";

const IDENTITY = { segment: new Uint8Array(16).fill(7), shard: new Uint8Array(16).fill(9) };
const CHUNK_BYTES = 64;

async function openSection(length: number) {
  const plain = Uint8Array.from({ length }, (_, i) => (i * 31) & 0xff);
  const written: Uint8Array[] = [];
  const builder = new SegmentBuilder(
    { write: (bytes) => Promise.resolve(void written.push(Uint8Array.from(bytes))) },
    IDENTITY,
  );
  builder.beginSection(1, "s", { chunkBytes: CHUNK_BYTES, alignBytes: 1 });
  await builder.append(plain);
  await builder.endSection();
  builder.setStats(new Uint8Array(0));
  await builder.finish();
  const file = Buffer.concat(written);
  const counted = { reads: 0 };
  const source = {
    length: file.length,
    read: (position: number, target: Uint8Array) => {
      counted.reads++;
      target.set(file.subarray(position, position + target.length));
      return Promise.resolve(target.length);
    },
  };
  const section = (await SegmentReader.open(source, IDENTITY)).section(1, "s");
  if (section === undefined) throw new TypeError("the section was written");
  return { plain, section, counted };
}

it.each([100_000, 600])(
  "any range is what the section holds, with %i bytes of cache",
  async (max) => {
    const { plain, section } = await openSection(1_000);
    const cached = new CachedSection(section, new BlockCache(max).shelf("x"));
    const random = new SeededRandom(3);
    for (let i = 0; i < 500; i++) {
      const start = random.below(plain.length);
      const length = random.below(plain.length - start + 1);
      const found = Uint8Array.from(await cached.read(start, length));
      expect(found).toEqual(plain.slice(start, start + length));
    }
  },
);

it("what was read is not read again, and what is missing comes by one read", async () => {
  const { section, counted } = await openSection(1_000);
  const cached = new CachedSection(section, new BlockCache(100_000).shelf("x"));
  await cached.read(0, CHUNK_BYTES * 4);
  const before = counted.reads;
  await cached.read(70, 100);
  await cached.read(0, 10);
  expect(counted.reads).toBe(before);
  await cached.read(100, CHUNK_BYTES * 8);
  expect(counted.reads).toBe(before + 1);
});
