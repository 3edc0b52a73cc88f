/**
 * Words of a text and the hashed features of a word.
 *
 * A word is a run of letters, marks and digits after NFKC and lower-casing. Han, kana and Thai are
 * written without blanks, so there each character and each pair of neighbours is a word. Symbols
 * (also emoji) are words of their own; punctuation counts only when a text has nothing else.
 */
const WORD = /[\p{L}\p{M}\p{N}]+|\p{S}+/gu;
const VISIBLE = /[^\s\p{C}]+/gu;
const UNSPACED = /[\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Thai}]/u;
/** Runs written without blanks, and what stands between them. */
const UNSPACED_OR_NOT = new RegExp(`${UNSPACED.source}+|[^${UNSPACED.source.slice(1)}+`, "gu");

/** Word to number of times it occurs, in the order of first occurrence; empty for a blank text. */
export function countWords(text: string): Map<string, number> {
  const folded = text.normalize("NFKC").toLowerCase();
  const counts = new Map<string, number>();
  for (const [run] of folded.matchAll(WORD)) countRun(counts, run);
  if (counts.size === 0) {
    for (const [run] of folded.matchAll(VISIBLE)) count(counts, run);
  }
  return counts;
}

function countRun(counts: Map<string, number>, run: string): void {
  if (!UNSPACED.test(run)) {
    count(counts, run);
    return;
  }
  for (const [part] of run.matchAll(UNSPACED_OR_NOT)) {
    if (!UNSPACED.test(part)) {
      count(counts, part);
      continue;
    }
    const characters = Array.from(part);
    characters.forEach((character, i) => {
      count(counts, character);
      const next = characters[i + 1];
      if (next !== undefined) count(counts, character + next);
    });
  }
}

function count(counts: Map<string, number>, word: string): void {
  counts.set(word, (counts.get(word) ?? 0) + 1);
}

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;
/** Starts of the two families of features, so that the word "cat" is not the n-gram "cat". */
const WORD_START = FNV_OFFSET;
const GRAM_START = Math.imul(FNV_OFFSET ^ 0x67, FNV_PRIME);
const GRAM_LENGTH_MIN = 3;
const GRAM_LENGTH_MAX = 5;
/** Marks of word start and end; control characters cannot be in a word. */
const WORD_BEGIN = 0x02;
const WORD_END = 0x03;
/**
 * UTF-16 units of one word whose n-grams are counted; a longer run (base64, a line of dashes) is no
 * word of a language, and its n-grams would drown the rest.
 */
const GRAM_WORD_LENGTH_MAX = 64;
/** Length that the word itself, and all its n-grams together, add to the vector. */
const WORD_SHARE = 1;
const GRAMS_SHARE = 1.2;
/** Short words are mostly articles and prepositions; there is no corpus here to learn that from. */
const FULL_WEIGHT_LENGTH = 5;

/**
 * Adds the features of one word to `vector`.
 *
 * The word itself and its n-grams of 3 to 5 UTF-16 units (with marks at both ends) each go to one
 * component with one sign, both taken from the feature's hash; signs make collisions cancel on
 * average instead of adding up (Weinberger et al., ICML 2009). The n-grams of one word share a
 * fixed weight, so that a long word is not many words (Bojanowski et al., TACL 2017, for the
 * n-grams).
 *
 * @param weight  of the word in its text, see {@link occurrenceWeight}.
 */
export function addWord(vector: Float64Array, word: string, weight: number): void {
  const scaled = weight * lengthWeight(word);
  addFeature(vector, hashWord(word), scaled * WORD_SHARE);
  const length = word.length + 2;
  if (word.length > GRAM_WORD_LENGTH_MAX || length < GRAM_LENGTH_MIN + 1) return;
  // (length - 2) + (length - 3) + (length - 4) n-grams of 3, 4 and 5 units.
  const gramWeight = (scaled * GRAMS_SHARE) / Math.sqrt(3 * length - 9);
  for (let start = 0; start + GRAM_LENGTH_MIN <= length; start++) {
    let hash = GRAM_START;
    const end = Math.min(length, start + GRAM_LENGTH_MAX);
    for (let i = start; i < end; i++) {
      hash = Math.imul(hash ^ unitAt(word, i), FNV_PRIME);
      if (i - start + 1 >= GRAM_LENGTH_MIN) addFeature(vector, hash, gramWeight);
    }
  }
}

/**
 * Weight of a word that occurs `occurrences` times: 1, 1.7, 2.4 for 1, 2, 4, straight lines between
 * powers of two. Like 1 + ln, but made of exact operations only, so that no library's last bit
 * shows.
 */
export function occurrenceWeight(occurrences: number): number {
  const power = 31 - Math.clz32(occurrences);
  return 1 + 0.7 * (power + occurrences / 2 ** power - 1);
}

/** Component that stands for the whole text when all features happen to cancel. */
export function fallbackComponent(text: string, dimension: number): number {
  return mix(hashWord(text)) % dimension;
}

function lengthWeight(word: string): number {
  if (UNSPACED.test(word)) return word.length > 1 ? 1 : 0.5;
  return Math.min(1, word.length / FULL_WEIGHT_LENGTH);
}

function unitAt(word: string, position: number): number {
  if (position === 0) return WORD_BEGIN;
  return position > word.length ? WORD_END : word.charCodeAt(position - 1);
}

function hashWord(word: string): number {
  let hash = WORD_START;
  for (let i = 0; i < word.length; i++) hash = Math.imul(hash ^ word.charCodeAt(i), FNV_PRIME);
  return hash;
}

function addFeature(vector: Float64Array, hash: number, weight: number): void {
  const mixed = mix(hash);
  const component = (mixed >>> 1) % vector.length;
  vector[component] = (vector[component] ?? 0) + ((mixed & 1) === 0 ? weight : -weight);
}

/**
 * Spreads the bits of FNV over all places (the finalizer of MurmurHash3, public domain). Returns
 * uint32.
 */
function mix(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
