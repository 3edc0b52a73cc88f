/**
 * The configuration of a server: one schema that names every setting once. Flags, variables and the
 * members of the file follow from the names: `dataDir`, `--data-dir`, `INSULA_DATA_DIR`.
 */
import { z } from "zod";
import { DIMENSION_MAX } from "../base/limits.ts";
import { LOG_LEVELS, type LogLevel } from "../base/log-level.ts";
import {
  MIRROR_INTERVAL_MS,
  MIRROR_RETENTION_MS,
  OFFLOAD_GRACE_MS,
  RECALL_PROBE_SHARE,
  SCRUB_BYTES_PER_SECOND,
} from "../engine/index.ts";
import { BUILT_IN_MODEL, EMBED_DIMENSION_MAX } from "../embed/index.ts";
import { isInRange, parsePortRange } from "../wire/index.ts";

export interface ServerConfig {
  readonly dataDir: string;
  readonly host: string;
  readonly httpPort: number | "off";
  readonly publicDomain?: string | undefined;
  /** `FIRST-LAST`: ports of which each of Pinecone's indexes has one. */
  readonly indexPorts?: string | undefined;
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
  readonly adminId?: string | undefined;
  readonly adminSecret?: string | undefined;
  readonly accountId: string;
  readonly ossQuotas: "off" | "seed";
  /** How Pinecone's interface counts read units of a query. */
  readonly pineconeReadUnits: "size" | "seed";
  /** Bytes; absent: a share of what the machine has. */
  readonly memoryBudget?: number | undefined;
  /** Kernel workers; absent: one per core but one. */
  readonly workerCount?: number | undefined;
  /** Bytes that merges of segments read and write in a second; absent: 128 MiB. */
  readonly compactionBytesPerSecond?: number | undefined;
  /** Bytes of the disk to keep free; absent: a tenth of it, at most 1 GiB. */
  readonly diskReserve?: number | undefined;
  /** Bytes a second that the scrub reads; 0: it does not run. */
  readonly scrubRate: number;
  /** Share of searches whose recall is measured in the background; 0: none. */
  readonly recallProbeShare: number;
  readonly connectionsMax: number;
  readonly requestTimeoutMs: number;
  readonly logLevel: LogLevel;
  /** Busiest tenants that metrics name; 0: none is named. */
  readonly metricsTenants: number;
  /** What turns texts into vectors, see embedding.ts. */
  readonly embedder: "built-in" | "dashscope" | "openai" | "local";
  readonly embedderUrl?: string | undefined;
  readonly embedderModel?: string | undefined;
  readonly embedderDimension?: number | undefined;
  readonly embedderKey?: string | undefined;
  readonly embedderKeyFile?: string | undefined;
  readonly reranker: "off" | "dashscope" | "cohere";
  readonly rerankerUrl?: string | undefined;
  readonly rerankerModel?: string | undefined;
  readonly rerankerKey?: string | undefined;
  readonly rerankerKeyFile?: string | undefined;
  /** Whether what is created from now on is sealed at rest. */
  readonly encryption: "on" | "off";
  /** What wraps the keys of all tenants; absent: the file `master-key` in the data folder. */
  readonly masterKey?: string | undefined;
  readonly masterKeyFile?: string | undefined;
  readonly masterKeyCommand?: string | undefined;
  /** Where requests may back up to: a folder, or `s3://BUCKET/PREFIX`. */
  readonly backupStore?: string | undefined;
  /** Where the data folder is copied to all the time: as `backupStore`. */
  readonly mirrorTo?: string | undefined;
  readonly mirrorIntervalMs: number;
  readonly mirrorRetentionMs: number;
  /** Where tenants are offloaded to: as `backupStore`. */
  readonly offloadTo?: string | undefined;
  readonly offloadGraceMs: number;
  /** `off`, `on` (a file in the data folder) or the path of a file. */
  readonly auditLog: string;
}

/** Each is a time series wherever the metrics are kept. */
const METRICS_TENANTS_MAX = 100;

/** Below this the engine's arenas have no room to grow by a step of each sort, bytes. */
const MEMORY_BUDGET_BYTES_MIN = 268_435_456;
/** Slower than this merges would never keep up; faster than the other no disk is. */
const COMPACTION_BYTES_PER_SECOND_MIN = 1_048_576;
const COMPACTION_BYTES_PER_SECOND_MAX = 68_719_476_736;

/** A point is some round trips to the store. */
const MIRROR_INTERVAL_MS_MIN = 200;

