#!/bin/sh
# Runs a command in a small internet of its own: no cable leads out, names and addresses are made here. The addresses
# look public, so that what the gateway refuses by address can be told from what it refuses by name.
set -eu
if [ "${1-}" != --inside ]; then
  flags='--net --mount --fork --kill-child'
  [ "$(id -u)" = 0 ] || flags="$flags --map-root-user"
  # shellcheck disable=SC2086
  exec unshare $flags -- sh "$0" --inside "$@"
fi
shift

PATH=$PATH:/usr/sbin:/sbin
ip link set lo up
for address in 11.1.1.1 11.1.1.2 11.1.1.3 11.1.1.53 10.1.2.3 192.168.7.7 169.254.169.254; do
  ip address add "$address/32" dev lo
done
# Real names that lead to servers of the tests. Each has an address of its own, as they have them outside.
services='intercepted.test registry.packages.test api.anthropic.com platform.claude.com console.anthropic.com claude.ai
claude.com mcp-proxy.anthropic.com api.openai.com auth.openai.com chatgpt.com generativelanguage.googleapis.com
oauth2.googleapis.com cloudcode-pa.googleapis.com accounts.google.com www.googleapis.com play.googleapis.com github.com
api.github.com models.dev opencode.ai statsig.anthropic.com raw.githubusercontent.com'
ip address add 2600:11::1/128 dev lo 2>/dev/null || true

place=$(mktemp -d)
mount -t tmpfs none "$place"
cat > "$place/hosts" <<'HOSTS'
127.0.0.1 localhost
::1 localhost
11.1.1.1 allowed.test www.shop.test shop.test cdn.shop.test git.test
2600:11::1 six.test
11.1.1.2 denied.test other.test
11.1.1.3 dead.test
10.1.2.3 private.test
192.168.7.7 lan.test
169.254.169.254 metadata.test
127.0.0.1 rebound.test
10.1.2.3 mixed.test
11.1.1.1 mixed.test
HOSTS
number=0
for name in $services; do
  number=$((number + 1))
  ip address add "11.1.2.$number/32" dev lo
  echo "11.1.2.$number $name" >> "$place/hosts"
done
printf 'nameserver 11.1.1.53\noptions timeout:1 attempts:1\n' > "$place/resolv.conf"
printf 'passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n' > "$place/nsswitch.conf"
for name in hosts resolv.conf nsswitch.conf; do
  chmod 644 "$place/$name"
  mount --bind "$place/$name" "$(readlink -f "/etc/$name")"
done
export CORDON_TEST_WORLD=1
exec "$@"
