#!/bin/sh
# One rank of a run: within limits, and with a note of how it ended.
# $1 is the folder of the record; then how many bytes of memory (or `unlimited`) and of each file, and how many
# processes there may be, and what the shell expands to the rank; then the rank's own folder before its number, or
# nothing if all have one; the options of the program's sanitizers, or nothing if it has none; then the command.
record=$1 memory=$2 file=$3 processes=$4 rank=$5 own=$6 sanitizers=$7
shift 7
eval "rank=$rank"
[ -z "$own" ] || cd "$own$rank" || exit 1
# The last one of several options counts. A report goes to a file of its own, for all that is printed is mixed.
if [ -n "$sanitizers" ]; then
    sanitizers="$sanitizers:log_path='$TMPDIR/report$rank'"
    export ASAN_OPTIONS="${ASAN_OPTIONS:-}:$sanitizers" TSAN_OPTIONS="${TSAN_OPTIONS:-}:$sanitizers"
    export LSAN_OPTIONS="${LSAN_OPTIONS:-}:$sanitizers" HWASAN_OPTIONS="${HWASAN_OPTIONS:-}:$sanitizers"
    export UBSAN_OPTIONS="${UBSAN_OPTIONS:-}:$sanitizers"
fi
# mpirun may tell all ranks to end as soon as one has: that one is to write its own end down, the others are not.
told=
trap 'told=143' TERM
prlimit --core=0 --as="$memory" --fsize="$file" --nproc="$processes" "$@"
status=$?
# At once: the shell writes it in one piece, and a command would be told to end, too.
[ "$status" = "$told" ] || echo "$status" >"$record/end$rank"
exit "$status"