/** A whole number, also as its digits. Nothing else: `null` or `true` must not become 0 or 1. */
function integer(min: number, max: number): z.ZodType<number> {
  const digits = z.string().regex(/^\d{1,10}$/);
  return z.union([z.number(), digits.transform(Number)]).pipe(z.number().int().min(min).max(max));
}

/** From 0 to 1. */
const share = z
  .union([
    z.number(),
    z
      .string()
      .regex(/^(0|1|0?\.\d{1,9}|1\.0)$/)
      .transform(Number),
  ])
  .pipe(z.number().min(0).max(1));

const size = z
  .union([z.number(), z.string().regex(/^\d{1,15}(KiB|MiB|GiB)?$/)])
  .transform((value) => (typeof value === "number" ? value : parseBytes(value)));
const rate = size.pipe(
  z.number().int().min(COMPACTION_BYTES_PER_SECOND_MIN).max(COMPACTION_BYTES_PER_SECOND_MAX),
);

function bytes(min: number): z.ZodType<number> {
  return size.pipe(z.number().int().min(min));
}

/** An address without credentials: those would be shown wherever the address is. */
const serviceUrl = z.string().refine((text) => {
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return false;
  const { username, password, search, hash } = new URL(text);
  return username === "" && password === "" && search === "" && hash === "";
});
const modelName = z.string().regex(/^\S{1,256}$/);
/** What fits an HTTP header. */
const serviceKey = z.string().regex(/^[\x21-\x7e]{1,512}$/);

/** 32 bytes as hexadecimal digits or base64. */
const masterKeyText = z.string().regex(/^([0-9a-fA-F]{64}|[0-9a-zA-Z+/]{43}=)$/);

/** Checks and completes a configuration; every value may also come as text. */
export const CONFIG_SCHEMA: z.ZodType<ServerConfig> = z
  .strictObject({
    dataDir: z.string().min(1).default("./insula-data"),
    host: z.string().min(1).default("127.0.0.1"),
    httpPort: z.union([z.literal("off"), integer(0, 65_535)]).default(8080),
    publicDomain: z
      .string()
      .toLowerCase()
      .regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/)
      .optional(),
    indexPorts: z
      .string()
      .refine((text) => parsePortRange(text) !== undefined)
      .optional(),
    tlsCert: z.string().min(1).optional(),
    tlsKey: z.string().min(1).optional(),
    adminId: z.string().min(1).optional(),
    adminSecret: z.string().min(1).optional(),
    accountId: z
      .string()
      .regex(/^\d{1,32}$/)
      .default("1000000000000001"),
    ossQuotas: z.enum(["off", "seed"]).default("off"),
    pineconeReadUnits: z.enum(["size", "seed"]).default("size"),
    memoryBudget: bytes(MEMORY_BUDGET_BYTES_MIN).optional(),
    diskReserve: bytes(0).optional(),
    scrubRate: bytes(0).default(SCRUB_BYTES_PER_SECOND),
    recallProbeShare: share.default(RECALL_PROBE_SHARE),
    workerCount: integer(0, 64).optional(),
    compactionBytesPerSecond: rate.optional(),
    connectionsMax: integer(1, 100_000).default(10_000),
    requestTimeoutMs: integer(1_000, 3_600_000).default(30_000),
    logLevel: z.enum(LOG_LEVELS).default("info"),
    metricsTenants: integer(0, METRICS_TENANTS_MAX).default(0),
    embedder: z.enum(["built-in", "dashscope", "openai", "local"]).default("built-in"),
    embedderUrl: serviceUrl.optional(),
    embedderModel: modelName.optional(),
    embedderDimension: integer(1, DIMENSION_MAX).optional(),
    embedderKey: serviceKey.optional(),
    embedderKeyFile: z.string().min(1).optional(),
    reranker: z.enum(["off", "dashscope", "cohere"]).default("off"),
    rerankerUrl: serviceUrl.optional(),
    rerankerModel: modelName.optional(),
    rerankerKey: serviceKey.optional(),
    rerankerKeyFile: z.string().min(1).optional(),
    encryption: z.enum(["on", "off"]).default("on"),
    masterKey: masterKeyText.optional(),
    masterKeyFile: z.string().min(1).optional(),
    masterKeyCommand: z.string().min(1).optional(),
    backupStore: z.string().min(1).optional(),
    mirrorTo: z.string().min(1).optional(),
    mirrorIntervalMs: integer(MIRROR_INTERVAL_MS_MIN, 3_600_000).default(MIRROR_INTERVAL_MS),
    mirrorRetentionMs: integer(0, 9_999_999_999).default(MIRROR_RETENTION_MS),
    offloadTo: z.string().min(1).optional(),
    offloadGraceMs: integer(0, 9_999_999_999).default(OFFLOAD_GRACE_MS),
    auditLog: z.string().min(1).default("off"),
  })
  .refine(
    ({ httpPort, indexPorts = "" }) => {
      const range = parsePortRange(indexPorts);
      return range === undefined || (httpPort !== "off" && !isInRange(range, httpPort));
    },
    { path: ["indexPorts"] },
  )
  .refine((config) => (config.tlsCert === undefined) === (config.tlsKey === undefined), {
    path: ["tlsCert"],
    error: "tlsCert and tlsKey together",
  })
  .refine(({ embedder, embedderUrl }) => embedder !== "openai" || embedderUrl !== undefined, {
    path: ["embedderUrl"],
  })
  .refine(
    ({ embedder, embedderModel }) =>
      embedderModel === undefined
        ? embedder === "built-in" || embedder === "dashscope"
        : (embedderModel === BUILT_IN_MODEL) === (embedder === "built-in"),
    { path: ["embedderModel"] },
  )
  .refine(
    ({ embedder, embedderDimension = 1 }) =>
      embedder !== "built-in" || embedderDimension <= EMBED_DIMENSION_MAX,
    { path: ["embedderDimension"] },
  )
  .refine((config) => config.embedderKey === undefined || config.embedderKeyFile === undefined, {
    path: ["embedderKeyFile"],
  })
  .refine(({ reranker, rerankerUrl }) => reranker !== "cohere" || rerankerUrl !== undefined, {
    path: ["rerankerUrl"],
  })
  .refine(({ reranker, rerankerModel }) => reranker === "off" || rerankerModel !== undefined, {
    path: ["rerankerModel"],
  })
  .refine(
    ({ masterKey, masterKeyFile, masterKeyCommand }) =>
      [masterKey, masterKeyFile, masterKeyCommand].filter((one) => one !== undefined).length < 2,
    { path: ["masterKeyFile"] },
  )
  .refine((config) => config.rerankerKey === undefined || config.rerankerKeyFile === undefined, {
    path: ["rerankerKeyFile"],
  });

