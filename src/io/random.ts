/** The door to chance. One seed, one run. */
export interface Random {
  /** `count` fresh bytes, owned by the caller. The real body is cryptographically strong. */
  bytes(count: number): Uint8Array;
}
