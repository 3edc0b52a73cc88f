/** The page a browser gets: one screen, no script, nothing from elsewhere. */
import { createHash } from "node:crypto";
import type { EngineStats } from "../engine/api.ts";
import type { HttpAnswer } from "../wire/index.ts";

export interface PageFacts {
  readonly version: string;
  readonly stats: EngineStats;
  /** One line per listener: what it speaks, where. */
  readonly listeners: readonly { readonly speaks: string; readonly url: string }[];
  /** Where the admin secret lies; absent when it was given, or when strangers can see the page. */
  readonly secretPath?: string;
}

const STYLE = `
:root{color-scheme:light dark;--ink:#2b2420;--faint:#8a7b70;--wall:#faf6f0;--line:#e4d8ca;--brick:#a8482d}
@media(prefers-color-scheme:dark){:root{--ink:#efe6dc;--faint:#a3948a;--wall:#1d1916;--line:#3a322c;--brick:#e08a68}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;background:var(--wall);color:var(--ink);font:16px/1.6 Georgia,"Iowan Old Style",serif}
main{width:min(40rem,100%);padding:2.5rem 1.5rem}
h1{margin:0;font-size:2.6rem;font-weight:400;letter-spacing:.02em;color:var(--brick)}
h1 small{font-size:.95rem;color:var(--faint);letter-spacing:0;margin-left:.5rem}
p.lead{margin:.2rem 0 2rem;color:var(--faint)}
dl{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:1px;margin:0 0 2rem;background:var(--line);border:1px solid var(--line)}
dl div{background:var(--wall);padding:.8rem 1rem}
dt{font-size:.8rem;color:var(--faint)}
dd{margin:0;font-size:1.7rem;font-variant-numeric:tabular-nums}
table{width:100%;border-collapse:collapse;margin-bottom:1.5rem}
td{padding:.4rem 0;border-bottom:1px solid var(--line);vertical-align:top}
td+td{text-align:right}
code{font:.86rem/1.5 ui-monospace,Menlo,Consolas,monospace;overflow-wrap:anywhere}
footer{color:var(--faint);font-size:.9rem}
`;

const STYLE_HASH = createHash("sha256").update(STYLE).digest("base64");

export function renderPage(facts: PageFacts): HttpAnswer {
  return {
    status: 200,
    headers: {
      "Content-Type": "text/html; charset=utf-8",
      "Content-Security-Policy":
        `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; ` +
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      "X-Content-Type-Options": "nosniff",
      "Referrer-Policy": "no-referrer",
      "Cache-Control": "no-store",
    },
    body: html(facts),
  };
}

function html({ version, stats, listeners, secretPath }: PageFacts): string {
  const numbers: [string, number][] = [
    ["databases", stats.databaseCount],
    ["collections", stats.collectionCount],
    ["tenants awake", stats.shardsAwake],
  ];
  if (stats.quarantinedShards > 0) numbers.push(["out of service", stats.quarantinedShards]);
  const figures = numbers.map(
    ([name, value]) => `<div><dt>${name}</dt><dd>${value.toLocaleString("en")}</dd></div>`,
  );
  const rows = listeners.map(
    ({ speaks, url }) => `<tr><td>${escape(speaks)}</td><td><code>${escape(url)}</code></td></tr>`,
  );
  if (secretPath !== undefined) {
    rows.push(`<tr><td>Admin secret</td><td><code>${escape(secretPath)}</code></td></tr>`);
  }
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>Insula</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<h1>Insula<small>${escape(version)}</small></h1>
<p class="lead">One building, many tenants, strong walls.</p>
<dl>${figures.join("")}</dl>
<table>${rows.join("")}</table>
<footer><a href="/docs">/docs</a> &middot; <code>/healthz</code> &middot; <code>/readyz</code> &middot; <code>/metrics</code></footer>
</main>
</body>
</html>
`;
}

function escape(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