export interface Setting {
  readonly name: keyof ServerConfig;
  /** `--data-dir` */
  readonly flag: string;
  /** `INSULA_DATA_DIR` */
  readonly variable: string;
  /** What is expected, for help texts and refusals. */
  readonly expected: string;
  readonly description: string;
  /** As text; absent when there is none. */
  readonly fallback?: string;
  /** Never printed, not even when it is wrong. */
  readonly isSecret?: true;
}

/** Everything that can be set, in the order of the help text. */
export const SETTINGS: readonly Setting[] = [
  setting("dataDir", "a folder", "where all data lies", "./insula-data"),
  setting("host", "an address", "address all listeners bind to", "127.0.0.1"),
  setting("httpPort", 'a port, 0 for a free one, or "off"', "port of the HTTP protocols", "8080"),
  setting("publicDomain", "a domain name", "base domain of virtual-host buckets"),
  setting(
    "indexPorts",
    "FIRST-LAST, at most 1000 ports, without httpPort",
    "ports of which each index of Pinecone's interface has one",
  ),
  setting("tlsCert", "a PEM file, with tlsKey", "certificate; listeners then speak TLS"),
  setting("tlsKey", "a PEM file, with tlsCert", "private key of the certificate"),
  setting("adminId", "an access key id", "access key id of the administrator"),
  {
    ...setting("adminSecret", "8 to 256 visible ASCII characters", "secret of the administrator"),
    isSecret: true,
  },
  setting("accountId", "digits", "account of the administrator", "1000000000000001"),
  setting(
    "ossQuotas",
    '"off" or "seed"',
    "enforce the vendor's numbers of buckets and indexes",
    "off",
  ),
  setting(
    "pineconeReadUnits",
    '"size" or "seed"',
    "read units of a query in Pinecone: one a gigabyte, or five more by the older formula",
    "size",
  ),
  setting(
    "memoryBudget",
    "bytes, or a number with KiB, MiB, GiB; at least 256 MiB",
    "memory for vectors, codes and memtables",
  ),
  setting(
    "diskReserve",
    "bytes, or a number with KiB, MiB, GiB; 0 for none",
    "room on the disk below which writes are refused; without it a tenth, at most 1 GiB",
  ),
  setting(
    "scrubRate",
    "bytes a second, or a number with KiB, MiB, GiB; 0 for off",
    "how fast everything on disk is read again to find damage",
    "8388608",
  ),
  setting(
    "recallProbeShare",
    "a number from 0 to 1; 0 for off",
    "share of searches repeated exactly in the background to measure recall",
    "0.001",
  ),
  setting("workerCount", "0 to 64", "threads that search and build"),
  setting(
    "compactionBytesPerSecond",
    "bytes, or a number with KiB, MiB, GiB; 1 MiB to 64 GiB",
    "what merges of segments read and write in a second",
  ),
  setting("connectionsMax", "1 to 100000", "open connections of a listener", "10000"),
  setting("requestTimeoutMs", "1000 to 3600000", "time for one request to arrive, ms", "30000"),
  setting("logLevel", "silent, error, warn, info or debug", "what is logged", "info"),
  setting("metricsTenants", "0 to 100", "busiest tenants that metrics name, with their calls", "0"),
  setting(
    "embedder",
    "built-in, dashscope, openai or local",
    "what turns texts into vectors",
    "built-in",
  ),
  {
    ...setting(
      "embedderUrl",
      "an http or https address without credentials (needed with embedder openai)",
      "base address of the embedding service",
    ),
    isSecret: true,
  },
  setting(
    "embedderModel",
    "a model name (needed with embedder openai or local; insula-lexical-1 is built-in)",
    "model of the embedder; collections remember it",
  ),
  setting(
    "embedderDimension",
    "1 to 16384 (4096 with the built-in embedder)",
    "components asked of the model; without it the model's own",
  ),
  {
    ...setting("embedderKey", "1 to 512 visible ASCII characters", "key of the embedding service"),
    isSecret: true,
  },
  setting(
    "embedderKeyFile",
    "a file, instead of embedderKey",
    "file whose first line is the key of the embedding service",
  ),
  setting("reranker", "off, dashscope or cohere", "shape of the reranking service", "off"),
  {
    ...setting(
      "rerankerUrl",
      "an http or https address without credentials (needed with reranker cohere)",
      "base address of the reranking service",
    ),
    isSecret: true,
  },
  setting("rerankerModel", "a model name (needed with a reranker)", "model of the reranker"),
  {
    ...setting("rerankerKey", "1 to 512 visible ASCII characters", "key of the reranking service"),
    isSecret: true,
  },
  setting(
    "rerankerKeyFile",
    "a file, instead of rerankerKey",
    "file whose first line is the key of the reranking service",
  ),
  setting("encryption", "on or off", "whether new tenants are sealed at rest", "on"),
  {
    ...setting(
      "masterKey",
      "64 hexadecimal digits, or base64 of 32 bytes",
      "key that wraps the keys of all tenants",
    ),
    isSecret: true,
  },
  setting(
    "masterKeyFile",
    "a file, instead of masterKey and masterKeyCommand",
    "file of the master key; without any source: master-key in the data folder",
  ),
  setting(
    "masterKeyCommand",
    "a command, instead of masterKey and masterKeyFile",
    "command whose output is the master key, asked at the start",
  ),
  setting(
    "backupStore",
    "a folder, or s3://BUCKET/PREFIX",
    "where requests for backups and restores go",
  ),
  setting(
    "mirrorTo",
    "a folder, or s3://BUCKET/PREFIX",
    "where the data folder is copied to all the time",
  ),
  setting(
    "mirrorIntervalMs",
    "200 to 3600000",
    "what may be lost with the machine while there is a mirror, ms",
    "5000",
  ),
  setting(
    "mirrorRetentionMs",
    "0 to 9999999999",
    "how far back a mirror can be restored to a moment, ms",
    "86400000",
  ),
  setting(
    "offloadTo",
    "a folder, or s3://BUCKET/PREFIX",
    "where tenants are offloaded to, and come back from",
  ),
  setting(
    "offloadGraceMs",
    "0 to 9999999999",
    "how long objects of tenants stay that came back or were deleted, ms",
    "3600000",
  ),
  setting("auditLog", '"off", "on", or a file', "where decisions about access are written", "off"),
];

/**
 * Names that later versions will use. Refused with their own sentence, so that nobody believes a
 * port is open that is not.
 */
export const RESERVED_SETTINGS: readonly string[] = ["grpcPort", "pineconePort", "sqlPort"];

export function toFlag(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

export function toVariable(name: string): string {
  return `INSULA_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

function setting(
  name: keyof ServerConfig,
  expected: string,
  description: string,
  fallback?: string,
): Setting {
  const base = { name, flag: toFlag(name), variable: toVariable(name), expected, description };
  return fallback === undefined ? base : { ...base, fallback };
}

const UNITS: Readonly<Record<string, number>> = { KiB: 1_024, MiB: 1_048_576, GiB: 1_073_741_824 };

function parseBytes(text: string): number {
  const unit = UNITS[text.slice(-3)];
  return unit === undefined ? Number(text) : Number(text.slice(0, -3)) * unit;
}
