/**
 * Like `Promise.all`, but waits for every one of them whatever becomes of the others: none still
 * writes where the caller has given up its memory.
 *
 * @throws the first error in their order, when all have ended.
 */
export async function allDone<const Values extends readonly unknown[]>(
  promises: Values,
): Promise<{ -readonly [Index in keyof Values]: Awaited<Values[Index]> }> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}
