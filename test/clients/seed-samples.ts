/**
 * Takes the programs out of the source texts at test time. Nothing of the texts is kept here.
 *
 * What is done to a sample, and nothing else:
 * - the sentence glued to the end of its last line is cut off;
 * - Python only: the texts, as we have them, have lost all indentation, without which no Python
 *   program means anything. {@link indentPython} gives it back by three fixed rules;
 * - placeholders are filled in and one line names the endpoint (see {@link localize}).
 */
import { readFileSync } from "node:fs";
import path from "node:path";

export type SampleKind = "python" | "go" | "shell" | "http";

export interface Sample {
  readonly kind: SampleKind;
  /** Heading before the sample, for reports. */
  readonly title: string;
  readonly code: string;
}

/** Where the texts lie; undefined when they are not there. */
export function seedFolder(): string | undefined {
  return process.env["SEED_TEXTS"];
}

export function readArchitectureSamples(folder: string): readonly Sample[] {
  const text = readFileSync(path.join(folder, "oss-multi-index-architecture.txt"), "utf8");
  const lines = text.split("\n");
  const samples: Sample[] = [];
  let i = 0;
  while (i < lines.length) {
    const kind = kindOfStart(lines[i] ?? "", lines[i + 1] ?? "");
    if (kind === undefined) {
      i += 1;
      continue;
    }
    const end = findEnd(lines, i, kind);
    const code = lines.slice(i, end + 1);
    code[code.length - 1] = cutTail(code.at(-1) ?? "", kind);
    samples.push({ kind, title: titleBefore(lines, i), code: `${finish(code, kind)}\n` });
    i = end + 1;
  }
  return samples;
}

/** The raw requests: fenced blocks whose first line is a request line. */
export function readHttpSamples(folder: string): readonly Sample[] {
  const text = readFileSync(path.join(folder, "oss-vector-api.txt"), "utf8");
  const samples: Sample[] = [];
  for (const match of text.matchAll(
    /^### (.+)\n+```\w*\n((?:PUT|POST|GET|DELETE) [^\n]* HTTP\/1\.1\n[^]*?)```/gm,
  )) {
    samples.push({ kind: "http", title: match[1] ?? "", code: match[2] ?? "" });
  }
  return samples;
}

function kindOfStart(line: string, next: string): SampleKind | undefined {
  if (line === "package main") return "go";
  if (/^oss-vectors-embed \\$/.test(line)) return "shell";
  if (/^(import|from) /.test(line) && /^(import|from) /.test(next)) return "python";
  return undefined;
}

/**
 * Programs end at the line that runs into "Sample output"; a command at its first line without a
 * backslash.
 */
function findEnd(lines: readonly string[], start: number, kind: SampleKind): number {
  const isLast =
    kind === "shell"
      ? (line: string) => !line.endsWith("\\")
      : (line: string) => line.includes("Sample output:");
  const length = lines.slice(start).findIndex(isLast);
  if (length === -1) throw new Error(`The ${kind} sample at line ${String(start + 1)} has no end.`);
  return start + length;
}

function cutTail(line: string, kind: SampleKind): string {
  if (kind !== "shell") return line.slice(0, line.indexOf("Sample output:"));
  const quoted = /^(.*'[^']*')[A-Z]/.exec(line)?.[1];
  const option = /^(.*--[a-z-]+)[A-Z]/.exec(line)?.[1];
  return quoted ?? option ?? line;
}

function finish(code: readonly string[], kind: SampleKind): string {
  return (kind === "python" ? indentPython(code) : code).join("\n");
}

function titleBefore(lines: readonly string[], start: number): string {
  for (let i = start - 1; i >= 0; i--) {
    const line = lines[i] ?? "";
    if (line.startsWith("#")) return line.slice(1).trim();
    if (/^[A-Z][^.:]*$/.test(line) && !line.startsWith("Index ")) return line;
    const glued = /(?:status_code=\d+|')([A-Z][A-Za-z -]+)$/.exec(line)?.[1];
    if (glued !== undefined) return glued;
  }
  return "";
}

/**
 * Gives lost indentation back. Inside brackets and strings it has no meaning. Elsewhere:
 * 1. the line after one that ends in ":" is one level deeper;
 * 2. `import`, `from`, `def` and `class` stand at the margin, and so does what follows a `return`;
 * 3. a comment on a line of its own ends the loops and blocks around it, up to the function.
 */
export function indentPython(lines: readonly string[]): string[] {
  const result: string[] = [];
  let level = 0;
  let functionLevel = 0;
  let depth = 0;
  let hasReturned = false;
  for (const line of lines) {
    if (depth > 0) {
      result.push(`${"    ".repeat(level + 1)}${line}`);
      depth += bracketBalance(line);
      if (depth === 0 && endsBlockHead(line)) level += 1;
      continue;
    }
    if (hasReturned || /^(import|from|def|class) /.test(line)) {
      level = 0;
      functionLevel = 0;
    } else if (line.startsWith("#")) {
      level = functionLevel;
    }
    hasReturned = /^return\b/.test(line);
    result.push(`${"    ".repeat(level)}${line}`);
    depth += bracketBalance(line);
    if (hasReturned && depth > 0) continue;
    if (depth === 0 && endsBlockHead(line)) level += 1;
    if (/^def /.test(line)) functionLevel = 1;
  }
  return result;
}

function endsBlockHead(line: string): boolean {
  return /:\s*(#.*)?$/.test(line) && !line.startsWith("#");
}

/** Opening minus closing brackets outside of strings and comments. */
function bracketBalance(line: string): number {
  const bare = line
    .replace(/"""[^]*?"""|"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g, "")
    .replace(/#.*$/, "");
  return (bare.match(/[([{]/g)?.length ?? 0) - (bare.match(/[)\]}]/g)?.length ?? 0);
}

export interface Local {
  readonly accountId: string;
  readonly bucket: string;
  /** `http://127.0.0.1:PORT`, for clients that take an address. */
  readonly url: string;
}

/** Host that only the server, used as HTTP proxy, knows. */
export const PROXIED_HOST = "vectors.test";

/** Fills in the placeholders and inserts the one line that names the endpoint. */
export function localize(sample: Sample, local: Local): string {
  const filled = sample.code
    .replaceAll("<your-account-id>", local.accountId)
    .replaceAll("<your-vector-bucket>", local.bucket);
  const endpoint = {
    python: [/^( *)cfg\.region = .*$/m, `$&\n$1cfg.endpoint = "http://${PROXIED_HOST}"`],
    go: [/^WithRegion\(region\)\.$/m, `$&\nWithEndpoint("${local.url}").`],
    shell: [/^--vectors-region .*\\$/m, `$&\n--vectors-endpoint http://${PROXIED_HOST} \\`],
    http: undefined,
  }[sample.kind];
  if (endpoint === undefined) return filled;
  const [pattern, replacement] = endpoint as [RegExp, string];
  if (!pattern.test(filled)) throw new Error(`No place for the endpoint in "${sample.title}".`);
  return filled.replace(pattern, replacement);
}
