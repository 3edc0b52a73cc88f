/** Puts a server together: engine, access, dialects, listener; and takes it apart again. */
import { resolve } from "node:path";
import {
  ADMIN_SECRET_PATH,
  loadAdminKey,
  openAccess,
  type AccessControl,
  type AdminKey,
  type AuditLog,
} from "../access/index.ts";
import { InsulaError } from "../base/errors.ts";
import { FairTurns } from "../base/fair-turns.ts";
import type { LogLevel } from "../base/log-level.ts";
import type { WorkObserver } from "../base/work-observer.ts";
import type { Dialect, DialectContext, PineconeSettings } from "../dialects/index.ts";
import type { Engine } from "../engine/api.ts";
import { findMemoryBudget, type MemoryBudget } from "../engine/index.ts";
import type { Clock, FileSystem, Random } from "../io/index.ts";
import {
  HttpListener,
  parsePortRange,
  type HttpListenerOptions,
  type PortRange,
} from "../wire/index.ts";
import { openBackupDoor } from "./backup-door.ts";
import { openAudit } from "./audit.ts";
import { toFlag, toVariable, type ServerConfig } from "./config.ts";
import { createReranker, readEmbedderSettings, shareEmbedder } from "./embedding.ts";
import { HttpFront, type DialectRoute } from "./front.ts";
import { openLog, type Log } from "./log.ts";
import { ServerMetrics } from "./metrics.ts";
import { observeBoth, openTracer, type OpenTracer } from "./open-tracer.ts";
import { renderPage } from "./page.ts";
import { RouteTable } from "./route-table.ts";
import { countTenantCalls } from "./tenant-calls.ts";
import { readTls, type TlsPair } from "./tls-files.ts";
import type { TraceSettings } from "./trace-settings.ts";
import { VectorBodyParser } from "./vector-body-parser.ts";

/** Time of a stop that listeners may use, ms; the rest of ten seconds is for the engine's flush. */
const LISTENER_STOP_MS = 6_000;

/** Where the engine tells of its work. */
export interface EngineHooks {
  readonly observer: WorkObserver;
  /** Upkeep in the background failed; the engine goes on. */
  readonly onFault: (error: unknown) => void;
  /** A shard was found damaged and is out of service. */
  readonly onDamage: (error: InsulaError) => void;
  /** Bodies and answers have theirs of the same. */
  readonly turns: FairTurns;
}

export interface ServerParts {
  /** Opens the engine and takes the data folder for this process. */
  openEngine(config: ServerConfig, parts: ServerParts, hooks: EngineHooks): Promise<Engine>;
  /** Rooted at the data folder. */
  readonly files: FileSystem;
  readonly clock: Clock;
  readonly random: Random;
  readonly version: string;
  /** How each dialect is built; loaded when its first request arrives. */
  readonly dialects: Readonly<Record<DialectRoute, (context: DialectContext) => Promise<Dialect>>>;
  /** Default: {@link VectorBodyParser}. */
  readonly parseVectorBody?: DialectContext["parseVectorBody"];
  /** Default: JSON lines on the error stream at the configured level. */
  readonly log?: Log;
  /** Where spans of requests go; absent: no traces, and nothing of them is loaded. */
  readonly tracing?: TraceSettings;
}

/** What the one port speaks; route-table.ts tells the requests apart. */
const SPOKEN = "OSS Vectors, S3 Vectors, Pinecone and its own interface";

export interface ListenerAddress {
  readonly name: "http";
  /** For people: the protocols, as part of a sentence. */
  readonly speaks: string;
  readonly host: string;
  readonly port: number;
  readonly url: string;
}

export interface RunningServer {
  /** One per open listener. */
  readonly addresses: readonly ListenerAddress[];
  /** False once it stops. */
  readonly isReady: boolean;
  /** Where the admin secret lies; undefined when it was given. */
  readonly adminSecretPath: string | undefined;
  /** True when this start made the admin secret. */
  readonly isAdminSecretNew: boolean;
  readonly admin: AdminKey;
  readonly access: AccessControl;
  readonly engine: Engine;
  /** What the engine may use, and why that much. */
  readonly memoryBudget: MemoryBudget;
  /** Its level may be changed at any time. */
  readonly log: Log;
  /**
   * Reads the files of tlsCert and tlsKey anew; connections from now on get what is in them. When
   * they cannot be used, what was there stays and the log says why.
   * @returns whether they are in use.
   */
  reloadCertificate(): boolean;
  /**
   * Finishes running requests, then closes the engine. Calling it again waits for the same stop.
   */
  close(): Promise<void>;
}

