#!/usr/bin/env bash
# Runs random commands with random closed, full, paused and signalled streams, and looks at what they leave:
# no panic, no file that is neither whole nor absent, no process, no temporary file.
#
#     tests/soak.sh BITTORRENT [MINUTES [SEED]]
#
# Prints the seed, and of each offence the number of the round and the command.
set -u

bittorrent=$(realpath "$1")
minutes=${2:-30}
seed=${3:-$RANDOM}
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1

place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
work=$place/work
mkdir "$work" "$place/tmp"
mkfifo "$work/unread"
cd "$work" || exit 2
export TMPDIR=$place/tmp

"$bittorrent" generate in --clients 3 --files 2 --segments 40 --seed 1 >"$place/out"
"$bittorrent" simulate -q -i in --trace "$place/t.jsonl" --seed 1
cat >"$place/study.toml" <<'STUDY'
title = "t"
claim = "c"
source = "s"
pictures = []
options = { flash-crowd = true, segments = 20 }
grids = [{ repetitions = 3, axes.clients = [2, 20, 40] }]
STUDY

commands=(
    "--help"
    "completions bash"
    "manual man"
    "generate new --flash-crowd --clients 50 --segments 2000 --force"
    "simulate -i in -o out --report r.json --trace s.jsonl"
    "simulate --flash-crowd --clients 200 --segments 50 --report r.json --trace s.jsonl"
    "study $place/study.toml -o study --force --page page.md"
    "check $place/t.jsonl"
    "check $place/t.jsonl --json"
    "show $place/t.jsonl -o page.html --perfetto perfetto.json"
    "launch -i in -o out --report r.json --trace l.jsonl"
    "launch -i in -o out --upload-time 5ms --report r.json --trace l.jsonl --stall-timeout 5s"
    "simulate -i in -o out --report /dev/stdout"
    "launch -i in -o out --report /dev/stdout"
    "show $place/t.jsonl -o page.html --perfetto /dev/stdout"
    "simulate -i in -o out --report unread"
    "show $place/t.jsonl -o unread"
)
signals=(TERM HUP)
# A shell has SIGINT ignored in the background. One that comes before this is done is lost.
start=(setsid env --default-signal=INT)
fates=(none none closed full unread pause twice INT TERM HUP)

offences=0
offend() {
    offences=$((offences + 1))
    echo "round $round, $fate, bittorrent $command: $1"
}

# The processes that work here, but for this script and what it has just started to look.
ours() {
    local process
    for process in /proc/[0-9]*; do
        if [ "${process#/proc/}" != $$ ] && [ "$(readlink "$process/cwd")" = "$work" ]; then
            case $(readlink "$process/exe") in
            */bash | */sleep | */readlink) ;;
            *) echo "${process#/proc/}" ;;
            esac
        fi
    done 2>/dev/null
}

# A moment between 0 and 0.5 seconds.
moment() { sleep "0.$(printf %03d $((RANDOM % 500)))"; }

# Two of Open MPI's mpirun that start at the same moment may both want to create one folder, and one of them gives up.
is_race() { grep -q "unable to create the desired directory" "$1"; }

is_json() { python3 -c 'import json, sys; json.load(open(sys.argv[1]))' "$1" 2>/dev/null; }

RANDOM=$seed
echo "seed $seed, $minutes minutes"
end=$((SECONDS + minutes * 60))
for ((round = 1; SECONDS < end; round++)); do
    command=${commands[RANDOM % ${#commands[@]}]}
    fate=${fates[RANDOM % ${#fates[@]}]}
    case $command in
    # Nothing else ends it, and a SIGINT that comes early is lost: see below.
    *" unread") fate=${signals[RANDOM % 2]} ;;
    esac
    read -ra words <<<"$command"
    case $fate in
    closed) "${start[@]}" "$bittorrent" "${words[@]}" >&- 2>"$place/err" & ;;
    full) "${start[@]}" "$bittorrent" "${words[@]}" >/dev/full 2>"$place/err" & ;;
    unread) "${start[@]}" "$bittorrent" "${words[@]}" 2>"$place/err" > >(head -n 1 >"$place/out") & ;;
    *) "${start[@]}" "$bittorrent" "${words[@]}" >"$place/out" 2>"$place/err" & ;;
    esac
    process=$!
    case $fate in
    twice)
        # The second is refused, or it comes when the first has ended.
        "${start[@]}" "$bittorrent" "${words[@]}" >"$place/out2" 2>"$place/err2"
        status=$?
        case $status in
        0 | 2) ;;
        *) is_race "$place/err2" || offend "status $status of the second: $(head -c 300 "$place/err2")" ;;
        esac
        ;;
    pause)
        moment
        mapfile -t stopped < <(ours)
        kill -STOP "${stopped[@]}" 2>/dev/null
        sleep 1
        kill -CONT "${stopped[@]}" 2>/dev/null
        ;;
    INT | TERM | HUP)
        moment
        kill "-$fate" "$process" 2>/dev/null
        ;;
    esac
    wait "$process"
    status=$?
    case $fate:$status in
    # A signal that comes before the command takes signals ends it by itself.
    INT:4 | INT:130 | TERM:4 | TERM:143 | HUP:4 | HUP:129 | full:3) ;;
    twice:2) ;;
    *:0) ;;
    *) is_race "$place/err" || offend "status $status: $(head -c 300 "$place/err")" ;;
    esac
    if grep -q "panicked" "$place/err"; then
        offend "$(grep panicked "$place/err")"
    fi
    for ((look = 0; look < 50; look++)); do
        [ -n "$(ours)" ] || break
        sleep 0.1
    done
    mapfile -t left < <(ours)
    if [ ${#left[@]} -gt 0 ]; then
        offend "left $(ps -o args= -p "${left[*]}")"
        kill -KILL "${left[@]}" 2>/dev/null
    fi
    case $fate:$status:$command in
    none:0:*/dev/stdout) is_json "$place/out" || offend "more than a file on standard output" ;;
    none:*:study*| twice:*:study*)
        [ "$(wc -l <study/study/results.csv)" -eq 10 ] || offend "not all results"
        ;;
    esac
    # A trace's parts stay where a run is broken off. What mpirun leaves is not ours.
    hidden=$(find "$work" -name '.bittorrent*' -o -name '.generate*'; find "$TMPDIR" -name '*bittorrent*')
    [ -z "$hidden" ] || offend "left $hidden"
    for file in r.json perfetto.json; do
        [ ! -e "$file" ] || is_json "$file" || offend "half of $file"
    done
    for file in s.jsonl l.jsonl; do
        if [ -e "$file" ]; then
            "$bittorrent" check "$file" >/dev/null 2>&1
            [ $? -ne 2 ] || offend "half of $file"
        fi
    done
    for file in out/client*; do
        name=${file#*_file}
        [ ! -f "$file" ] || cmp -s "$file" "in/out$name.txt" || offend "half of $file"
    done
    rm -rf r.json perfetto.json s.jsonl l.jsonl l.jsonl.parts out page.html "${TMPDIR:?}"/*
done
echo "$((round - 1)) rounds, $offences offences"
[ "$offences" -eq 0 ]
