/**
 * Patterns over names: `*` any text, `?` one character, `\\` before a sign that is meant itself.
 * Everything else is meant as it stands, `/` too: names are no paths.
 */

export interface NamePattern {
  /** Every name that matches begins with this. */
  readonly prefix: string;
  /** Cost: at most the length of the pattern times that of the name. */
  readonly matches: (name: string) => boolean;
}

/** Signs of a pattern that are no characters of a name. */
const ANY_TEXT = Symbol("any text");
const ANY_CHARACTER = Symbol("any character");

type Sign = string | typeof ANY_TEXT | typeof ANY_CHARACTER;

export function toNamePattern(pattern: string): NamePattern {
  const signs = readSigns(pattern);
  const firstOpen = signs.findIndex((sign) => typeof sign === "symbol");
  const fixed = firstOpen < 0 ? signs : signs.slice(0, firstOpen);
  return { prefix: fixed.join(""), matches: (name) => matchSigns(signs, Array.from(name)) };
}

/** True when the text can only be meant as a pattern. */
export function isNamePattern(text: string): boolean {
  return /[*?]/.test(text);
}

function readSigns(pattern: string): readonly Sign[] {
  const characters = Array.from(pattern);
  const signs: Sign[] = [];
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i] ?? "";
    if (character === "\\") signs.push(characters[++i] ?? "\\");
    else if (character === "?") signs.push(ANY_CHARACTER);
    else if (character !== "*") signs.push(character);
    else if (signs.at(-1) !== ANY_TEXT) signs.push(ANY_TEXT);
  }
  return signs;
}

/** Goes back to the last `*` only: an earlier one need never take more than it has. */
function matchSigns(signs: readonly Sign[], name: readonly string[]): boolean {
  let at = 0;
  let starAt = -1;
  let taken = 0;
  for (let i = 0; i < name.length;) {
    const sign = signs[at];
    if (sign === ANY_TEXT) {
      starAt = at++;
      taken = i;
    } else if (sign === ANY_CHARACTER || sign === name[i]) {
      at++;
      i++;
    } else if (starAt >= 0) {
      at = starAt + 1;
      i = ++taken;
    } else return false;
  }
  return signs.slice(at).every((sign) => sign === ANY_TEXT);
}
