/**
 * What every dialect is made of and made from.
 *
 * A dialect decodes a request into calls of the engine and encodes the result; it holds no data of
 * its own. It is built when its first request arrives, by one function `createXDialect(context)`.
 */
import type { AccessControl, Decision } from "../access/index.ts";
import type { ErrorKind } from "../base/errors.ts";
import type { LogLevel } from "../base/log-level.ts";
import type { Pace } from "../base/pace.ts";
import type { Embedder, Reranker } from "../embed/index.ts";
import type {
  BackupInfo,
  BackupScope,
  Engine,
  RestoreOptions,
  RestoreSummary,
} from "../engine/api.ts";
import type { HttpAnswer, HttpRequest, JsonValue, PortRange } from "../wire/index.ts";

/** A protocol over HTTP. */
export interface Dialect {
  /** Short, lower case, for logs and metric labels: `oss`. */
  readonly name: string;
  /**
   * Answers one request, errors included, in the protocol's own shape and with its own request id
   * header. A rejection is a bug: the listener answers 500 and logs it.
   */
  handle(request: HttpRequest): Promise<HttpAnswer>;
}

/** Everything a dialect may touch. Lives as long as the server. */
export interface DialectContext {
  readonly engine: Engine;
  readonly access: AccessControl;
  /**
   * Bodies: io's Clock. `wallMs` for stamps and signatures, `monotonicMs` for durations, `yield`
   * within long work.
   */
  readonly clock: { wallMs(): number; monotonicMs(): number; yield?(): Promise<void> };
  readonly random: { bytes(count: number): Uint8Array };
  readonly settings: DialectSettings;
  /** What the process logs; absent where nobody runs a log. */
  readonly logLevel?: LogLevelDoor;
  /**
   * The embedder the server is configured with, opened with the first call; absent: the built-in
   * one. A failed opening is not remembered.
   * @throws InsulaError `embedder_unavailable`, `embedder_unusable`
   */
  readonly openEmbedder?: () => Promise<Embedder>;
  /** Where the server keeps its backups; absent: nowhere. */
  readonly backups?: BackupDoor;
  /** The reranker the server is configured with; absent: none. */
  readonly reranker?: Reranker;
  /**
   * Parses a JSON body whose long lists of numbers stand at known places, small bodies at once and
   * large ones in a worker. A pattern is a path of member names, `*` is any element of a list.
   *
   * @param body  changes hands: it may be gone when the promise settles.
   * @param md5   in base64; the body is compared with it first, on the thread that parses it.
   * @param turns whose body it is; absent: everybody's.
   * @throws InsulaError `body_malformed`; `vector_invalid` for a list at a pattern's place that
   *   holds more
   *         than numbers, or a number that is infinite as float32.
   */
  parseVectorBody(
    body: Buffer,
    patterns: readonly (readonly string[])[],
    md5?: string,
    turns?: BodyTurns,
  ): Promise<ParsedVectorBody>;
  /**
   * For what is done with a body before the engine is asked, and with its answer behind that;
   * absent: all of it at once.
   */
  readonly turnsOf?: (asked: TurnsAsked) => BodyTurns;
  /**
   * Ends one phase of a request: adds the time since `startMs` to it.
   * @returns the time now (`clock.monotonicMs`), which is when the next phase starts.
   */
  endPhase(phase: RequestPhase, startMs: number): number;
  /**
   * Counts one finished operation. Operation names come from the dialect's own fixed list, never
   * from the request. `durationMs` is from the start of `handle`.
   */
  observe(operation: string, outcome: "ok" | ErrorKind, durationMs: number): void;
  /**
   * Notes one decision about access: once a request, for each place it asks for; not for a request
   * that failed before anybody was asked for. Never waits. Absent: nobody wants to know.
   */
  readonly audit?: (decision: Omit<Decision, "dialect">) => void;
}

/** Whose body or answer something is done with. */
export interface TurnsAsked {
  /** Those of one flow wait behind one another. */
  readonly flow: string;
  /** In whose share: an answer is printed in that of searches, whatever was asked. */
  readonly kind: "query" | "write";
  /** Nobody waits any more. */
  readonly signal?: AbortSignal | undefined;
}

/** And at what pace. */
export interface BodyTurns extends TurnsAsked {
  readonly pace: Pace;
  /**
   * Waits until a body may become objects; absent: at once.
   * @param textLength of the body without its numbers.
   */
  readonly unpack?: (textLength: number) => Promise<void>;
}

/** Backups in the one store that the server's settings name. */
export interface BackupDoor {
  /** As the settings have it. */
  readonly target: string;
  /** Oldest first. */
  list(): Promise<readonly BackupInfo[]>;
  backup(scope: BackupScope): Promise<BackupInfo>;
  restore(options: RestoreOptions): Promise<RestoreSummary>;
  /**
   * The backup is gone, and of its bytes what no other backup names. Waits for copies under way.
   * @throws InsulaError `backup_not_found`
   */
  remove(id: string): Promise<void>;
}

/** The level of the server's log, to be read and changed while it runs. */
export interface LogLevelDoor {
  read(): string;
  set(level: LogLevel): void;
}

/** What the time of a request is spent on; each is a sum in the metrics. */
export type RequestPhase = "verify" | "read" | "parse" | "search" | "store" | "write";

/** A body whose lists of numbers were taken out. */
export interface ParsedVectorBody {
  /** False when the MD5 given is not the body's; then nothing was parsed. */
  readonly isIntact: boolean;
  /**
   * At a pattern's place a number is the position in `arrays` of the list taken out there; a number
   * the client wrote there itself has become a string (wire's scanJsonArrays).
   */
  readonly json: JsonValue;
  /**
   * The lists in the order written, mostly one behind the other in one buffer. A member written
   * twice leaves one that nothing refers to.
   */
  readonly arrays: readonly Float32Array[];
}

/** The part of the server's configuration that dialects see. */
export interface DialectSettings {
  /**
   * Base domain of virtual hosts, lower case, without port; absent: hosts are told by their form.
   */
  readonly publicDomain?: string;
  /** Decimal digits; account of the admin key. */
  readonly accountId: string;
  /**
   * `seed`: the vendor's numbers of buckets and indexes are enforced; `off`: the engine's own
   * bounds.
   */
  readonly ossQuotas: "off" | "seed";
  /** Absent: what the dialect takes without configuration. */
  readonly pinecone?: PineconeSettings;
}

export interface PineconeSettings {
  /** Database of the keys that speak of no other: a project, in the words of the vendor. */
  readonly project: string;
  /** `size`: a unit for each gigabyte of a namespace; `seed`: five more, by the older formula. */
  readonly readUnits: "size" | "seed";
  /**
   * What descriptions give as hosts: `path`, `/ix/NAME` behind our address; `domain`, names;
   * `port`, our address with a port for each index.
   */
  readonly indexHosts: "path" | "domain" | "port";
  /** Base of the hosts' names, with `domain`. */
  readonly domain: string;
  /** Ports of indexes, with `port`; the server listens on all of them. */
  readonly ports?: PortRange;
  /** `auto`: that of the request. `none`: the host alone. */
  readonly hostScheme: "auto" | "http" | "https" | "none";
}
