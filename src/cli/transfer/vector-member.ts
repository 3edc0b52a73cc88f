/** One vector of a record in a file: a list of numbers, as float32. */

/** @param name  for the message */
export function toVector(value: unknown, name: string): Float32Array {
  const isNumbers = Array.isArray(value) || value instanceof Float32Array;
  const list = value instanceof Float64Array ? Float32Array.from(value) : value;
  if (!isNumbers && !(value instanceof Float64Array))
    throw new RangeError(`${JSON.stringify(name)}: expected a list of numbers`);
  const numbers = list as ArrayLike<unknown>;
  const vector = new Float32Array(numbers.length);
  for (let i = 0; i < numbers.length; i++) {
    const number = numbers[i];
    if (typeof number !== "number" && typeof number !== "bigint")
      throw new RangeError(`${JSON.stringify(name)}: expected numbers, at ${String(i)} is none`);
    const component = Number(number);
    vector[i] = component;
    if (!Number.isFinite(vector[i]))
      throw new RangeError(`${JSON.stringify(name)}: ${String(component)} is no finite float32`);
  }
  return vector;
}
