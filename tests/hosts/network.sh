#!/bin/sh
# Runs a command on the first of three hosts: network name spaces on a bridge, 10.77.0.1 to .3.
# $HOSTS is a folder that holds one folder for each host, host1 to host3; each sees its own as `here`.
# $LINK is the queue of the hosts' links, as tc has it. What crossed them is in host<N>.traffic then.
#
# To be started in name spaces of its own for network, mounts and processes, which take everything
# that is made here with them when it ends.
set -eu
export PATH="$PATH:/usr/sbin:/sbin"

mount -t tmpfs none /run
mkdir /run/netns
ip link add bridge type bridge
ip link set bridge up
for host in 1 2 3; do
    ip netns add "host$host"
    ip link add "host$host" type veth peer name eth0 netns "host$host"
    ip link set "host$host" master bridge up
    ip -n "host$host" link set lo up
    ip -n "host$host" link set eth0 up
    ip -n "host$host" address add "10.77.0.$host/24" dev eth0
    # shellcheck disable=SC2086 # several words
    tc -n "host$host" qdisc add dev eth0 root $LINK
done

status=0
"$(dirname "$0")/shell.sh" 10.77.0.1 "$@" || status=$?
for host in 1 2 3; do
    tc -n "host$host" -s qdisc show dev eth0 >"$HOSTS/host$host.traffic"
done
exit $status
