#!/usr/bin/env bash
# Runs a program on every test folder under mpirun and compares what its clients write with what
# they must end up with.
set -u

usage() {
    cat <<'END'
Usage: ./checker.sh [--tests DIR] [--binary PATH] [--runs K] [--mpirun PATH]

Runs every test folder (any folder with an in1.txt in it) as `mpirun -np N BINARY`, in a temporary
folder with a copy of the inputs, and compares the clients' files like `diff -w`. What client R must
end up with follows from the inputs: client<R>_<NAME> for each file that it wants and somebody owns.

  --tests DIR    where the test folders are (default: inputs, beside this script)
  --binary PATH  the program to judge (default: bittorrent, beside this script)
  --runs K       how often each test is run (default: 1)
  --mpirun PATH  what starts it, Open MPI's or another's (default: $MPIRUN, or else mpirun); options may
                 follow it: "mpirun --bind-to none"
  -h, --help     this text

A run that takes more than 20 s has hung. The exit status is 0 if every run of every test is right, and
2 if a test is not sound: then nothing is run. What is wrong with a test is said by bittorrent, the one
beside this script or else the one that is found; without it, only what a program cannot do without is
looked at.
END
}

fail() {
    printf 'checker.sh: %s\n' "$1" >&2
    exit 2
}

here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
tests=$here/inputs
binary=$here/bittorrent
runs=1
mpirun=${MPIRUN:-mpirun}
while [ $# -gt 0 ]; do
    case $1 in
        -h | --help) usage && exit 0 ;;
        --tests | --binary | --runs | --mpirun) [ $# -ge 2 ] || fail "$1 needs a value" ;;
        *) fail "unknown argument '$1' (--help lists them)" ;;
    esac
    case $1 in
        --tests) tests=$2 ;;
        --binary) binary=$2 ;;
        --runs) runs=$2 ;;
        --mpirun) mpirun=$2 ;;
    esac
    shift 2
done
[[ $runs =~ ^[1-9][0-9]*$ ]] || fail "--runs: expected a number from 1 up, found '$runs'"
[ -d "$tests" ] || fail "no folder $tests"
[[ -f $binary && -x $binary ]] || fail "no program $binary (make build makes ours)"
binary=$(cd -- "$(dirname -- "$binary")" && pwd)/$(basename -- "$binary")
# As in Makefiles, options may stand behind it; but a file may have blanks in its name.
mpirun_options=()
if ! command -v "$mpirun" >/dev/null; then
    read -ra words <<<"$mpirun"
    mpirun=${words[0]:-$mpirun}
    mpirun_options=("${words[@]:1}")
fi
path=$(command -v "$mpirun") || fail "no $mpirun (make run installs it on Debian and Ubuntu)"
mpirun=$(cd -- "$(dirname -- "$path")" && pwd)/$(basename -- "$path")

# Open MPI does not run as root, the usual user of a container, without these.
if [ "$(id -u)" -eq 0 ]; then
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi

# Open MPI starts no more ranks than there are cores, without this.
oversubscribe=()
if [[ $("$mpirun" --version 2>&1) == *"Open MPI"* ]]; then
    oversubscribe=(--oversubscribe)
fi

work=$(mktemp -d) || fail "no temporary folder"
export TMPDIR=$work # Two mpiruns that start at once can fail where they share a folder for their files.
running=
clean_up() {
    trap - EXIT INT TERM HUP
    if [ -n "$running" ]; then
        kill -TERM "$running" 2>/dev/null # timeout passes it on to mpirun, and mpirun to the ranks
        wait "$running" 2>/dev/null
    fi
    rm -rf -- "$work"
}
trap clean_up EXIT
trap 'clean_up; exit 130' INT
trap 'clean_up; exit 143' TERM
trap 'clean_up; exit 129' HUP

# What every client must end up with, from the inputs in $1 to the folder $2. Prints what is wrong
# with the test itself. The inputs are read as the assignment's programs read them: by tokens.
expect() {
    awk -v tests="$1" -v folder="$2" '
        function next_token() { return token[client, ++position] }
        FNR == 1 { rank++ }
        { sub(/\r$/, ""); for (i = 1; i <= NF; i++) token[rank, ++tokens[rank]] = $i }
        END {
            for (client = 1; client <= rank; client++) {
                position = 0
                for (files = next_token(); files > 0; files--) {
                    name = next_token(); lines = ""
                    for (segments = next_token(); segments > 0; segments--) lines = lines next_token() "\n"
                    if (!(name in content)) { content[name] = lines; owner[name] = client }
                    else if (content[name] != lines) {
                        split(content[name], one, "\n"); split(lines, other, "\n")
                        for (place = 1; one[place] "" == other[place] ""; place++);
                        printf "clients %d and %d both own \x27%s\x27, ", owner[name], client, name
                        print "with different segments from segment " place " on"
                    }
                }
                for (files = next_token(); files > 0; files--) wanted[client, ++wants[client]] = next_token()
                if (position != tokens[client]) print "in" client ".txt does not end where it should"
            }
            for (client = 1; client <= rank; client++)
                for (i = 1; i <= wants[client]; i++)
                    if ((name = wanted[client, i]) in content)
                        printf "%s", content[name] >(folder "/client" client "_" name)
            for (name in content)
                if (name ~ /^file[0-9]+$/) {
                    out = tests "/out" substr(name, 5) ".txt"; lines = ""; there = 0
                    while ((getline line <out) > 0) { there = 1; gsub(/[ \t\r]/, "", line); if (line != "") lines = lines line "\n" }
                    if (there && lines != content[name]) print out " is not what the owners of " name " have"
                }
        }' "${inputs[@]}"
}

