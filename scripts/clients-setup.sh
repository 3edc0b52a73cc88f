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

# environment NAME REQUIREMENTS: a virtual environment of its own.
environment() {
  if cmp -s "$2" "$ROOT/$1/installed.txt"; then return; fi
  rm -rf "${ROOT:?}/$1"
  python3 -m venv "$ROOT/$1"
  "$ROOT/$1/bin/pip" install --quiet --disable-pip-version-check -r "$2"
  cp "$2" "$ROOT/$1/installed.txt"
}

if command -v python3 >/dev/null 2>&1; then
  environment python "$REQUIREMENTS"
  # Lines of one package, which cannot be installed side by side.
  environment pinecone-7 test/clients/python/requirements-pinecone-7.txt
  environment pinecone-8 test/clients/python/requirements-pinecone-8.txt
  environment pinecone-9 test/clients/python/requirements-pinecone-9.txt
  environment pinecone-langchain test/clients/python/requirements-pinecone-langchain.txt
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
  (cd test/clients/go-pinecone && go mod download)
  (cd test/clients/go-pinecone-5 && go mod download)
else
  missing go
fi
