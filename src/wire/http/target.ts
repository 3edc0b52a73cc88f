/** Splits the request target into what the client meant. */

export interface Target {
  readonly scheme: "http" | "https";
  readonly host: string;
  readonly path: string;
  readonly query: string;
}

/**
 * Reads an origin-form (`/path?query`) or absolute-form target (`http://host/path?query`, sent by
 * clients that use us as their proxy). Nothing is decoded.
 */
export function parseTarget(
  target: string,
  listener: { readonly scheme: "http" | "https"; readonly hostHeader: string },
): Target {
  if (target.startsWith("/") || target === "*") {
    const { path, query } = split(target);
    return { scheme: listener.scheme, host: listener.hostHeader, path, query };
  }
  const absolute = ABSOLUTE.exec(target);
  if (absolute === null) {
    const { path, query } = split(`/${target}`);
    return { scheme: listener.scheme, host: listener.hostHeader, path, query };
  }
  const [, scheme = "", authority = "", rest = ""] = absolute;
  const { path, query } = split(rest.startsWith("/") ? rest : `/${rest}`);
  return {
    scheme: scheme.toLowerCase() === "https" ? "https" : "http",
    host: authority.slice(authority.lastIndexOf("@") + 1),
    path,
    query,
  };
}

const ABSOLUTE = /^(https?):\/\/([^/?#]+)(.*)$/i;

function split(target: string): { path: string; query: string } {
  const mark = target.indexOf("?");
  if (mark < 0) return { path: target, query: "" };
  return { path: target.slice(0, mark), query: target.slice(mark + 1) };
}
