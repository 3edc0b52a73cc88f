/** Small files with keys: mirrored as objects that are replaced, so that an erased key is gone. */

/** Wrapped already, and needed to open anything else. */
export function isPlainSecret(path: string): boolean {
  return path.startsWith("keys/");
}
