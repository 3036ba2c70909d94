#!/bin/sh
# One rank of a run: within limits, with the profiling library before MPI, and a note of how it ended.
# $1 is the folder of the record, $2 the library, then how many bytes of memory and of each file, and how
# many processes there may be; then the program.
record=$1 library=$2 memory=$3 file=$4 processes=$5
shift 5
prlimit --core=0 --as="$memory" --fsize="$file" --nproc="$processes" \
    env RECORDING="$record" LD_PRELOAD="$library" "$@"
status=$?
rank=${OMPI_COMM_WORLD_RANK:-$PMI_RANK}
echo "$status" >"$record/.end$rank" && mv "$record/.end$rank" "$record/end$rank"
exit "$status"
