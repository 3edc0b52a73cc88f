/**
 * Writes texts into a collection: read, compare, cut, embed, upsert.
 *
 * The first chunk of a text has the text's key and carries `contentHash` and `parts`; the others
 * are `<key>#1`, `<key>#2` … A text whose hash is already there is skipped. A changed text replaces
 * its old chunks: surplus ones are deleted first, new ones are written from the last to the first,
 * so that a run that is cut short has no hash to trust and is done again.
 */
import type { Embedder } from "../embed/index.ts";
import { DEFAULT_VECTOR, type Metadata, type Place } from "../model/index.ts";
import { SESSION_BATCH_MAX, type SessionRecords } from "./session.ts";
import { cutText, type ChunkOptions } from "./text-chunks.ts";
import { hashText, type TextSource } from "./text-sources.ts";

export interface IngestOptions {
  readonly records: Pick<SessionRecords, "get" | "upsert" | "delete">;
  readonly place: Place;
  readonly embedder: Embedder;
  readonly chunks: ChunkOptions;
  /** Added to every record; `text`, `source`, `part`, `parts`, `contentHash` are ours. */
  readonly metadata: Metadata;
  /** Writes also what has not changed. */
  readonly isForced: boolean;
  /** Aborted: the texts read so far are written, the others are left for another run. */
  readonly signal?: AbortSignal;
  onSource(done: number, name: string): void;
}

export interface IngestReport {
  texts: number;
  written: number;
  unchanged: number;
  records: number;
  removed: number;
  readonly skipped: { readonly source: string; readonly reason: string }[];
}

/** Texts whose first chunks are looked up in one call. */
const LOOK_UP_COUNT = 100;
/** Name under which the text itself is kept; collections made by the command never filter by it. */
export const TEXT_PROPERTY = "text";

/** One run: what was asked, what waits to be written, what was done. */
interface Run {
  readonly options: IngestOptions;
  readonly waiting: WaitingRecord[];
  readonly report: IngestReport;
}

interface WaitingRecord {
  readonly key: string;
  readonly text: string;
  readonly metadata: Metadata;
}

export async function ingest(
  sources: readonly TextSource[],
  options: IngestOptions,
): Promise<IngestReport> {
  const report: IngestReport = {
    texts: 0,
    written: 0,
    unchanged: 0,
    records: 0,
    removed: 0,
    skipped: [],
  };
  const run: Run = { options, report, waiting: [] };
  const isStopped = (): boolean => options.signal?.aborted === true;
  for (let start = 0; start < sources.length && !isStopped(); start += LOOK_UP_COUNT) {
    const group = sources.slice(start, start + LOOK_UP_COUNT);
    const known = await options.records.get(
      options.place,
      group.map(({ key }) => key),
      { vectors: false, metadata: true },
    );
    for (const [i, source] of group.entries()) {
      if (isStopped()) break;
      options.onSource(start + i, source.source ?? source.key);
      await addSource(source, known[i]?.metadata, run);
    }
  }
  while (run.waiting.length > 0) await writeBatch(run);
  options.onSource(report.texts, "");
  return report;
}

async function addSource(source: TextSource, known: Metadata | undefined, run: Run): Promise<void> {
  const { options, report, waiting } = run;
  report.texts += 1;
  const content = /#\d+$/.test(source.key)
    ? { skipped: "its name ends like the key of a chunk" }
    : await source.read();
  if ("skipped" in content) {
    report.skipped.push({ source: source.source ?? source.key, reason: content.skipped });
    return;
  }
  const chunks = cutText(content.text, options.chunks);
  const contentHash = hashContent(content.text, options);
  if (!options.isForced && known?.["contentHash"] === contentHash) {
    report.unchanged += 1;
    return;
  }
  report.written += 1;
  await removeSurplus(source.key, chunks.length, known, run);
  for (let part = chunks.length - 1; part >= 0; part--) {
    waiting.push({
      key: part === 0 ? source.key : `${source.key}#${String(part)}`,
      text: chunks[part] ?? "",
      metadata: {
        ...options.metadata,
        ...(source.source !== undefined && { source: source.source }),
        part,
        ...(part === 0 && { parts: chunks.length, contentHash }),
        [TEXT_PROPERTY]: chunks[part] ?? "",
      },
    });
    if (waiting.length >= SESSION_BATCH_MAX) await writeBatch(run);
  }
}

/** Whatever would change a record must change the hash. */
function hashContent(text: string, { chunks, metadata, embedder }: IngestOptions): string {
  const settings = [chunks.size, chunks.overlap, embedder.model, embedder.dimension, metadata];
  return hashText(`${JSON.stringify(settings)}\n${text}`).slice(0, 32);
}

async function removeSurplus(
  key: string,
  partCount: number,
  known: Metadata | undefined,
  run: Run,
): Promise<void> {
  const { records, place } = run.options;
  const knownCount = typeof known?.["parts"] === "number" ? known["parts"] : 0;
  const surplus: string[] = [];
  for (let part = Math.max(1, partCount); part < knownCount; part++)
    surplus.push(`${key}#${String(part)}`);
  for (let start = 0; start < surplus.length; start += SESSION_BATCH_MAX) {
    await records.delete(place, surplus.slice(start, start + SESSION_BATCH_MAX));
  }
  run.report.removed += surplus.length;
}

/** Embeds and writes the oldest waiting records, as many as one call takes. */
async function writeBatch({ waiting, report, options }: Run): Promise<void> {
  const { records, place, embedder } = options;
  const batch = waiting.splice(0, SESSION_BATCH_MAX);
  const vectors = await embedder.embed(batch.map(({ text }) => text));
  const values = new Float32Array(batch.length * embedder.dimension);
  vectors.forEach((vector, i) => {
    values.set(vector, i * embedder.dimension);
  });
  await records.upsert(place, {
    keys: batch.map(({ key }) => key),
    vectors: [{ field: DEFAULT_VECTOR, values }],
    metadata: batch.map(({ metadata }) => metadata),
  });
  report.records += batch.length;
}
