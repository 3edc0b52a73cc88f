/** Work that is done in pieces (`inTurns`), all of it at once. */
export function atOnce<Value>(work: Generator<number, Value, void>): Value {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
  }
}
