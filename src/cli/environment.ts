/** Variables with our prefix that configure the command line and not the server. */
export const FOREIGN_VARIABLES: readonly string[] = ["INSULA_URL"];
