/** The fenced blocks of our documents, and how each is run. */

export interface Snippet {
  readonly language: string;
  readonly text: string;
  /** Line of the fence, from 1. */
  readonly line: number;
  /** Why it is not run: the text of the comment above it. */
  readonly notRun: string | undefined;
  /** The block after it, when that is what it prints. */
  readonly printed: string | undefined;
}

/** Languages that are run, unless a comment above the block says why not. */
export const RUN_LANGUAGES: readonly string[] = ["ts", "js", "mjs", "sh"];
const PRINTED_LANGUAGES: readonly string[] = ["json", "text"];

const FENCE = /^```(\w*)\n(.*?)^```$/gms;
const REASON = /<!-- not run here: ([^>]+) -->\s*$/;

export function snippetsOf(document: string): readonly Snippet[] {
  const fences = [...document.matchAll(FENCE)];
  return fences.map((fence, i) => {
    const [, language = "", text = ""] = fence;
    const before = document.slice(0, fence.index);
    const next = fences[i + 1];
    const between = next && document.slice(fence.index + fence[0].length, next.index);
    const isPrinted = PRINTED_LANGUAGES.includes(next?.[1] ?? "") && between?.trim() === "";
    return {
      language,
      text,
      line: before.split("\n").length,
      notRun: REASON.exec(before)?.[1],
      printed: isPrinted ? next?.[2] : undefined,
    };
  });
}

/** What the comments behind `console.log(…)` promise, one line each. */
export function printedByComments(program: string): string {
  const lines = program.split("\n").flatMap((line) => {
    const comment = /console\.log\(.*\); \/\/ (.*)$/.exec(line)?.[1];
    return comment === undefined ? [] : comment.split(" // ");
  });
  return lines.map((line) => `${line}\n`).join("");
}

/** Members whose values are other ones in every run; their kinds are compared. */
const MOVING = ["createdAtMs", "atMs", "wakeMs", "planned", "exact", "id", "keyId", "requestId"];

/** JSON values one after the other, with moving members replaced by their kind. */
export function comparableJson(text: string): readonly unknown[] {
  const values: unknown[] = [];
  for (let rest = text.trim(); rest !== "";) {
    const end = endOfValue(rest);
    values.push(
      JSON.parse(rest.slice(0, end), (name, value: unknown) =>
        MOVING.includes(name) && typeof value !== "object" ? typeof value : value,
      ),
    );
    rest = rest.slice(end).trim();
  }
  return values;
}

/** Where the first object or list of a text ends. */
function endOfValue(text: string): number {
  let depth = 0;
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\]|\\.)*"|[[\]{}]/g)) {
    if (token === "{" || token === "[") depth++;
    else if (token === "}" || token === "]") depth--;
    if (depth === 0 && token.length === 1) return index + 1;
  }
  return text.length;
}
