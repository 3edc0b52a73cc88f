/**
 * What the house asks of a file besides what compiler, lint and format see: pure functions over
 * text.
 *
 * Each rule gives sentences; no sentence means that all is well. tidy.ts applies them to the tree.
 */

/** Columns of a line. Source: prettier's width, and the habit of the admired code. */
export const LINE_COLUMNS_MAX = 100;
/** Lines of code where the lint does not look. Source: the lint's own bound. */
const FILE_LINES_MAX = 400;
/** A suite may be longer than what it tests. */
const TEST_FILE_LINES_MAX = 600;
/** Entries of the root folder: what a visitor sees at once. */
const ROOT_ENTRIES_MAX = 17;

/** A file as a rule sees it: `path` from the root, with slashes. */
export interface HouseFile {
  readonly path: string;
  readonly text: string;
}

type Rule = (file: HouseFile) => readonly string[];

const CODE = /\.(ts|mts|js|mjs|cjs|py|go|sh)$/;
const TEST = /\.(test|contract|bench)\.ts$|^(test|bench|examples)\//;
const TABLE = /(^|\/)(errors|limits)\.ts$|(^|\/)generated\/|(^|\/)(package-lock\.json|go\.sum)$/;
/** This file and its test name what they look for. */
const OWN = /^scripts\/tidy/;

function lineSentences(file: HouseFile, find: (line: string) => string | undefined): string[] {
  return file.text.split("\n").flatMap((line, i) => {
    const sentence = find(line);
    return sentence === undefined ? [] : [`${file.path}:${i + 1}: ${sentence}`];
  });
}

/** What the formatter breaks by itself: there only comments are left to look at. */
const FORMATTED = /\.(ts|mts|js|mjs|cjs)$/;
const UNFORMATTED_ROOM = "src/math/kernels/";
const COMMENT_LINE = /^\s*(\/\/|\/?\*)/;

/** Counts characters as people see them. An address and a drawing cannot be broken. */
export const lineLength: Rule = (file) => {
  // Prose is wrapped by the formatter; the one of Go knows no width.
  if (!CODE.test(file.path) || TABLE.test(file.path) || file.path.endsWith(".go")) return [];
  const isFormatted = FORMATTED.test(file.path) && !file.path.startsWith(UNFORMATTED_ROOM);
  return lineSentences(file, (line) => {
    const columns = Array.from(line).length;
    if (columns <= LINE_COLUMNS_MAX || line.includes("://")) return undefined;
    if (isFormatted && !COMMENT_LINE.test(line)) return undefined;
    return `the line has ${columns} columns, expected ${LINE_COLUMNS_MAX} at most`;
  });
};

