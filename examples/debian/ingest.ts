/**
 * Debian's sixty thousand package descriptions: one vector index for each section of the archive,
 * written and searched through the OSS Vectors protocol.
 *
 *   npx tsx examples/debian/ingest.ts --limit 3000
 *
 * Without --url it starts a server of its own on a temporary folder. The embedder is the built-in
 * one: it finds texts that share words and parts of words, it knows no meanings.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createBuiltInEmbedder } from "../../src/embed/index.ts";
import { measureFolder } from "../../bench/support/machine.ts";
import { OssClient, putBody, type OssAccess, type OssHit } from "../../bench/support/oss-client.ts";
import { openReport, type Report, type Row } from "../../bench/support/report.ts";
import { median, quantiles, runConcurrently, timeMs } from "../../bench/support/samples.ts";
import {
  buildServer,
  startServerProcess,
  type ServerProcess,
} from "../../bench/support/server-process.ts";
import { parsePackages, type PackageText } from "./package-texts.ts";

const BUCKET = "debian-packages";
const DUMP_BYTES_MAX = 1024 ** 3;
/** Shown after the ingest, and searched again and again for the figures. */
const QUESTIONS = [
  "edit photographs and convert image formats",
  "web server with reverse proxy",
  "play chess against the computer",
  "python library for machine learning",
  "recover deleted files from a disk",
  "typeset mathematical documents",
];
const SHOWN_HITS = 5;
const TOP_K = 10;

interface Section {
  readonly name: string;
  readonly indexName: string;
  readonly packages: readonly PackageText[];
}

const report: Report = openReport({
  path: "examples/debian/ingest.ts",
  purpose: "Embeds Debian's package descriptions, stores one index a section, searches them.",
  example: "npx tsx examples/debian/ingest.ts --limit 3000",
  sizes: {
    limit: { description: "texts at most, 0 for all", full: 0, quick: 3_000 },
    dimension: { description: "numbers of a vector", full: 384, quick: 384 },
    batch: { description: "vectors of one put, 1 to 500", full: 250, quick: 250 },
    connections: { description: "requests at once", full: 8, quick: 8 },
    rounds: { description: "times each question is asked for the figures", full: 200, quick: 20 },
    repetitions: { description: "runs of those rounds, the median of them", full: 5, quick: 3 },
  },
  texts: {
    file: { description: "a saved dump instead of apt-cache dumpavail", placeholder: "path" },
    url: {
      description: "a running server; key in OSS_ACCESS_KEY_ID and …_SECRET",
      placeholder: "url",
    },
  },
  remarks: [
    "The list comes from `apt-cache dumpavail`, which is empty until `apt-get update` has run.",
    "On another system, save it on a Debian machine and name the file with --file.",
    "",
  ],
});

const sections = sectionsOf(limitEvenly(readPackages(), report.size("limit")));
const embedder = createBuiltInEmbedder({ dimension: report.size("dimension") });
const total = sections.reduce((sum, { packages }) => sum + packages.length, 0);
report.remark(`${total.toLocaleString("en-US")} texts in ${sections.length} sections`);

