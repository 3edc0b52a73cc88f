/**
 * Every ordered pair of interfaces: what one writes, the other reads, searches and deletes. The
 * expectations are the tables of docs/one-data-set.md.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { open, type EmbeddedInsula } from "../../src/library/index.ts";
import { ServerChild } from "../support/server-child.ts";
import type { IndexPlace, PairInterface, PairRecord, PointCalls } from "./interface.ts";
import { openCommand, openLibrary, openNative } from "./ours.ts";
import { commonRecords, DIMENSION, ownRecords } from "./records.ts";
import {
  asSeenBy,
  asWrittenBy,
  canName,
  canWrite,
  distanceOf,
  metricsOf,
  SEARCHES,
} from "./expected.ts";
import { openPinecone, openPineconeGrpc } from "./pinecone.ts";
import { openOss, openS3 } from "./vendors.ts";

const NAMES = [
  "OSS Vectors",
  "S3 Vectors",
  "Pinecone",
  "Pinecone over gRPC",
  "our HTTP interface",
  "the library",
  "the command line",
] as const;
type Name = (typeof NAMES)[number];
const OWN: readonly Name[] = ["our HTTP interface", "the library", "the command line"];

const dataDir = mkdtempSync(path.join(tmpdir(), "insula-pairs-"));
let server: ServerChild | undefined;
let library: EmbeddedInsula | undefined;
const interfaces = new Map<Name, PairInterface>();

/** The folder has one owner at a time: the server's callers, or the library. */
async function take(name: Name): Promise<PairInterface> {
  if (name === "the library" ? library === undefined : server === undefined) {
    await release();
    if (name === "the library") {
      library = await open({ dataDir });
      interfaces.set(name, openLibrary(library));
    } else {
      server = await ServerChild.start({ dataDir, port: 0 });
      const { url } = server;
      const vendors = [openOss(url), openS3(url), openPinecone(url), openPineconeGrpc(url)];
      for (const opened of [...vendors, openNative(url), openCommand(url)]) {
        interfaces.set(opened.name as Name, opened);
      }
    }
  }
  const found = interfaces.get(name);
  if (found === undefined) throw new Error(`There is no interface ${name}.`);
  return found;
}

/** The command line has no calls about single records. */
async function takePoint(name: Name): Promise<PointCalls> {
  const { point } = await take(name);
  if (point === undefined) throw new Error(`${name} has no calls about single records.`);
  return point;
}

async function release(): Promise<void> {
  interfaces.clear();
  await library?.close();
  await server?.stop();
  library = undefined;
  server = undefined;
}

const databaseOf = (writer: Name): string => `by-${writer.toLowerCase().replaceAll(" ", "-")}`;
const placeOf = (writer: Name, collection: string): IndexPlace => ({
  database: databaseOf(writer),
  collection,
});

/** Names that every interface takes. */
const COLLECTION_OF = {
  cosine: "cosine",
  euclidean: "euclidean",
  dot: "product",
} as const;

/** The library last, so that the folder changes hands twice. */
const ORDER: readonly Name[] = [...NAMES].sort(
  (a, b) => Number(a === "the library") - Number(b === "the library"),
);

beforeAll(async () => {
  for (const name of ORDER) {
    const writer = await take(name);
    await writer.createDatabase(databaseOf(name));
    for (const metric of metricsOf(name)) {
      const place = placeOf(name, COLLECTION_OF[metric]);
      await writer.createIndex(place, { dimension: DIMENSION, metric });
      const doomed = NAMES.map((reader) => ({
        key: `doomed by ${reader}`,
        vector: [9, 9, 9, 9],
      }));
      await writer.put(place, [...recordsBy(name), ...doomed]);
    }
    if (!OWN.includes(name)) continue;
    const place = placeOf(name, "own");
    await writer.createIndex(place, { dimension: DIMENSION, metric: "cosine" });
    await writer.put(place, ownRecords());
  }
}, 120_000);

afterAll(async () => {
  await release();
  rmSync(dataDir, { recursive: true, force: true });
});

/** Those of the common ones that an interface can write. */
function recordsBy(writer: Name): readonly PairRecord[] {
  return commonRecords().filter((record) => canWrite(writer, record));
}

const byKeyBytes = (a: PairRecord, b: PairRecord): number =>
  Buffer.compare(Buffer.from(a.key), Buffer.from(b.key));

const isLiving = ({ key }: { readonly key: string }): boolean => !key.startsWith("doomed");

// The library reads first: it has the folder already.
for (const reader of [...ORDER].reverse()) {
  for (const writer of NAMES) {
    describe(`what ${writer} writes, read by ${reader}`, () => {
      for (const metric of metricsOf(writer)) {
        const place = placeOf(writer, COLLECTION_OF[metric]);

        it(`lists every record with its key, vector and metadata (${metric})`, async () => {
          const { list } = await take(reader);
          const wanted = recordsBy(writer)
            .map((record) => asSeenBy(reader, asWrittenBy(writer, record)))
            .sort(byKeyBytes);
          expect((await list(place)).filter(isLiving)).toEqual(wanted);
        });

        if (reader === "the command line") continue;
        it(`finds each by its key, and by vector and filter (${metric})`, async () => {
          const point = await takePoint(reader);
          const written = recordsBy(writer).map((record) => asWrittenBy(writer, record));
          const wanted = written.map((record) => asSeenBy(reader, record));
          const named = wanted.filter(({ key }) => canName(reader, key));
          const keys = named.map(({ key }) => key);
          expect(await point.get(place, [...keys, "nobody"])).toEqual(named);
          for (const { where, keys: passing } of SEARCHES) {
            const vector = [1, 2, 3, 4];
            const hits = await point.query(place, {
              vector,
              topK: 1_000,
              where,
            });
            expect(hits.map(({ key }) => key).sort(), JSON.stringify(where)).toEqual(
              passing.filter((key) => written.some((record) => record.key === key)).sort(),
            );
            for (const { key, distance } of hits) {
              const stored = wanted.find((record) => record.key === key)?.vector ?? [];
              expect(distance, key).toBeCloseTo(distanceOf(metric, vector, stored), 4);
            }
          }
        });
      }

      if (reader !== "the command line")
        it("deletes one record and leaves the others", async () => {
          const point = await takePoint(reader);
          const place = placeOf(writer, "cosine");
          const before = await point.get(
            place,
            NAMES.map((name) => `doomed by ${name}`),
          );
          await point.delete(place, [`doomed by ${reader}`, "nobody"]);
          const after = await point.get(
            place,
            NAMES.map((name) => `doomed by ${name}`),
          );
          expect(after).toEqual(before.filter(({ key }) => key !== `doomed by ${reader}`));
          expect(before.length - after.length).toBe(1);
        });

      if (!OWN.includes(writer)) return;
      it("shows values that only our own interfaces can write as documented", async () => {
        const { list } = await take(reader);
        const wanted = ownRecords()
          .map((record) => asSeenBy(reader, record))
          .sort(byKeyBytes);
        expect(await list(placeOf(writer, "own"))).toEqual(wanted);
      });
    });
  }
}
