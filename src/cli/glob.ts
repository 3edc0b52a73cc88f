/** Files by a pattern, for shells that do not expand it and for patterns in quotes. */
import { existsSync } from "node:fs";
import { CommandError, EXIT_CODES } from "./command-error.ts";
import { fromFile, listFiles, type TextSource } from "./text-sources.ts";

/** True when the text can only be meant as a pattern: it has its signs and is no file. */
export function isPattern(text: string): boolean {
  return /[*?[{]/.test(text) && !existsSync(text);
}

/**
 * `*` and `?` within a name, `**` over folders, `[a-z]`, `{a,b}`; sorted. What a folder leaves out
 * is left out here too.
 *
 * @throws CommandError when nothing matches.
 */
export async function fromPattern(pattern: string): Promise<readonly TextSource[]> {
  const parts = pattern.replaceAll("\\", "/").split("/");
  const first = parts.findIndex((part) => /[*?[{]/.test(part));
  const root = parts.slice(0, first).join("/");
  const matcher = toMatcher(parts.slice(first).join("/"));
  const base = root === "" && !pattern.startsWith("/") ? "." : `${root}/`;
  const prefix = root === "" && base === "." ? "" : `${root}/`;
  const files = existsSync(base) ? await listFiles(base) : [];
  const found = files.filter((name) => matcher.test(name));
  if (found.length === 0) {
    throw new CommandError(
      EXIT_CODES.notFound,
      `No file matches ${pattern}.`,
      "Check the pattern; ** goes into folders.",
    );
  }
  return found.map((name) => fromFile(`${prefix}${name}`, `${prefix}${name}`));
}

/** @param pattern  without a fixed beginning. Matches paths with `/`. */
export function toMatcher(pattern: string): RegExp {
  let text = "";
  let depth = 0;
  for (let i = 0; i < pattern.length; i++) {
    const sign = pattern[i] ?? "";
    if (sign === "*" && pattern[i + 1] === "*") {
      const isFolder = pattern[i + 2] === "/";
      text += isFolder ? "(?:[^/]+/)*" : ".*";
      i += isFolder ? 2 : 1;
    } else if (sign === "*") text += "[^/]*";
    else if (sign === "?") text += "[^/]";
    else if (sign === "[") {
      const end = pattern.indexOf("]", i + 2);
      if (end < 0) text += "\\[";
      else {
        const set = pattern
          .slice(i + 1, end)
          .replace(/^!/, "^")
          .replaceAll("\\", "\\\\");
        text += `(?!/)[${set}]`;
        i = end;
      }
    } else if (sign === "{") {
      depth++;
      text += "(?:";
    } else if (sign === "}" && depth > 0) {
      depth--;
      text += ")";
    } else if (sign === "," && depth > 0) text += "|";
    else text += sign.replace(/[\\^$.|+()[\]{}]/, "\\$&");
  }
  try {
    return new RegExp(`^${text}$`, "u");
  } catch (cause) {
    throw new CommandError(
      EXIT_CODES.usage,
      `Cannot read the pattern ${pattern}.`,
      "Close every bracket.",
      cause,
    );
  }
}
