#!/bin/sh
# One rank of a run: within limits, with the profiling library before MPI, and a note of how it ended.
# $1 is the folder of the record, $2 the library, then how many bytes of memory and of each file, and how
# many processes there may be, and what the shell expands to the rank; then the program.
record=$1 library=$2 memory=$3 file=$4 processes=$5 rank=$6
shift 6
prlimit --core=0 --as="$memory" --fsize="$file" --nproc="$processes" \
    env RECORDING="$record" LD_PRELOAD="$library" "$@"
status=$?
eval "rank=$rank"
echo "$status" >"$record/.end$rank" && mv "$record/.end$rank" "$record/end$rank"
exit "$status"
