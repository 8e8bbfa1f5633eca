# Shared by ./dev and its steps: where things lie, which toolchains there are, and how a step is run and reported.
# shellcheck shell=bash

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=${IXY_BUILD_FOLDER:-$ROOT/build} # another place for a second build beside it
PREFIX=$BUILD/prefix
VENV=$BUILD/venv
LOG=$BUILD/log
JOBS=$(nproc)
GROUPS_ALL="c abi hostile install python rust go ocaml swig peers guest readme matrix lint"
export ROOT BUILD PREFIX VENV LOG JOBS

die() {
    echo "dev: $*" >&2
    exit 1
}

have() {
    command -v "$1" >/dev/null 2>&1
}

known_group() {
    case " $GROUPS_ALL all " in *" $1 "*) ;; *) return 1 ;; esac
}

# A missing toolchain: a failure in CI, a named gap elsewhere (exit code 77, as in automake).
missing() {
    echo "missing: $*"
    exit 77
}

# ---- toolchains: the newest found, and Debian's own beside it, which is the oldest that must do ----

# newest VERSION_COMMAND CANDIDATE...: the candidate that reports the highest version
newest() {
    local ask=$1 candidate version
    shift
    for candidate in "$@"; do
        if [ -x "$candidate" ]; then
            version=$("$candidate" "$ask" 2>/dev/null | grep -oE '[0-9]+\.[0-9]+(\.[0-9]+)?' | head -n 1)
            [ -z "$version" ] || echo "$version $candidate"
        fi
    done | sort -V | tail -n 1 | cut -d ' ' -f 2
}

go_newest() {
    newest version "$(command -v go)" /usr/local/go/bin/go /usr/lib/go/bin/go /usr/bin/go
}

cargo_newest() {
    newest --version "$(command -v cargo)" "${CARGO_HOME:-$HOME/.cargo}/bin/cargo" /usr/bin/cargo
}

# debian_too NEWEST DEBIAN VERSION_COMMAND: whether Debian's toolchain is there and is another version than the newest
debian_too() {
    [ -x "$2" ] && [ "$("$1" "$3")" != "$("$2" "$3")" ]
}

# Finds the newest toolchains once; TOOL_PATH leads to them and to the Python environment.
toolchains() {
    local tool
    TOOL_PATH=$PATH
    for tool in "$(cargo_newest)" "$(go_newest)"; do
        [ -z "$tool" ] || TOOL_PATH=$(dirname "$tool"):$TOOL_PATH
    done
    TOOL_PATH=$VENV/bin:$TOOL_PATH
}

# in_environment COMMAND...: with the installed library, the Python environment and the newest toolchains
in_environment() {
    echo "$ $*" >&2
    env PATH="$TOOL_PATH" \
        IXY_PREFIX="$PREFIX" \
        PKG_CONFIG_PATH="$PREFIX/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}" \
        LD_LIBRARY_PATH="$PREFIX/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" \
        CMAKE_PREFIX_PATH="$PREFIX${CMAKE_PREFIX_PATH:+:$CMAKE_PREFIX_PATH}" \
        GOTOOLCHAIN=local CARGO_TERM_COLOR=never "$@"
}

# ---- steps ----

STEPS_PASSED=0
STEPS_FAILED=()
STEPS_MISSING=()
STEP_PROCESS=

# A step runs in a process group of its own, so that an interrupt and a time-out end all of it.
stop_step() {
    trap - INT TERM
    [ -z "$STEP_PROCESS" ] || kill "$STEP_PROCESS" 2>/dev/null || true
    echo
    die "interrupted"
}
trap stop_step INT TERM

seconds_since() {
    awk -v from="$1" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.1f", to - from }'
}

# step NAME FUNCTION ARGUMENT...: runs a function of tools/dev/*.sh by itself, its output in build/log/NAME.log
step() {
    local name=$1 began=$EPOCHREALTIME status=0 word
    shift
    mkdir -p "$LOG"
    [ ! -t 1 ] || printf '[ ...    ] %s\r' "$name"
    timeout --kill-after=10 "${STEP_SECONDS:-900}" "$ROOT/tools/dev/run" "$@" >"$LOG/$name.log" 2>&1 </dev/null &
    STEP_PROCESS=$!
    wait "$STEP_PROCESS" || status=$?
    STEP_PROCESS=
    case $status in
    0) word=ok ;;
    77) word=MISSING ;;
    124) word="TIMED OUT" ;;
    *) word=FAILED ;;
    esac
    printf '[%6s s] %-28s %-8s %s\n' "$(seconds_since "$began")" "$name" "$word" "$("$ROOT/tools/dev/tally" "$LOG/$name.log")"
    if [ "$status" -eq 0 ]; then
        STEPS_PASSED=$((STEPS_PASSED + 1))
    elif [ "$status" -eq 77 ] && [ "${CI:-}" != true ]; then
        STEPS_MISSING+=("$name")
        sed -n 's/^missing: /    /p' "$LOG/$name.log"
    else
        STEPS_FAILED+=("$name")
        echo "    --- the end of ${LOG#"$ROOT"/}/$name.log"
        tail -n 30 "$LOG/$name.log" | sed 's/^/    /'
    fi
}

# needed NAME FUNCTION ARGUMENT...: a step without which no other has a meaning
needed() {
    step "$@"
    [ ${#STEPS_FAILED[@]} -eq 0 ] || finish
}

# The closing line; ends the script when a step failed.
finish() {
    [ ${#STEPS_MISSING[@]} -eq 0 ] || echo "not run, toolchain missing: ${STEPS_MISSING[*]}"
    [ ${#STEPS_FAILED[@]} -eq 0 ] || echo "failed: ${STEPS_FAILED[*]}"
    echo "steps: $STEPS_PASSED passed, ${#STEPS_FAILED[@]} failed, ${#STEPS_MISSING[@]} missing in ${SECONDS} s"
    [ ${#STEPS_FAILED[@]} -eq 0 ] || exit 1
}
