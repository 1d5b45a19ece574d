#!/bin/sh
# Installs what package-lock.json names, and makes sure that Bun's executable is there.
set -eu

# Not `npm ci`: npm 11 refuses a lock file without the packages for other platforms, which not every registry has.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! npm install --no-save --no-audit --no-fund --loglevel=error >"$log" 2>&1; then
  cat "$log" >&2
  exit 1
fi

# Bun's package holds a placeholder until its install script has run, which npm may be told to leave out.
if ! node_modules/.bin/bun --version >/dev/null 2>&1; then
  (cd node_modules/bun && node install.js)
fi
touch node_modules/.package-lock.json
