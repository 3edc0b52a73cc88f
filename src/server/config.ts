/**
 * The configuration of a server: one schema that names every setting once. Flags, variables and the
 * members of the file follow from the names: `dataDir`, `--data-dir`, `INSULA_DATA_DIR`.
 */
import { z } from "zod";

export interface ServerConfig {
  readonly dataDir: string;
  readonly host: string;
  readonly httpPort: number | "off";
  readonly publicDomain?: string | undefined;
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
  readonly adminId?: string | undefined;
  readonly adminSecret?: string | undefined;
  readonly accountId: string;
  readonly ossQuotas: "off" | "seed";
  /** Bytes; absent: a share of what the machine has. */
  readonly memoryBudget?: number | undefined;
  /** Kernel workers; absent: one per core but one. */
  readonly workerCount?: number | undefined;
  readonly connectionsMax: number;
  readonly requestTimeoutMs: number;
  readonly logLevel: "silent" | "error" | "warn" | "info" | "debug";
}

/** Below this not even the smallest arenas and the block cache fit, bytes. */
const MEMORY_BUDGET_BYTES_MIN = 67_108_864;

/** A whole number, also as its digits. Nothing else: `null` or `true` must not become 0 or 1. */
function integer(min: number, max: number): z.ZodType<number> {
  const digits = z.string().regex(/^\d{1,10}$/);
  return z.union([z.number(), digits.transform(Number)]).pipe(z.number().int().min(min).max(max));
}

const bytes = z
  .union([z.number(), z.string().regex(/^\d{1,15}(KiB|MiB|GiB)?$/)])
  .transform((value) => (typeof value === "number" ? value : parseBytes(value)))
  .pipe(z.number().int().min(MEMORY_BUDGET_BYTES_MIN));

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
    tlsCert: z.string().min(1).optional(),
    tlsKey: z.string().min(1).optional(),
    adminId: z.string().min(1).optional(),
    adminSecret: z.string().min(1).optional(),
    accountId: z
      .string()
      .regex(/^\d{1,32}$/)
      .default("1000000000000001"),
    ossQuotas: z.enum(["off", "seed"]).default("off"),
    memoryBudget: bytes.optional(),
    workerCount: integer(0, 64).optional(),
    connectionsMax: integer(1, 100_000).default(10_000),
    requestTimeoutMs: integer(1_000, 3_600_000).default(30_000),
    logLevel: z.enum(["silent", "error", "warn", "info", "debug"]).default("info"),
  })
  .refine((config) => (config.tlsCert === undefined) === (config.tlsKey === undefined), {
    path: ["tlsCert"],
    error: "tlsCert and tlsKey together",
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
  setting("memoryBudget", "bytes, or a number with KiB, MiB, GiB", "memory the engine may use"),
  setting("workerCount", "0 to 64", "threads that search and build"),
  setting("connectionsMax", "1 to 100000", "open connections of a listener", "10000"),
  setting("requestTimeoutMs", "1000 to 3600000", "time for one request to arrive, ms", "30000"),
  setting("logLevel", "silent, error, warn, info or debug", "what is logged", "info"),
];

/**
 * Names that later versions will use. Refused with their own sentence, so that nobody believes a
 * port is open that is not.
 */
export const RESERVED_SETTINGS: readonly string[] = [
  "grpcPort",
  "pineconePort",
  "sqlPort",
  "masterKeyFile",
];

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