const url = report.text("url");
if (url !== undefined) await run(accessFromEnvironment(url), undefined, undefined);
else {
  buildServer();
  const folder = mkdtempSync(join(tmpdir(), "insula-debian-"));
  try {
    const server = await startServerProcess(folder);
    try {
      await run(server.access, server, folder);
    } finally {
      await server.stop();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
report.finish();

function readPackages(): PackageText[] {
  const file = report.text("file");
  const dump = file === undefined ? dumpAvailable() : readFileSync(file, "utf8");
  const packages = parsePackages(dump);
  if (packages.length > 0) return packages;
  const reason =
    file === undefined
      ? [
          "`apt-cache dumpavail` lists no package with a description.",
          "Run `apt-get update` (as root) once, then this again; or name a saved list with --file.",
        ].join("\n")
      : `${file} holds no paragraph with the fields Package and Description.`;
  process.stderr.write(`${reason}\n`);
  process.exit(1);
}

function dumpAvailable(): string {
  const { stdout, error } = spawnSync("apt-cache", ["dumpavail"], {
    encoding: "utf8",
    maxBuffer: DUMP_BYTES_MAX,
  });
  if (error === undefined) return stdout;
  process.stderr.write(
    `Cannot run apt-cache: ${error.message}.\nThis is no Debian system; name a saved list with --file.\n`,
  );
  process.exit(1);
}

/** Every n-th package, so that a small run has all sections too. */
function limitEvenly(packages: readonly PackageText[], limit: number): readonly PackageText[] {
  if (limit === 0 || limit >= packages.length) return packages;
  const step = packages.length / limit;
  return Array.from({ length: limit }, (_, i) => packages[Math.floor(i * step)]).filter(
    (entry) => entry !== undefined,
  );
}

/** Index names have letters and digits only: `gnu-r` becomes `gnur`. Largest first. */
function sectionsOf(packages: readonly PackageText[]): Section[] {
  const bySection = new Map<string, PackageText[]>();
  for (const entry of packages) {
    const known = bySection.get(entry.section);
    if (known === undefined) bySection.set(entry.section, [entry]);
    else known.push(entry);
  }
  return [...bySection]
    .map(([name, entries]) => ({
      name,
      indexName: name.replaceAll(/[^A-Za-z0-9]/g, ""),
      packages: entries,
    }))
    .sort((a, b) => b.packages.length - a.packages.length);
}

function accessFromEnvironment(address: string): OssAccess {
  const keyId = process.env["OSS_ACCESS_KEY_ID"];
  const secret = process.env["OSS_ACCESS_KEY_SECRET"];
  if (keyId === undefined || secret === undefined) {
    process.stderr.write("--url needs a key in OSS_ACCESS_KEY_ID and OSS_ACCESS_KEY_SECRET.\n");
    process.exit(2);
  }
  const accountId = process.env["INSULA_ACCOUNT_ID"] ?? "1000000000000001";
  return { url: address.replace(/\/$/, ""), keyId, secret, accountId };
}

async function run(
  access: OssAccess,
  server: ServerProcess | undefined,
  folder: string | undefined,
): Promise<void> {
  const client = new OssClient(access, 2 * sections.length);
  try {
    await ingest(client);
    await answer(client);
    await time(client);
    if (folder !== undefined) {
      const { mib, files } = measureFolder(folder);
      report.figure("on disk, log included", mib, "MiB");
      report.figure("files", files, "");
    }
    if (server !== undefined) {
      const { anonymousMib, peakResidentMib } = server.memory();
      report.figure("server, anonymous memory", anonymousMib, "MiB");
      report.figure("server, resident at most", peakResidentMib, "MiB");
    }
  } finally {
    client.close();
  }
}

/** The embedder runs in this process, beside the client: the server waits for it. */
async function ingest(client: OssClient): Promise<void> {
  await client.createBucket(BUCKET);
  const dimension = report.size("dimension");
  const startedAt = performance.now();
  for (const { indexName } of sections) await client.createIndex(BUCKET, indexName, dimension);
  const batches = sections.flatMap((section) => batchesOf(section));
  let embedMs = 0;
  let written = 0;
  const shown = Math.max(1, Math.floor(batches.length / 10));
  await runConcurrently(batches.length, report.size("connections"), async (i) => {
    const { indexName, packages } = batches[i] ?? { indexName: "", packages: [] };
    const embedStartedAt = performance.now();
    const vectors = await embedder.embed(packages.map(({ text }) => text));
    embedMs += performance.now() - embedStartedAt;
    const body = putBody(
      indexName,
      packages.map(({ name, section, summary }, at) => ({
        key: name,
        values: vectors[at] ?? new Float32Array(dimension),
        metadata: { section, summary },
      })),
    );
    await client.put(BUCKET, body);
    written += packages.length;
    if (i % shown === 0) report.progress(`${written} of ${total} written`);
  });
  const seconds = (performance.now() - startedAt) / 1_000;
  const alone = await embedAlone();
  report.table(`Ingest of ${total.toLocaleString("en-US")} texts, ${dimension} numbers each`, [
    { step: "embed alone, one thread", "a second": alone },
    { step: "embed, print, sign, write, durable", "a second": total / seconds },
  ]);
  report.figure("texts embedded and stored", total / seconds, "/s");
  report.figure("seconds in all", seconds, "s");
  report.figure("share of it in the embedder", (0.1 * embedMs) / seconds, "%");
}

/** Texts a second of the embedder by itself. */
async function embedAlone(): Promise<number> {
  const texts = sections
    .flatMap(({ packages }) => packages.map(({ text }) => text))
    .slice(0, 5_000);
  const times: number[] = [];
  for (let i = 0; i < 3; i++) times.push(await timeMs(() => embedder.embed(texts)));
  return (texts.length * 1_000) / median(times);
}

function batchesOf({
  indexName,
  packages,
}: Section): { indexName: string; packages: readonly PackageText[] }[] {
  const size = report.size("batch");
  return Array.from({ length: Math.ceil(packages.length / size) }, (_, i) => ({
    indexName,
    packages: packages.slice(i * size, (i + 1) * size),
  }));
}

async function embedQuestion(question: string): Promise<number[]> {
  const [vector] = await embedder.embed([question]);
  return [...(vector ?? [])];
}

/** All sections at once, merged by distance; the same key in two sections is two records. */
async function searchAll(client: OssClient, vector: readonly number[]): Promise<OssHit[]> {
  const lists = await Promise.all(
    sections.map(({ indexName }) => client.query(BUCKET, indexName, vector, TOP_K)),
  );
  return lists
    .flat()
    .sort((a, b) => a.distance - b.distance)
    .slice(0, TOP_K);
}

async function answer(client: OssClient): Promise<void> {
  for (const question of QUESTIONS) {
    const hits = await searchAll(client, await embedQuestion(question));
    report.table(
      `“${question}”, over all ${sections.length} sections`,
      hits.slice(0, SHOWN_HITS).map(hitRow),
    );
  }
  const question = QUESTIONS[3] ?? "";
  const one = sections.find(({ name }) => name === "python") ?? sections[0];
  if (one === undefined) return;
  const hits = await client.query(BUCKET, one.indexName, await embedQuestion(question), SHOWN_HITS);
  report.table(`“${question}”, in ${one.name} alone`, hits.map(hitRow));
}

function hitRow({ key, distance, metadata }: OssHit): Row {
  const { section, summary } = (metadata ?? {}) as { section?: string; summary?: string };
  return {
    distance: distance.toFixed(3),
    package: key,
    section: section ?? "",
    summary: (summary ?? "").slice(0, 60),
  };
}

async function time(client: OssClient): Promise<void> {
  const vectors = await Promise.all(QUESTIONS.map((question) => embedQuestion(question)));
  const [largest] = sections;
  const ways = [
    {
      name: `largest section, ${largest?.packages.length ?? 0} vectors`,
      search: (vector: readonly number[]) =>
        client.query(BUCKET, largest?.indexName ?? "", vector, TOP_K),
    },
    {
      name: `all ${sections.length} sections, ${total} vectors, merged`,
      search: (vector: readonly number[]) => searchAll(client, vector),
    },
  ];
  const rows: Row[] = [];
  for (const { name, search } of ways) {
    const p50: number[] = [];
    const p99: number[] = [];
    for (let repetition = 0; repetition < report.size("repetitions"); repetition++) {
      const samples: number[] = [];
      for (let round = 0; round < report.size("rounds"); round++) {
        for (const vector of vectors) samples.push(await timeMs(() => search(vector)));
      }
      const found = quantiles(samples);
      p50.push(found.p50);
      p99.push(found.p99);
    }
    rows.push({ search: name, "p50 ms": median(p50), "p99 ms": median(p99) });
  }
  report.table("Search over HTTP, signed, one after the other, metadata returned", rows);
}
