/** What a write changed; the engine hands it to the dialects as it is. */
export interface WriteResult {
  /** Rows in the shard now minus rows before. */
  readonly rowsAdded: number;
  /** Records that existed and were replaced or deleted. */
  readonly rowsReplaced: number;
}
