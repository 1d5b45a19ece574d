#!/bin/sh
# Installs the Debian packages that are missing: `packages.sh demo`, `packages.sh test` or `packages.sh bench`.
# Without root and without sudo that asks for no password, it names the command to type and stops.
set -eu

missing=
need() { # PROGRAM-OR-FILE PACKAGE
  case $1 in
    /*) [ -e "$1" ] && return ;;
    *) command -v "$1" >/dev/null 2>&1 && return ;;
  esac
  missing="$missing $2"
}

PATH=$PATH:/usr/sbin:/sbin
need bwrap bubblewrap
need git git
case ${1-} in
  demo) need perl perl-base ;;
  test)
    need setpriv util-linux
    need /usr/bin/python3 python3
    need ip iproute2
    need curl curl
    need openssl openssl
    need faketime faketime
    need wget wget
    need busybox busybox
    need ssh openssh-client
    need musl-gcc musl-tools
    need /usr/lib/python3/dist-packages/pip python3-pip
    need /usr/include/linux/seccomp.h linux-libc-dev
    ;;
  bench)
    need unshare util-linux
    need /usr/bin/python3 python3
    need ip iproute2
    # What the peer beside which cordon is measured looks for.
    need socat socat
    need rg ripgrep
    ;;
  *)
    echo "usage: packages.sh demo|test|bench" >&2
    exit 2
    ;;
esac
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
  echo "error: missing here:$missing" >&2
  echo "hint: install them (these are Debian's names) with this system's package manager, then try again" >&2
  exit 1
fi
if [ "$(id -u)" = 0 ]; then
  sudo=
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
  sudo='sudo -n'
else
  echo "error: missing here:$missing" >&2
  echo "hint: type \`sudo apt-get update && sudo apt-get install --yes$missing\`, then try again" >&2
  exit 1
fi

echo "installing$missing"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# The package lists of a fresh machine are empty or old.
# shellcheck disable=SC2086
if ! { $sudo apt-get update && $sudo apt-get install --yes --no-install-recommends $missing; } >"$log" 2>&1; then
  cat "$log" >&2
  exit 1
fi
