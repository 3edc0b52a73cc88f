/** What is played of each command: that it works, that it fails, its help. */
import type { Step } from "./player.ts";

/** A doctor that finds the same on every machine: little memory, few connections, no port. */
const SMALL = {
  INSULA_MEMORY_BUDGET: "268435456",
  INSULA_CONNECTIONS_MAX: "100",
  INSULA_HTTP_PORT: "off",
};

const PUT = "put --create --folder texts";

/**
 * Beside the folder: texts/ (three texts, a picture), notes.jsonl (three records of two numbers).
 */
export const FILES: Readonly<Record<string, string>> = {
  "texts/bins.md": "The bins are emptied on Tuesdays.\n\nPaper goes into the blue one.\n",
  "texts/cats.md": "Cats and small dogs are welcome.\n\nPlease tell the neighbours before.\n",
  "texts/more/heating.md": "The heating starts in October.\n\nA cold radiator has air in it.\n",
  "texts/picture.bin": "\0\u0001\u0002",
  "notes.jsonl": [
    '{"key":"a","vector":[1,0],"metadata":{"year":2024}}',
    '{"key":"b","vector":[0,1],"metadata":{"year":2025}}',
    '{"key":"c","vector":[1,1]}',
    "",
  ].join("\n"),
  "broken.jsonl": '{"key":"a","vector":[1,0]}\n{"key":"b","vector":[0,\n',
};

export const SCENARIOS: Readonly<Record<string, readonly Step[]>> = {
  insula: [
    { line: "--help", isLaidOut: true },
    { line: "--version" },
    { line: "pu" },
    { line: "--json bogus" },
    { line: "status" },
    {
      line: "--url http://127.0.0.1:2 status",
      variables: { INSULA_ADMIN_SECRET: "secret-of-a-test" },
    },
    { line: "--url http://127.0.0.1:2 status" },
  ],
  serve: [
    { line: "serve --help" },
    { line: "serve --http-port 99999" },
    {
      line: "serve --http-port 0 --log-level warn",
      meanwhile: {
        after: /Ctrl-C stops/,
        steps: [
          { line: "status" },
          { line: `${PUT} --collection house --tenant north south` },
          { line: "query --collection house --all-tenants --text 'cold radiator' --top-k 2" },
          { line: "tenant ls main-database house" },
          { line: "log-level debug" },
          { line: "log-level warn --json" },
          { line: "verify" },
        ],
      },
    },
  ],
  put: [
    { line: "put --help", isLaidOut: true },
    { line: PUT, isLaidOut: true },
    { line: PUT },
    { line: "put --file 'texts/**/*.md' --metadata team=house" },
    { line: "put --key note", input: "The door code changes in May." },
    { line: "put --text one --collection nowhere" },
    { line: "put --file missing.md" },
    { line: "put --text one two --key both" },
    { line: `${PUT} --json` },
  ],
  query: [
    { line: PUT },
    { line: "query --help" },
    { line: "query --text 'cold radiator' --top-k 2" },
    { line: "query --text bins cats --top-k 1" },
    { line: "query --top-k 1", input: "When are the bins emptied?" },
    { line: "query --file 'texts/*.md' --top-k 1 --json" },
    { line: `query --text cats --filter '{"source":{"$in":["texts/bins.md"]}}'` },
    { line: `query --text cats --filter '{"source":{"$like":"x"}}'` },
    { line: "query --text cats --collection nowhere" },
  ],
  import: [
    { line: "import --help" },
    { line: "import --create --collection notes notes.jsonl" },
    { line: "import --collection notes notes.jsonl --json" },
    { line: "import --collection notes broken.jsonl" },
    { line: "import missing.jsonl" },
  ],
  export: [
    { line: "import --create --collection notes notes.jsonl" },
    { line: "export --help" },
    { line: "export --collection notes notes.parquet" },
    { line: "export --collection notes notes.npy" },
    { line: "export --collection notes -" },
    { line: "export --collection notes --hash-only --json" },
    { line: "export --collection notes notes.zip" },
  ],
  db: [
    { line: "db --help" },
    { line: "db create --help" },
    { line: "db create acme" },
    { line: "db create acme" },
    { line: "db ls" },
    { line: "db ls --json" },
    { line: "db rm nobody" },
    { line: "db rm acme --force" },
  ],
  collection: [
    { line: "collection --help" },
    { line: "collection create --help" },
    { line: "db create acme" },
    { line: "collection create acme notes --dimension 1024" },
    { line: "collection create acme people --dimension 256 --metric dot --tenants" },
    { line: "collection ls acme" },
    { line: "collection create acme notes --metric far" },
    { line: "collection disable acme notes" },
    { line: "collection rm acme notes" },
    { line: "collection rm acme notes" },
  ],
  tenant: [
    { line: "tenant --help" },
    { line: "tenant ls --help" },
    { line: "db create acme" },
    { line: "collection create acme notes --tenants" },
    { line: "tenant create acme notes team-1" },
    { line: "tenant create acme notes team-1" },
    { line: "tenant ls acme notes --prefix team-" },
    { line: "tenant rm acme notes team-1" },
    { line: "tenant rm acme notes team-1 --json" },
  ],
  keys: [
    { line: "keys --help" },
    { line: "keys create --help" },
    { line: "keys create --grant read,write@shop/docs/acme --rate 50 --json" },
    // One key is listed: ids are random, and so is the order of two.
    { line: "keys ls" },
    { line: "keys create" },
    { line: "keys create --grant read" },
    { line: "keys rotate nobody" },
    { line: "keys rm nobody" },
    { line: "keys reset-admin" },
  ],
  status: [{ line: "status --help" }, { line: PUT }, { line: "status" }, { line: "status --json" }],
  inspect: [
    { line: "inspect --help" },
    { line: "db create acme" },
    { line: "inspect" },
    { line: "inspect nowhere" },
  ],
  verify: [
    { line: "verify --help" },
    { line: "verify" },
    { line: PUT },
    { line: "verify --all" },
    { line: "verify --json" },
  ],
  doctor: [
    { line: "doctor --help" },
    { line: "doctor", variables: SMALL },
    { line: "doctor", variables: { ...SMALL, INSULA_COLOUR: "red" } },
  ],
  config: [
    { line: "config --help" },
    { line: "config", variables: { INSULA_LOG_LEVEL: "warn", INSULA_ADMIN_SECRET: "not-shown" } },
    { line: "config extra" },
  ],
  health: [
    { line: "health --help" },
    { line: "health --http-port 9" },
    { line: "health --http-port off" },
    { line: "log-level --help" },
    { line: "log-level loud" },
    { line: "log-level debug" },
  ],
};
