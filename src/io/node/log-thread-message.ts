/**
 * What the control thread and the log thread say to each other. Plain values, cloned on the way.
 */

export interface OpenRequest {
  readonly kind: "open";
  readonly id: number;
  readonly path: string;
  readonly mode: number;
}

export interface WriteRequest {
  readonly kind: "write";
  readonly id: number;
  readonly descriptor: number;
  readonly position: number;
  /** Shared memory; the thread only reads it, the sender leaves it alone until the answer. */
  readonly staging: SharedArrayBuffer;
  readonly length: number;
}

export interface CloseRequest {
  readonly kind: "close";
  readonly id: number;
  readonly descriptor: number;
}

export type LogThreadRequest = OpenRequest | WriteRequest | CloseRequest;

export interface LogThreadAnswer {
  readonly id: number;
  /** Of a file just opened. */
  readonly descriptor?: number;
  readonly failure?: { readonly systemCode: string; readonly reason: string };
}
