/** What a test knows of a store that runs, and where it is told. */
export interface RealStore {
  /** With its version. */
  readonly name: string;
  readonly endpoint: string;
  readonly keyId: string;
  readonly secret: string;
  /** Of the test, removed with the store. */
  readonly folder: string;
}

export const REAL_STORE_REGION = "us-east-1";
/** Holds a {@link RealStore} as JSON, set by run.ts. */
export const REAL_STORE_VARIABLE = "INSULA_TEST_STORE";

export function readRealStore(): RealStore {
  const text = process.env[REAL_STORE_VARIABLE];
  if (text === undefined) throw new Error("Start the stores first: npm run test:stores");
  return JSON.parse(text) as RealStore;
}
