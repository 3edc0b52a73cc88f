/**
 * The audit log: one line of JSON for each decision about access. No secrets, no vectors, no
 * metadata: what a line holds is listed in {@link Decision}, and nothing else gets here.
 *
 * Requests never wait for it. Lines gather while a write is under way and go out together; when the
 * medium fails or cannot keep up, requests go on, lines are lost, and the next line that can be
 * written says how many.
 */
import { isInsulaError, type ErrorCode } from "../base/errors.ts";
import { sleep, type Clock, type FileSystem, type WritableFile } from "../io/index.ts";
import type { ActionTarget } from "./access-control.ts";
import {
  AUDIT_FILE_BYTES_MAX,
  AUDIT_LINES_WAITING_MAX,
  AUDIT_NAME_CHARS_MAX,
  AUDIT_OLD_FILES_MAX,
} from "./limits.ts";

/** Who was let in or not, to do what. */
export interface Decision {
  /** Short name of the protocol: `oss`. */
  readonly dialect: string;
  /** Of the dialect's own list, never from the request. */
  readonly operation: string;
  readonly requestId: string;
  /** Address of the other end of the connection. */
  readonly peer: string;
  /** A key that is here; it has proven its secret unless the code says otherwise. */
  readonly keyId?: string | undefined;
  readonly target: ActionTarget;
  /** Why it was refused; absent: it was let in, whatever came of it. */
  readonly code?: ErrorCode | undefined;
}

export interface AuditLogOptions {
  readonly files: Pick<
    FileSystem,
    "create" | "exists" | "openRead" | "openWrite" | "rename" | "unlink"
  >;
  readonly path: string;
  readonly clock: Clock;
  /** Called when writing fails, once until it works again. */
  readonly onTrouble: (error: unknown) => void;
  /** Default {@link AUDIT_FILE_BYTES_MAX}. */
  readonly fileBytesMax?: number;
}

/** Time after a failed write before the next, ms. */
const RETRY_MS = 1_000;

/** Codes by which a request is refused for who asks. Every other failure was let in first. */
const REFUSALS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "credentials_missing",
  "credentials_unknown",
  "signature_mismatch",
  "request_time_skewed",
  "permission_denied",
  "rate_exceeded",
]);

/** The code of a refusal; undefined for an error that is none. */
export function refusalOf(error: unknown): ErrorCode | undefined {
  return isInsulaError(error) && REFUSALS.has(error.code) ? error.code : undefined;
}

/** Opens the file, behind what is in it. @throws InsulaError `io_failed`, `disk_full` */
export async function openAuditLog(options: AuditLogOptions): Promise<AuditLog> {
  const log = new AuditLog(options);
  await log.open();
  return log;
}

export class AuditLog {
  readonly #options: AuditLogOptions;
  #file: WritableFile | undefined;
  #position = 0;
  /** Ends a line that a failed or killed writer left unfinished. */
  #lineEnd = "";
  #waiting: string[] = [];
  #lostCount = 0;
  #isInTrouble = false;
  #isClosing = false;
  #writing: Promise<void> | undefined;

  constructor(options: AuditLogOptions) {
    this.#options = options;
  }

  async open(): Promise<void> {
    const { files, path } = this.#options;
    const found = await files.openRead(path);
    this.#position = 0;
    this.#lineEnd = "";
    if (found === undefined) {
      this.#file = await files.create(path);
      return;
    }
    try {
      this.#position = await found.size();
      const last = new Uint8Array(1);
      const isEmpty = this.#position === 0 || (await found.read(this.#position - 1, last)) === 0;
      if (!isEmpty && last[0] !== LINE_FEED) this.#lineEnd = "\n";
    } finally {
      await found.close();
    }
    this.#file = await files.openWrite(path);
  }

  /** Never waits and never fails. */
  record(decision: Decision): void {
    if (this.#waiting.length >= AUDIT_LINES_WAITING_MAX) {
      this.#lostCount++;
      return;
    }
    this.#waiting.push(printDecision(decision, this.#options.clock.wallMs()));
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
  }

  /** Writes what waits, if that is possible at all. */
  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#writing;
    await this.#closeFile();
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const lines = this.#waiting;
      this.#waiting = [];
      try {
        await this.#write(lines);
        this.#isInTrouble = false;
      } catch (error) {
        this.#lostCount += lines.length;
        if (!this.#isInTrouble) this.#options.onTrouble(error);
        this.#isInTrouble = true;
        await this.#closeFile();
        if (this.#isClosing) return;
        await sleep(this.#options.clock, RETRY_MS);
      }
    }
  }

  async #write(lines: readonly string[]): Promise<void> {
    const { fileBytesMax = AUDIT_FILE_BYTES_MAX, clock } = this.#options;
    if (this.#file === undefined) await this.open();
    if (this.#position >= fileBytesMax) await this.#rotate();
    const lostCount = this.#lostCount;
    const lost = lostCount === 0 ? "" : printLost(lostCount, clock.wallMs());
    const bytes = Buffer.from(this.#lineEnd + lost + lines.join(""));
    await this.#file?.write(this.#position, bytes);
    this.#position += bytes.length;
    this.#lineEnd = "";
    this.#lostCount -= lostCount;
  }

  async #rotate(): Promise<void> {
    const { files, path } = this.#options;
    await this.#file?.sync();
    await this.#file?.close();
    this.#file = undefined;
    await files.unlink(`${path}.${String(AUDIT_OLD_FILES_MAX)}`);
    for (let age = AUDIT_OLD_FILES_MAX - 1; age >= 0; age--) {
      const source = age === 0 ? path : `${path}.${String(age)}`;
      if (await files.exists(source)) await files.rename(source, `${path}.${String(age + 1)}`);
    }
    await this.open();
  }

  async #closeFile(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    // A file whose write failed is dead; that it does not close well either is no news.
    await file?.close().catch(() => undefined);
  }
}

const LINE_FEED = 10;

/** Names of a refused request can be anything, so they are cut; JSON keeps them on one line. */
function printDecision(decision: Decision, nowMs: number): string {
  const { requestId, peer, dialect, operation, keyId, target, code } = decision;
  const line = {
    time: new Date(nowMs).toISOString(),
    request: requestId,
    peer,
    dialect,
    operation,
    key: keyId,
    database: cut(target.database),
    collection: cut(target.collection),
    tenant: cut(target.tenant),
    decision: code === undefined ? "allowed" : "refused",
    code,
  };
  return `${JSON.stringify(line)}\n`;
}

function printLost(count: number, nowMs: number): string {
  const line = { time: new Date(nowMs).toISOString(), decision: "lost", count };
  return `${JSON.stringify(line)}\n`;
}

function cut(name: string | undefined): string | undefined {
  return name === undefined || name.length <= AUDIT_NAME_CHARS_MAX
    ? name
    : `${name.slice(0, AUDIT_NAME_CHARS_MAX)}…`;
}
