#!/bin/sh
# One rank of a run: within limits, and with a note of how it ended.
# $1 is the folder of the record; then how many bytes of memory (or `unlimited`) and of each file, and how many
# processes there may be, and what the shell expands to the rank; then the rank's own folder before its number, or
# nothing if all have one; then the command.
record=$1 memory=$2 file=$3 processes=$4 rank=$5 own=$6
shift 6
eval "rank=$rank"
[ -z "$own" ] || cd "$own$rank" || exit 1
prlimit --core=0 --as="$memory" --fsize="$file" --nproc="$processes" "$@"
status=$?
echo "$status" >"$record/.end$rank" && mv "$record/.end$rank" "$record/end$rank"
exit "$status"
