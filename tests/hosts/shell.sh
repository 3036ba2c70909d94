#!/bin/sh
# The remote shell of the three hosts: shell.sh ADDRESS COMMAND..., like ssh.
set -eu
host=host${1##*.}
shift
# shellcheck disable=SC2016 # for the inner shell
exec ip netns exec "$host" unshare --uts sh -c '
    hostname "$0" && mount --bind "$HOSTS/$0" "$HOSTS/here" && cd "$HOSTS/here" && eval "$*"
' "$host" "$@"
