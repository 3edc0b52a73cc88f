/**
 * Runs every step, one after the other, whatever becomes of the ones before: an end that stops half
 * way would hold what the later steps give back.
 *
 * @throws the first error, when all steps have run.
 */
export async function closeAll(steps: Iterable<() => Promise<unknown>>): Promise<void> {
  const failures: { readonly error: unknown }[] = [];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      failures.push({ error });
    }
  }
  const [first] = failures;
  if (first !== undefined) throw first.error;
}
