const LONE_SURROGATE = /\p{Surrogate}/u;

/** Whether text can be written in UTF-8 and read back the same: it has no lone surrogate. */
export function isWellFormed(text: string): boolean {
  return !LONE_SURROGATE.test(text);
}