# Runs the test whose inputs are in $1 once; says in $verdict what is wrong, or nothing.
run() {
    local folder=$work/run status problems=() file name
    rm -rf -- "$folder" && mkdir -- "$folder" && cp -- "${inputs[@]}" "$folder"
    (cd -- "$folder" && exec timeout -k 5 20 "$mpirun" "${oversubscribe[@]}" "${mpirun_options[@]}" -np $((${#inputs[@]} + 1)) \
        "$binary" </dev/null >"$work/log" 2>&1) &
    running=$!
    wait "$running"
    status=$?
    running=
    case $status in
        0) ;;
        124 | 137) problems+=("hung") ;;
        *) problems+=("exit status $status") ;;
    esac
    for file in "$work"/expected/*; do
        name=${file##*/}
        if [ ! -f "$folder/$name" ]; then
            problems+=("$name is missing")
        elif ! diff -wq -- "$file" "$folder/$name" >"$work/diff"; then
            problems+=("$name differs")
        fi
    done
    for file in "$folder"/client*; do
        [ -e "$work/expected/${file##*/}" ] || problems+=("${file##*/} is extra")
    done
    verdict=
    [ ${#problems[@]} -eq 0 ] || verdict=$(printf '%s, ' "${problems[@]}")
    verdict=${verdict%, }
}

# Lists the inputs in $1 in $inputs, in rank order up to the first that is missing.
list_inputs() {
    inputs=()
    while [ -f "$1/in$((${#inputs[@]} + 1)).txt" ]; do
        inputs+=("$1/in$((${#inputs[@]} + 1)).txt")
    done
}

# Says what is wrong with the test in $1, whose inputs are listed: a line for each problem, or nothing.
problems_of() {
    local all=("$1"/in*.txt) said line
    if [ -n "$ours" ]; then
        said=$("$ours" simulate -i "$1" --quiet 2>&1 >"$work/simulated")
        if [ $? -eq 2 ]; then
            while IFS= read -r line; do
                line=${line#bittorrent: }
                line=${line#"$1: "}
                printf '%s\n' "${line#"${1#./}/"}"
            done <<<"$said"
            return
        fi
    elif [ ${#inputs[@]} -eq 0 ]; then
        echo "there is no in1.txt"
        return
    elif [ ${#all[@]} -ne ${#inputs[@]} ]; then
        echo "there is no in$((${#inputs[@]} + 1)).txt"
        return
    fi
    expect "$1" "$work/expected"
}

shopt -s nullglob
ours=$here/bittorrent
[ -x "$ours" ] || ours=$(command -v bittorrent)
mkdir -- "$work/expected"
folders=()
unsound=
while IFS= read -r folder; do
    folders+=("$folder")
    list_inputs "$folder"
    while IFS= read -r problem; do
        printf 'checker.sh: %s is no sound test: %s\n' "$folder" "$problem" >&2
        unsound=yes
    done < <(problems_of "$folder")
done < <(find "$tests" -name 'in[0-9]*.txt' -exec dirname {} \; | sort -u)
[ ${#folders[@]} -gt 0 ] || fail "no folder with an in1.txt in $tests"
[ -z "$unsound" ] || exit 2

passed=0
total=0
for folder in "${folders[@]}"; do
    list_inputs "$folder"
    rm -rf -- "$work/expected" && mkdir -- "$work/expected"
    expect "$folder" "$work/expected"
    right=0
    first_problem=
    for ((k = 1; k <= runs; k++)); do
        run
        if [ -z "$verdict" ]; then
            right=$((right + 1))
        elif [ -z "$first_problem" ]; then
            first_problem="run $k: $verdict"
            cp -- "$work/log" "$work/first-log"
        fi
    done
    total=$((total + 1))
    name=${folder#"$tests"}
    name=${name#/}
    [ -n "$name" ] || name=$(basename -- "$folder")
    if [ -z "$first_problem" ]; then
        passed=$((passed + 1))
        printf 'ok    %-26s %d ranks, %d of %d runs\n' "$name" $((${#inputs[@]} + 1)) "$right" "$runs"
    else
        printf 'WRONG %-26s %d ranks, %d of %d runs: %s\n' "$name" $((${#inputs[@]} + 1)) "$right" "$runs" "$first_problem"
        [ ! -f "$work/first-log" ] || sed 's/^/      | /' "$work/first-log" | head -n 20
        rm -f -- "$work/first-log"
    fi
done
printf 'Total: %d/%d\n' "$passed" "$total"
[ "$passed" -eq "$total" ]
