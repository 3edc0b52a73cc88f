/**
 * Walks the groups of one log file and says of every byte whether it is valid, torn or damaged.
 *
 * The rule rests on one fact: no group is written before the one before it was synced. So invalid
 * bytes with anything valid behind them (a later group, a footer, a following file that names a
 * longer cut) were on disk once and are damage; without it they are the torn tail of a power cut.
 */
import { crc32 } from "../base/crc32.ts";
import { InsulaError } from "../base/errors.ts";
import { otherFormat } from "../base/format-version.ts";
import { type LogFrameHeader, type LogPosition, readUint64 } from "./log-entry.ts";
import { LOG_FORMAT_VERSION, type LogFileHeader } from "./log-file-header.ts";
import type { LogFooter } from "./log-footer.ts";
import {
  decodeLogGroupHead,
  isLogGroupHeadSound,
  isLogGroupTrailer,
  LOG_GROUP_FIXED_BYTES,
  LOG_GROUP_MAGIC,
  LOG_GROUP_TRAILER_BYTES,
  type LogGroupHead,
  logGroupHeadBytes,
  peekLogGroup,
  peekOtherGroup,
  declaredGroupBytes,
} from "./log-group.ts";
import type { LogWindow } from "./log-reader.ts";

/** Bytes searched at once for a later group. */
const SEARCH_BYTES = 256 * 1024;

export interface WalkedEntry {
  readonly header: LogFrameHeader;
  readonly isDamaged: boolean;
  /** The payload as read; a view. */
  readonly payload: Uint8Array;
}

export interface LogWalkOptions {
  readonly header: LogFileHeader;
  readonly window: LogWindow;
  readonly footer: LogFooter | undefined;
  /** Where the walk starts: the start of a group, or the end of the groups. */
  readonly start: number;
  /** Where the following file says the groups end; undefined for the last file. */
  readonly cut: number | undefined;
  readonly visit: (entry: WalkedEntry) => void | Promise<void>;
}

export interface LogWalkResult {
  /** End of the last valid group. */
  readonly end: number;
  /** Bytes behind it that belong to no footer: the torn tail. Always 0 when a cut was given. */
  readonly cutBytes: number;
  readonly groups: number;
  /** Number of the last group; undefined when there was none. */
  readonly groupLast: number | undefined;
  /** Where the last group starts; `end` when none was walked over. */
  readonly lastStart: number;
}

/**
 * @throws InsulaError `data_damaged` when a group header is lost and no footer stands in for it;
 *   `format_unsupported` for a group of another version.
 */
export async function walkLogFile(options: LogWalkOptions): Promise<LogWalkResult> {
  const walk = new LogWalk(options);
  return walk.run();
}

class LogWalk {
  readonly #options: LogWalkOptions;
  /** Groups are known to reach at least here when a cut or a footer says so. */
  readonly #knownEnd: number | undefined;
  #offset: number;
  #groups = 0;
  #groupLast: number | undefined;
  #lastStart: number;

  constructor(options: LogWalkOptions) {
    this.#options = options;
    this.#knownEnd = options.cut ?? options.footer?.place.groupsEnd;
    this.#offset = options.start;
    this.#lastStart = options.start;
  }

