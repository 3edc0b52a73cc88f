/** The OpenAPI document as a page: no script, nothing from elsewhere, made on the server. */
import { createHash } from "node:crypto";
import type { HttpAnswer } from "../../wire/index.ts";
import type { OpenApi, Operation } from "./open-api.ts";

const STYLE = `
:root{color-scheme:light dark;--ink:#2b2420;--faint:#8a7b70;--wall:#faf6f0;--line:#e4d8ca;--brick:#a8482d}
@media(prefers-color-scheme:dark){:root{--ink:#efe6dc;--faint:#a3948a;--wall:#1d1916;--line:#3a322c;--brick:#e08a68}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:60rem;padding:2rem 1.5rem;background:var(--wall);color:var(--ink);font:16px/1.6 Georgia,"Iowan Old Style",serif}
h1{margin:0;font-weight:400;color:var(--brick)}
p{margin:.4rem 0 1rem}
details{border-top:1px solid var(--line);padding:.5rem 0}
summary{cursor:pointer;overflow-wrap:anywhere}
summary b{display:inline-block;min-width:4.5rem;color:var(--brick);font-weight:400}
small{color:var(--faint)}
table{width:100%;border-collapse:collapse}
td{padding:.2rem .6rem .2rem 0;vertical-align:top}
pre{overflow:auto;padding:.8rem;border:1px solid var(--line)}
code,pre{font:.86rem/1.5 ui-monospace,Menlo,Consolas,monospace}
`;

const STYLE_HASH = createHash("sha256").update(STYLE).digest("base64");

export function renderManual(document: OpenApi): HttpAnswer {
  return {
    status: 200,
    headers: {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy":
        `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; ` +
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      "x-content-type-options": "nosniff",
      "referrer-policy": "no-referrer",
    },
    body: page(document),
  };
}

function page({ info, paths }: OpenApi): string {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => section(method, path, operation)),
  );
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escape(info.title)} ${escape(info.version)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escape(info.title)} ${escape(info.version)}</h1>
<p>${escape(info.description)}</p>
<p><small>The same as a document: <a href="/openapi.json">openapi.json</a>. Every call but the public ones
carries <code>Authorization: Bearer &lt;secret&gt;</code>.</small></p>
${operations.join("\n")}
</body>
</html>
`;
}

function section(method: string, path: string, operation: Operation): string {
  const { summary, operationId, tags, parameters, requestBody } = operation;
  const rows = parameters.map(
    ({ name, in: place, description }) =>
      `<tr><td><code>${escape(name)}</code></td><td>${place}</td><td>${escape(description)}</td></tr>`,
  );
  const schema = requestBody?.content["application/json"].schema;
  const body =
    schema === undefined ? "" : `<pre>${escape(JSON.stringify(schema, undefined, 2))}</pre>`;
  return `<details id="${escape(operationId)}">
<summary><b>${method.toUpperCase()}</b> <code>${escape(path)}</code><br><small>${escape(summary)}</small></summary>
<p><small>right <code>${escape(rightOf(operationId, tags))}</code></small></p>
<table>${rows.join("")}</table>${body}
</details>`;
}

function rightOf(operationId: string, tags: readonly string[]): string {
  const [area = ""] = tags;
  return area === "node" ? "none of its own" : `${area}:${operationId.replace(/InTenant$/, "")}`;
}

function escape(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
