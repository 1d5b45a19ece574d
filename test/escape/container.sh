#!/bin/sh
# A throw-away place without a boundary: own namespaces, empty shared directories, every privilege there is.
# Usage: container.sh BASE COMMAND… ; BASE stays visible.
set -eu
base=$1
shift
mount -t tmpfs none /run
mkdir /run/keep
mount --bind "$base" /run/keep
for dir in /tmp /var/tmp /dev/shm /root /home /etc/cron.d /etc/profile.d /usr/local/bin; do
  [ ! -d "$dir" ] || mount -t tmpfs none "$dir"
done
mkdir -p "$base"
mount --move /run/keep "$base"
exec "$@"
