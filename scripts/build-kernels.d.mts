/** Types of build-kernels.mjs for the tests and scripts that call it. */
export interface BuildKernelsOptions {
  /** Compile even when nothing has changed. */
  readonly force?: boolean;
  /** Also copy the modules here. */
  readonly outFolder?: string;
}

export const GENERATED_FOLDER: string;
export function buildKernels(
  options?: BuildKernelsOptions,
): Promise<{ readonly compiled: boolean; readonly folder: string }>;
