#!/usr/bin/env bash
# Builds the program without MPI, and tries the commands that need none. What would look for MPI or for
# libclang finds neither.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

export MPICC=/nonexistent LIBCLANG_PATH=/nonexistent
if cargo tree --locked --no-default-features --edges normal,build --prefix none | grep -E '^(mpi|mpi-sys|bindgen|clang-sys) '; then
    echo "without-mpi: these are still built" >&2
    exit 1
fi
# What it is built of is there already, if the program with MPI is. What is ours is not optimised: it runs once.
cargo build --release --locked --no-default-features \
    --config profile.release.package.bittorrent-swarm.opt-level=0 \
    --config profile.release.package.bittorrent-lab.opt-level=0

program=$PWD/target/release/bittorrent
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp -R inputs "$folder"
cd "$folder"
if ldd "$program" | grep -i mpi; then
    echo "without-mpi: the program is linked with MPI" >&2
    exit 1
fi
"$program" generate --clients 4 --segments 20 --files 3 --seed 1 swarm
"$program" simulate --input-dir swarm --output-dir out --upload-time 5ms --seed 1 --trace t.jsonl
"$program" check t.jsonl --inputs swarm
"$program" show t.jsonl
[ -s t.html ]
"$program" study inputs/studies/early-seed.toml --dry-run
status=0
said=$("$program" launch --input-dir swarm 2>&1) || status=$?
if [ "$status" -ne 2 ] || [[ $said != *"built without MPI"* ]]; then
    echo "without-mpi: launch ended with status $status and said: $said" >&2
    exit 1
fi
