/**
 * The command line: `insula serve`, `put`, `query`, `status`, `db`, `collection`, `tenant`, `keys`.
 *
 * For: people at a terminal and scripts (`--json`, exit codes). Not for: programs; those take the
 * library or a protocol. A command works on a Session, which is the data folder opened in this
 * process (embedded-session.ts) or a running server (remote-session.ts: the remote body of the
 * library, over our own interface). Commands never know which.
 *
 * Nothing of a command outlives it, except what it wrote into the database: the chunks of a text
 * under keys derived from its name, with the text, its hash and its part number as metadata
 * (ingest.ts says how a second run finds them).
 *
 * Nothing is exported: the entry is main.ts.
 */
export {};