/**
 * Starts a server; when the promise resolves it answers.
 *
 * @throws InsulaError `setting_invalid`, `port_taken`, `data_folder_locked`, `data_damaged`; then
 *         everything opened so far is closed again.
 */
export async function startServer(
  config: ServerConfig,
  parts: ServerParts,
): Promise<RunningServer> {
  const log = parts.log ?? openLog(config.logLevel);
  const tls = readTls(config);
  const texts = openTexts(config, parts);
  const metrics = new ServerMetrics(config.metricsTenants);
  const tracer = await openTracer(parts, log, metrics);
  const turns = new FairTurns(() => parts.clock.yield());
  const engine = await parts.openEngine(config, parts, {
    turns,
    observer: tracer === undefined ? metrics.observer : observeBoth(metrics.observer, tracer),
    onFault: (error) => {
      log.error({ err: error }, "Upkeep in the background failed; it is tried again.");
    },
    onDamage: (error) => {
      log.error({ err: error }, "Damaged data are out of service; all other data are served.");
    },
  });
  metrics.watch(engine);
  let audit: AuditLog | undefined;
  try {
    const { files, random, clock } = parts;
    const { key: admin, isNew } = await loadAdminKey({
      files,
      random,
      ...(config.adminId === undefined ? {} : { id: config.adminId }),
      ...(config.adminSecret === undefined ? {} : { secret: config.adminSecret }),
    });
    const { accountId } = config;
    const access = await openAccess({ settings: engine, files, clock, random, admin, accountId });
    audit = await openAudit(config, parts, log);
    const server = new Server({
      ...{ config, parts, log, engine, turns, access, admin, isNew, texts, metrics, tracer },
      ...(audit === undefined ? {} : { audit }),
    });
    await server.listen(tls);
    return server;
  } catch (error) {
    await audit?.close();
    await engine.close();
    throw error;
  }
}

/** What all listeners share. */
type CommonOptions = Omit<HttpListenerOptions, "port" | "setting">;

interface ServerState {
  readonly config: ServerConfig;
  readonly parts: ServerParts;
  readonly log: Log;
  readonly metrics: ServerMetrics;
  readonly tracer: OpenTracer | undefined;
  readonly engine: Engine;
  readonly turns: FairTurns;
  readonly access: AccessControl;
  readonly admin: AdminKey;
  readonly isNew: boolean;
  readonly texts: Pick<DialectContext, "openEmbedder" | "reranker">;
  readonly audit?: AuditLog;
}

class Server implements RunningServer {
  readonly admin: AdminKey;
  readonly access: AccessControl;
  readonly engine: Engine;
  readonly log: Log;
  readonly memoryBudget: MemoryBudget;
  readonly adminSecretPath: string | undefined;
  readonly isAdminSecretNew: boolean;
  readonly #state: ServerState;
  readonly #listeners: HttpListener[] = [];
  readonly #metrics: ServerMetrics;
  readonly #bodies: VectorBodyParser;
  #addresses: readonly ListenerAddress[] = [];
  #stopping: Promise<void> | undefined;

  constructor(state: ServerState) {
    this.#state = state;
    this.#bodies = new VectorBodyParser(state.turns);
    this.admin = state.admin;
    this.access = state.access;
    this.engine = state.engine;
    this.log = state.log;
    this.memoryBudget = findMemoryBudget(state.config.memoryBudget);
    this.isAdminSecretNew = state.isNew;
    this.#metrics = state.metrics;
    this.adminSecretPath =
      state.config.adminSecret === undefined
        ? resolve(state.config.dataDir, ADMIN_SECRET_PATH)
        : undefined;
  }

