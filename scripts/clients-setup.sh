#!/bin/sh
# Installs the vendors' unmodified clients, pinned, under .cache/clients and nowhere else.
#
#   scripts/clients-setup.sh          installs what is missing (a second run takes no time)
#
# Needs npm, python3 (3.11 or newer) with venv, and go (1.24 or newer). A missing tool is an error
# in CI (variable CI set), elsewhere it is said and left out: test/clients/run.ts skips its part.
set -eu
cd "$(dirname "$0")/.."
ROOT=$PWD/.cache/clients
REQUIREMENTS=test/clients/python/requirements.txt
mkdir -p "$ROOT"

missing() {
  echo "clients-setup: $1 is not installed: its clients are left out" >&2
  if [ -n "${CI:-}" ]; then exit 1; fi
}

if command -v python3 >/dev/null 2>&1; then
  if ! cmp -s "$REQUIREMENTS" "$ROOT/python/installed.txt"; then
    rm -rf "$ROOT/python"
    python3 -m venv "$ROOT/python"
    "$ROOT/python/bin/pip" install --quiet --disable-pip-version-check -r "$REQUIREMENTS"
    cp "$REQUIREMENTS" "$ROOT/python/installed.txt"
  fi
else
  missing python3
fi

NODE_LOCK=test/clients/node/package-lock.json
if ! cmp -s "$NODE_LOCK" "$ROOT/node/installed.json"; then
  rm -rf "$ROOT/node"
  mkdir -p "$ROOT/node"
  cp test/clients/node/package.json "$NODE_LOCK" "$ROOT/node/"
  (cd "$ROOT/node" && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error)
  cp "$NODE_LOCK" "$ROOT/node/installed.json"
fi

if command -v go >/dev/null 2>&1; then
  export GOMODCACHE="$ROOT/go-mod" GOCACHE="$ROOT/go-build" GOFLAGS=-mod=mod GOTOOLCHAIN=local
  (cd test/clients/go && go mod download)
else
  missing go
fi
