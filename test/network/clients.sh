#!/bin/sh
# Puts clients and servers that only the network tests need into the cache. They are unpacked, not installed: an sshd
# that is installed also starts, and one program of Go's tool chain is enough. What cannot be had is named here, and the
# tests that need it say that they are skipped.
set -u

here=$(cd "$(dirname "$0")" && pwd)
place=${CORDON_TEST_CACHE:-$here/../../.cache}/clients
mkdir -p "$place" && place=$(cd "$place" && pwd) || exit 1
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

complain() { echo "not here: $1 (tests that need it are skipped)" >&2; }

# Moved into place when whole: what has its name is complete.
finish() { [ -e "$place/$1" ] || mv "$scratch/$1" "$place/$1"; }

unpack() { # NAME PACKAGE…
  name=$1
  shift
  [ -e "$place/$name" ] && return
  mkdir -p "$scratch/$name" "$scratch/$name.debs"
  (cd "$scratch/$name.debs" && apt-get download "$@") >/dev/null 2>&1 || return 1
  for package in "$scratch/$name.debs"/*.deb; do
    dpkg-deb -x "$package" "$scratch/$name" || return 1
  done
  finish "$name"
}

# One program of a package: $2 is its pattern.
unpack_program() { # NAME PATTERN PACKAGE
  [ -e "$place/$1" ] && return
  mkdir -p "$scratch/$1" "$scratch/$1.debs"
  (cd "$scratch/$1.debs" && apt-get download "$3") >/dev/null 2>&1 || return 1
  dpkg-deb --fsys-tarfile "$scratch/$1.debs"/*.deb | tar -x -C "$scratch/$1" --wildcards "$2" || return 1
  finish "$1"
}

# Install scripts are off; a package whose program is a placeholder until its own has run says so by having one.
install_npm() { # PACKAGE VERSION
  [ -e "$place/$1-$2" ] && return
  mkdir -p "$scratch/$1-$2" && cd "$scratch/$1-$2" && echo '{"private":true}' >package.json || return 1
  npm install --ignore-scripts --no-audit --no-fund --no-save --loglevel=error "$1@$2" >/dev/null 2>&1 || return 1
  [ ! -e "node_modules/$1/install.js" ] || (cd "node_modules/$1" && node install.js) >/dev/null 2>&1 || return 1
  "node_modules/.bin/$1" --version >/dev/null 2>&1 || return 1
  cd / && finish "$1-$2"
}

go=$(apt-cache depends golang-go 2>/dev/null | sed -n 's/.*Depends: \(golang-1\.[0-9]*-go\)$/\1/p' | head -n 1)
[ -e /usr/sbin/sshd ] || unpack sshd openssh-server libwrap0 || complain sshd
unpack_program go './usr/lib/go-*/bin/go' "${go:-golang-go}" || complain go
unpack_program gh ./usr/bin/gh gh || complain gh
install_npm pnpm 12.21.0 || complain pnpm
install_npm yarn 1.22.22 || complain yarn
exit 0