  get addresses(): readonly ListenerAddress[] {
    return this.#addresses;
  }

  get isReady(): boolean {
    return this.#stopping === undefined;
  }

  async listen(tls: TlsPair | undefined): Promise<void> {
    const { config, log } = this.#state;
    if (config.httpPort === "off") return;
    if (tls !== undefined) this.#warnOfExpiry(tls);
    const options = this.#listenerOptions(tls);
    const listener = await this.#open({
      ...{ ...options, port: config.httpPort },
      setting: { flag: toFlag("httpPort"), variable: toVariable("httpPort") },
    });
    const range = parsePortRange(config.indexPorts ?? "");
    if (range !== undefined) await this.#openIndexPorts(range, options);
    const { host, port, url } = listener.address;
    const memory = this.memoryBudget;
    this.#addresses = [{ name: "http", speaks: SPOKEN, host, port, url }];
    log.info(
      {
        url,
        dataDir: resolve(config.dataDir),
        memoryBudgetBytes: memory.bytes,
        memoryBudgetSource: memory.source,
        ...(config.indexPorts === undefined ? {} : { indexPorts: config.indexPorts }),
      },
      "Listening.",
    );
  }

  /** Those of indexes speak what the other speaks, and say besides which index is meant. */
  async #openIndexPorts({ first, last }: PortRange, options: CommonOptions): Promise<void> {
    const setting = { flag: toFlag("indexPorts"), variable: toVariable("indexPorts") };
    for (let port = first; port <= last; port++) await this.#open({ ...options, port, setting });
  }

  /** One that cannot be opened ends the start, and those before it. */
  async #open(options: HttpListenerOptions): Promise<HttpListener> {
    try {
      const listener = await HttpListener.open(options);
      this.#listeners.push(listener);
      return listener;
    } catch (error) {
      await Promise.all(this.#listeners.map((listener) => listener.close()));
      throw error;
    }
  }

  #listenerOptions(tls: TlsPair | undefined): CommonOptions {
    const { config, parts, log } = this.#state;
    return {
      host: config.host,
      ...(tls === undefined ? {} : { tls }),
      limits: {
        connectionsMax: config.connectionsMax,
        requestTimeoutMs: config.requestTimeoutMs,
        stopDeadlineMs: LISTENER_STOP_MS,
      },
      clock: parts.clock,
      random: parts.random,
      handle: this.#front().handle,
      onSent: (durationMs) => {
        this.#metrics.addPhase("write", durationMs);
      },
      onFault: (error, requestId) => {
        log.error(
          { err: error, requestId },
          "A request met a bug of ours and was answered with 500.",
        );
      },
    };
  }

  reloadCertificate(): boolean {
    const { config, log } = this.#state;
    try {
      const tls = readTls(config);
      if (tls === undefined) return false;
      for (const listener of this.#listeners) listener.setCertificate(tls);
      log.info({ tlsCert: config.tlsCert }, "The certificate was read again.");
      this.#warnOfExpiry(tls);
      return true;
    } catch (error) {
      log.error({ err: error }, "The certificate was not changed: the one before stays in use.");
      return false;
    }
  }

  #warnOfExpiry({ expiresAtMs }: TlsPair): void {
    const { config, parts, log } = this.#state;
    if (expiresAtMs > parts.clock.wallMs()) return;
    log.warn({ tlsCert: config.tlsCert }, "The certificate has expired: clients will refuse it.");
  }

  close(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    try {
      await Promise.all(this.#listeners.map((listener) => listener.close()));
      await this.#bodies.close();
      await this.#state.audit?.close();
    } finally {
      await this.engine.close();
      await this.#state.tracer?.tracer.close();
    }
    this.#state.log.info({}, "Stopped.");
  }

  #front(): HttpFront {
    const { config, parts, log, tracer } = this.#state;
    const load = (route: DialectRoute) => (): Promise<Dialect> =>
      parts.dialects[route](this.#dialectContext(route));
    return new HttpFront({
      table: new RouteTable({ accountId: config.accountId }),
      load: {
        native: load("native"),
        oss: load("oss"),
        s3: load("s3"),
        pinecone: load("pinecone"),
        embedding: load("embedding"),
      },
      metrics: this.#metrics,
      log,
      ...(tracer === undefined ? {} : { tracer: tracer.tracer }),
      clock: parts.clock,
      isReady: () => this.isReady,
      page: () => this.#page(),
    });
  }

  #setLogLevel(level: LogLevel): void {
    const { log } = this.#state;
    log.info({ logLevel: level }, "The log level was changed by a request.");
    log.level = level;
  }

  /** The engine itself unless somebody watches its calls. */
  #watchedEngine(): Engine {
    const { tracer, metrics } = this.#state;
    const { countTenant } = metrics;
    const engine =
      tracer === undefined ? this.engine : tracer.watchEngine(this.engine, tracer.tracer);
    return countTenant === undefined ? engine : countTenantCalls(engine, countTenant);
  }

  #dialectContext(route: DialectRoute): DialectContext {
    const { config, parts, log, audit, tracer } = this.#state;
    const { publicDomain, accountId, ossQuotas } = config;
    const { clock } = parts;
    const metrics = this.#metrics;
    const count = metrics.observerOf(route);
    return {
      engine: this.#watchedEngine(),
      access: this.access,
      logLevel: { read: () => log.level, set: (level) => this.#setLogLevel(level) },
      clock,
      random: parts.random,
      settings: {
        ...{ accountId, ossQuotas, pinecone: pineconeSettings(config) },
        ...(publicDomain === undefined ? {} : { publicDomain }),
      },
      ...this.#state.texts,
      ...(config.backupStore === undefined
        ? {}
        : { backups: openBackupDoor(config.backupStore, this.engine, parts) }),
      parseVectorBody: parts.parseVectorBody ?? this.#bodies.parse,
      turnsOf: this.#bodies.turnsOf,
      endPhase: (phase, startMs) => {
        const nowMs = clock.monotonicMs();
        metrics.addPhase(phase, nowMs - startMs);
        tracer?.tracer.step(phase, startMs, nowMs);
        return nowMs;
      },
      observe:
        tracer === undefined
          ? count
          : (operation, outcome, durationMs) => {
              count(operation, outcome, durationMs);
              tracer.tracer.nameOperation(route, operation, outcome);
            },
      ...(audit === undefined
        ? {}
        : {
            audit: (decision) => {
              audit.record({ ...decision, dialect: route });
            },
          }),
    };
  }

  #page(): ReturnType<typeof renderPage> {
    const { config, parts } = this.#state;
    const isPrivate = LOOPBACK.has(config.host);
    return renderPage({
      version: parts.version,
      stats: this.engine.stats(),
      listeners: this.#addresses,
      ...(isPrivate && this.adminSecretPath !== undefined
        ? { secretPath: this.adminSecretPath }
        : {}),
    });
  }
}

/**
 * With ports each index has one; with a domain the hosts of indexes are names below it. Calls of
 * gRPC keep both.
 */
function pineconeSettings(config: ServerConfig): PineconeSettings {
  const { publicDomain: domain, pineconeReadUnits: readUnits } = config;
  const common = { project: "pinecone", readUnits, hostScheme: "auto" } as const;
  const ports = parsePortRange(config.indexPorts ?? "");
  if (ports !== undefined) return { ...common, indexHosts: "port", domain: "", ports };
  return domain === undefined
    ? { ...common, indexHosts: "path", domain: "" }
    : { ...common, indexHosts: "domain", domain };
}

/** Addresses only this machine reaches: there a page may show a path. */
const LOOPBACK: ReadonlySet<string> = new Set(["127.0.0.1", "::1", "localhost"]);

/** Reads what must be right at the start; nothing is loaded or asked before the first text. */
function openTexts(
  config: ServerConfig,
  doors: Pick<ServerParts, "clock" | "random">,
): Pick<DialectContext, "openEmbedder" | "reranker"> {
  const reranker = createReranker(config, doors);
  return {
    openEmbedder: shareEmbedder(readEmbedderSettings(config), doors),
    ...(reranker === undefined ? {} : { reranker }),
  };
}