export const fileLength: Rule = ({ path, text }) => {
  if (!CODE.test(path) || TABLE.test(path)) return [];
  const max = TEST.test(path) ? TEST_FILE_LINES_MAX : FILE_LINES_MAX;
  const code = text.split("\n").filter((line) => !/^\s*($|\/\/|\/?\*|#)/.test(line)).length;
  return code <= max
    ? []
    : [`${path}: the file has ${code} lines of code, expected ${max} at most`];
};

const EMPTY_NAMES = ["util", "utils", "common", "misc", "manager", "impl", "data", "info"];

export const fileName: Rule = ({ path }) => {
  if (!/^(src|test|bench|scripts|examples)\//.test(path) || !CODE.test(path)) return [];
  const parts = path.split("/").map((part) => part.split(".")[0] ?? part);
  const empty = parts.filter((part) => EMPTY_NAMES.includes(part));
  const isKebab = /[a-z0-9_.-]+$/.exec(path.slice(path.lastIndexOf("/") + 1))?.index === 0;
  return [
    ...empty.map((part) => `${path}: "${part}" says nothing: name the one thing that is in it`),
    ...(isKebab ? [] : [`${path}: expected a name in kebab-case`]),
  ];
};

export const typeName: Rule = (file) => {
  if (!file.path.endsWith(".ts") || OWN.test(file.path)) return [];
  const type = new RegExp(`\\b(?:class|interface|type) (${EMPTY_NAMES.join("|")})\\b`, "i");
  return lineSentences(file, (line) => {
    const name = type.exec(line)?.[1];
    return name === undefined || /^\s*(\/\/|\*|\/\*)/.test(line)
      ? undefined
      : `a type called ${name} says nothing`;
  });
};

/** Outside code blocks, where `#` is a comment of the shell. */
export const oneTitle: Rule = ({ path, text }) => {
  if (!path.endsWith(".md")) return [];
  const titles = text
    .replaceAll(/^```.*?^```/gms, "")
    .split("\n")
    .filter((line) => line.startsWith("# "));
  return titles.length === 1 ? [] : [`${path}: expected one "# title", found ${titles.length}`];
};

export const openEnds: Rule = (file) => {
  if (!CODE.test(file.path) || OWN.test(file.path)) return [];
  return lineSentences(file, (line) =>
    /\b(TODO|FIXME|XXX|HACK)\b/.test(line) && !/#\d+|decisions?[/ ]\d{4}/.test(line)
      ? "a to-do names an issue (#12) or a decision (decision 0012), or is deleted"
      : undefined,
  );
};

const SKIP = /\b(?:it|test|describe|suite)(?:\.\w+)*\.(only|skip|todo|fails)\b/;

/**
 * A skipped test says why and until when: a comment with a date, on the line or on the one above.
 */
export const skippedTests: Rule = (file) => {
  if (!CODE.test(file.path) || OWN.test(file.path)) return [];
  let above = "";
  return lineSentences(file, (line) => {
    const kind = SKIP.exec(line)?.[1];
    const comment = /\/\/.*\w.* until \d{4}-\d{2}-\d{2}/;
    const isSaid = comment.test(line) || comment.test(above);
    above = line;
    if (kind === "only") return "`.only` leaves all other tests out";
    if (kind === undefined || isSaid) return undefined;
    return `\`.${kind}\` wants a comment "// why, until 2030-01-31" on the line or above`;
  });
};

export const machinePaths: Rule = (file) =>
  OWN.test(file.path)
    ? []
    : lineSentences(file, (line) =>
        /(^|[\s"'`(=:,])\/(work|home|root|Users)\/\w/.test(line)
          ? "a path of one machine"
          : undefined,
      );

const REGISTRIES =
  /registry\.npmjs|registry\.yarnpkg|npmmirror|pypi\.org|pythonhosted|proxy\.golang/;

/** Which registry serves is a setting of whoever installs. */
export const registryHosts: Rule = (file) =>
  OWN.test(file.path)
    ? []
    : lineSentences(file, (line) =>
        REGISTRIES.test(line) ? "a package registry is named" : undefined,
      );

export const FILE_RULES: readonly Rule[] = [
  ...[lineLength, fileLength, fileName, typeName, oneTitle],
  ...[openEnds, skippedTests, machinePaths, registryHosts],
];

/** @param paths  of all files in git */
export function rootEntries(paths: readonly string[]): string[] {
  const entries = new Set(paths.map((path) => path.split("/")[0]));
  if (entries.size <= ROOT_ENTRIES_MAX) return [];
  const list = [...entries].join(" ");
  return [`the root has ${entries.size} entries, expected ${ROOT_ENTRIES_MAX} at most: ${list}`];
}

/** Every room but base, which is entered anywhere, has a table of contents. */
export function roomsWithoutDoor(paths: readonly string[]): string[] {
  const rooms = paths.flatMap((path) => /^src\/([^/]+)\//.exec(path)?.[1] ?? []);
  return [...new Set(rooms)]
    .filter((room) => room !== "base" && !paths.includes(`src/${room}/index.ts`))
    .map((room) => `src/${room}: expected an index.ts`);
}

/**
 * Each code stands in the document, as \`code\`, and the document's table rows name no others.
 *
 * @param document  text of docs/errors.md
 */
export function errorCodes(codes: readonly string[], document: string): string[] {
  const rows = [...document.matchAll(/^\| *`([a-z0-9_]+)`/gm)].map((match) => match[1] ?? "");
  return [
    ...codes
      .filter((code) => !document.includes(`\`${code}\``))
      .map((code) => `docs/errors.md: the code ${code} is missing`),
    ...rows
      .filter((row) => !codes.includes(row))
      .map((row) => `docs/errors.md: there is no code ${row} (src/base/errors.ts)`),
  ];
}
