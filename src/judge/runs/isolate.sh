#!/bin/sh
# In name spaces of its own, with all rights there: makes what the command is to see, gives up all rights, and
# becomes the command, in the folder where it was called.
#
# The steps come first, as pairs of a word and a path, in the order in which they are done. `--` ends them, and two
# words follow: `as-nobody`, or `as-oneself` where this is root only in here; and the folder that is the /dev to be.
#   keep PATH   sets a file or a folder aside, to be shown later.
#   protect     (a path follows that means nothing) From now on all that is there is for reading only, without
#               devices. What was kept before can be written.
#   cover PATH  hides what is in a folder.
#   show PATH   puts back what was kept, in the same order.
#   hide PATH   hides a socket.
set -e
work=$PWD
kept=0 shown=0

# Nothing of the host's devices, shared memory and terminals. What is set aside lies where nobody can see it later.
stage=/dev/shm
mount -t tmpfs -o mode=0755 tmpfs "$stage"
mkdir "$stage/dev"
mount -t tmpfs -o mode=0755 tmpfs "$stage/dev"
for device in null zero full random urandom; do
    : >"$stage/dev/$device"
    mount --bind "/dev/$device" "$stage/dev/$device"
done
mkdir "$stage/dev/pts" "$stage/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts "$stage/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$stage/dev/shm"
ln -s pts/ptmx "$stage/dev/ptmx"
ln -s /proc/self/fd "$stage/dev/fd"
ln -s /proc/self/fd/0 "$stage/dev/stdin"
ln -s /proc/self/fd/1 "$stage/dev/stdout"
ln -s /proc/self/fd/2 "$stage/dev/stderr"
: >"$stage/nothing"

# A place for something that is like $2.
make_place() {
    [ ! -e "$1" ] || return 0
    if [ -d "$2" ]; then
        mkdir -p "$1"
    else
        mkdir -p "${1%/*}"
        : >"$1"
    fi
}

protect() {
    # In the list a blank is \040, and printf wants \0040.
    awk '{ gsub(/\\/, "&0", $5); sub(/^rw/, "ro", $6); print $5, $6 }' /proc/self/mountinfo | while read -r place options; do
        place=$(printf '%b.' "$place")
        place=${place%.}
        case $place in
        /dev | /dev/*) continue ;; # another one comes in its place
        esac
        # Only what cannot be reached may stay as it is.
        mount -o "remount,bind,$options,nodev" "$place" 2>/dev/null ||
            [ ! -e "$place" ] || {
            echo "cannot protect $place" >&2
            exit 1
        }
    done
}

while [ "$1" != -- ]; do
    step=$1 path=$2
    shift 2
    case $step in
    keep)
        kept=$((kept + 1))
        make_place "$stage/$kept" "$path"
        mount --rbind "$path" "$stage/$kept"
        ;;
    protect) protect ;;
    cover) mount -t tmpfs -o mode="$([ -k "$path" ] && echo 1777 || echo 0755)",size=1g tmpfs "$path" ;;
    show)
        shown=$((shown + 1))
        make_place "$path" "$stage/$shown"
        mount --move "$stage/$shown" "$path"
        ;;
    hide) [ ! -S "$path" ] || mount --bind "$stage/nothing" "$path" ;;
    *) exit 1 ;;
    esac
done
who=$2
shift 2
mount --move "$stage/dev" /dev

# MPI libraries talk to the ranks over the network, or over what is left of it.
ip link set lo up 2>/dev/null || ifconfig lo up 2>/dev/null || true
cd "$work"
case $who in
as-nobody) exec setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all --pdeathsig=KILL -- "$@" ;;
as-oneself) exec setpriv --no-new-privs --bounding-set=-all --inh-caps=-all --pdeathsig=KILL -- "$@" ;;
esac
exit 1
