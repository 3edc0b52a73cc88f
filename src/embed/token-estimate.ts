/**
 * Tokens of a text where nobody counts them: about four characters each. For the fields of answers
 * in which the vendors tell what they charge.
 */
export function estimateTokens(text: string): number {
  return Math.ceil(text.length / 4);
}
