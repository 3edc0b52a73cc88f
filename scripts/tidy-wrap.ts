/** Wraps comments that are wider than a line may be, and leaves everything else as it is. */
import { LINE_COLUMNS_MAX } from "./tidy-rules.ts";

/** Indentation and mark, then the text; the opening of a block stands on a line of its own. */
const COMMENT = /^(\s*(?:\*|\/\/) )(\S.*)$/;
const ONE_LINE_BLOCK = /^(\s*)\/\*\* (.*) \*\/$/;

/** A list, a tag, a table, a drawing, an address: its line ends have a meaning. */
function isLaidOut(text: string): boolean {
  return /^(@|[-|<]|```|\d+\. |[A-Z ]+:|eslint|prettier|c8|v8)|\S {2,}\S|:\/\//.test(text);
}

/** Breaks at the last space that fits; undefined when there is none. */
function breakLine(prefix: string, text: string): [string, string] | undefined {
  const at = text.lastIndexOf(" ", LINE_COLUMNS_MAX - prefix.length);
  return at <= 0 ? undefined : [text.slice(0, at), text.slice(at + 1)];
}

/** The rest goes before the text of the next line when that continues the same paragraph. */
export function wrapComments(source: string): string {
  const lines = source.split("\n").flatMap((line) => {
    const block = line.length > LINE_COLUMNS_MAX ? ONE_LINE_BLOCK.exec(line) : null;
    if (block === null) return [line];
    const [, indent = "", text = ""] = block;
    return [`${indent}/**`, `${indent} * ${text}`, `${indent} */`];
  });
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? "";
    const [, prefix, text] = line.length > LINE_COLUMNS_MAX ? (COMMENT.exec(line) ?? []) : [];
    if (prefix === undefined || text === undefined) continue;
    if (/\S {2,}\S|:\/\/|^eslint|^\||^```/.test(text)) continue;
    const broken = breakLine(prefix, text);
    if (broken === undefined) continue;
    const [head, rest] = broken;
    lines[i] = prefix + head;
    const [, nextPrefix, nextText] = COMMENT.exec(lines[i + 1] ?? "") ?? [];
    const isSameParagraph =
      nextPrefix === prefix && nextText !== undefined && !isLaidOut(nextText) && !isLaidOut(text);
    if (isSameParagraph) lines[i + 1] = `${prefix}${rest} ${nextText}`;
    else lines.splice(i + 1, 0, `${prefix}${/^(@|- |\d+\. )/.test(text) ? "  " : ""}${rest}`);
  }
  return lines.join("\n");
}