  async run(): Promise<LogWalkResult> {
    const limit = this.#knownEnd ?? this.#options.window.end;
    if (this.#offset > limit || limit > this.#options.window.end) throw this.#shortError(limit);
    while (this.#offset < limit) {
      const head = await this.#headAt(this.#offset, limit);
      if (head === undefined || !this.#follows(head)) {
        if (await this.#isTail(this.#offset + 1, limit)) break;
        await this.#skipLostGroup(limit);
      } else if (!(await this.#visitGroup(head, limit))) break;
    }
    const cutBytes = this.#knownEnd === undefined ? await this.#tornBytes(limit) : 0;
    const [end, groups, groupLast] = [this.#offset, this.#groups, this.#groupLast];
    return { end, cutBytes, groups, groupLast, lastStart: this.#lastStart };
  }

  /** Bytes behind the last group, as far as they are not of a former life of the file. */
  async #tornBytes(limit: number): Promise<number> {
    const { reusedBytes } = this.#options.header;
    const fixed = await this.#options.window.view(this.#offset, LOG_GROUP_FIXED_BYTES);
    const own = this.#offset + declaredGroupBytes(fixed, this.#place(this.#offset));
    const from = Math.max(this.#offset, Math.min(limit, reusedBytes));
    return Math.max(limit - from, Math.min(own, limit) - this.#offset);
  }

  /** False: the group is the torn tail, nothing of it was visited. */
  async #visitGroup(head: LogGroupHead, limit: number): Promise<boolean> {
    const next = head.position.offset + head.byteLength;
    const payloads: WalkedEntry[] = [];
    for (const entry of head.entries) payloads.push(await this.#readEntry(entry));
    const trailer = await this.#options.window.view(
      next - LOG_GROUP_TRAILER_BYTES,
      LOG_GROUP_TRAILER_BYTES,
    );
    const isWhole =
      payloads.every((payload) => !payload.isDamaged) && isLogGroupTrailer(trailer, head);
    // A lost trailer alone takes nothing away: the checksums of all payloads match.
    if (!isWhole && (await this.#isTail(next, limit))) return false;
    for (const payload of payloads) await visitEntry(this.#options.visit, payload);
    this.#lastStart = this.#offset;
    this.#offset = next;
    this.#groups++;
    this.#groupLast = head.group;
    return true;
  }

  /** True when nothing from `from` on proves that the group before it was synced. */
  async #isTail(from: number, limit: number): Promise<boolean> {
    if (this.#knownEnd !== undefined) return false;
    return (await this.#findHead(from, limit)) === undefined;
  }

  /** Visits what the footer knows of the bytes up to the next group that can be read. */
  async #skipLostGroup(limit: number): Promise<void> {
    const { footer } = this.#options;
    if (footer === undefined) throw this.#lostError();
    const next = (await this.#findHead(this.#offset + 1, limit)) ?? limit;
    const lost: LogFrameHeader[] = [];
    for (let i = 0; i < footer.count; i++) {
      const entry = footer.entry(i);
      if (entry.extent.offset >= this.#offset && entry.extent.offset < next) lost.push(entry);
    }
    lost.sort((a, b) => a.extent.offset - b.extent.offset);
    for (const entry of lost) await visitEntry(this.#options.visit, await this.#readEntry(entry));
    this.#lastStart = this.#offset;
    this.#offset = next;
    this.#groups++;
    // Not known how many groups were lost: the next one may have any later number.
    this.#groupLast = undefined;
  }

  async #readEntry(header: LogFrameHeader): Promise<WalkedEntry> {
    const { offset, length, crc } = header.extent;
    const payload = await this.#options.window.view(offset, length);
    const isDamaged = payload.length !== length || crc32(payload) !== crc;
    return { header, payload, isDamaged };
  }

  #follows(head: LogGroupHead): boolean {
    return this.#groupLast === undefined || head.group === this.#groupLast + 1;
  }

  #place(offset: number): { generation: bigint; position: LogPosition } {
    const { file, generation } = this.#options.header;
    return { generation, position: { file, offset } };
  }

  async #headAt(offset: number, limit: number): Promise<LogGroupHead | undefined> {
    const { window } = this.#options;
    const fixed = await window.view(offset, LOG_GROUP_FIXED_BYTES);
    const count = peekLogGroup(fixed, 0, this.#place(offset));
    if (count === undefined) {
      await this.#requireOurs(offset, fixed, limit);
      return undefined;
    }
    const bytes = await window.view(offset, logGroupHeadBytes(count));
    if (bytes.length < logGroupHeadBytes(count)) return undefined;
    const head = decodeLogGroupHead(bytes);
    const isInside = head !== undefined && offset + head.byteLength <= limit;
    // In the last file a group may reach past what is there: its header was kept, its end was not.
    return isInside || (this.#knownEnd === undefined && head !== undefined) ? head : undefined;
  }

  /** A sound group of a newer format is no torn tail: cutting it off would lose what it holds. */
  async #requireOurs(offset: number, fixed: Buffer, limit: number): Promise<void> {
    const other = peekOtherGroup(fixed, this.#place(offset));
    if (other === undefined || offset + other.headBytes > limit) return;
    const head = await this.#options.window.view(offset, other.headBytes);
    if (head.length < other.headBytes || !isLogGroupHeadSound(head)) return;
    const { file } = this.#options.header;
    const place = `log file ${String(file)}, the group at ${String(offset)}`;
    throw otherFormat(place, LOG_FORMAT_VERSION, other.version);
  }

  async #findHead(from: number, limit: number): Promise<number | undefined> {
    for (let start = from; start < limit; start += SEARCH_BYTES) {
      const bytes = await this.#options.window.view(start, SEARCH_BYTES + 3);
      let at = bytes.indexOf(LOG_GROUP_MAGIC);
      while (at >= 0) {
        // Of a former life there may be a hundred thousand: most are told by bytes at hand.
        if (this.#isStale(bytes, at)) {
          at = bytes.indexOf(LOG_GROUP_MAGIC, at + 1);
          continue;
        }
        if ((await this.#headAt(start + at, limit)) !== undefined) return start + at;
        at = bytes.indexOf(LOG_GROUP_MAGIC, at + 1);
      }
    }
    return undefined;
  }

  #isStale(bytes: Buffer, at: number): boolean {
    const isWhole = bytes.length - at >= LOG_GROUP_FIXED_BYTES;
    return isWhole && readUint64(bytes, at + 24) !== this.#options.header.file;
  }

  #lostError(): InsulaError {
    const { file } = this.#options.header;
    return new InsulaError(
      "data_damaged",
      `Cannot read log file ${String(file)}: the group header at ${String(this.#offset)} is damaged ` +
        "and the file has no footer that names its frames.",
      { details: { file, offset: this.#offset } },
    );
  }

  #shortError(limit: number): InsulaError {
    const { file } = this.#options.header;
    return new InsulaError(
      "data_damaged",
      `Cannot read log file ${String(file)}: acknowledged groups are missing: expected ` +
        `${String(Math.max(limit, this.#offset))} bytes, received ` +
        `${String(Math.min(limit, this.#options.window.end))}.`,
      { details: { file, offset: this.#offset } },
    );
  }
}

async function visitEntry(visit: LogWalkOptions["visit"], entry: WalkedEntry): Promise<void> {
  const pending = visit(entry);
  if (pending !== undefined) await pending;
}
