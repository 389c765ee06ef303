# Shared by demo, test and install-deps; sourced.

say() { printf '== %s\n' "$*"; }

# quietly COMMAND...: shows its output only where it fails; until then, that it works: on a terminal the last line, else a dot
# every ten seconds.
quietly() {
    local log status=0 shows
    log=$(mktemp)
    if [[ -t 1 ]]; then
        while sleep 0.5; do printf '\r\033[K%.*s' "$(($(tput cols 2>/dev/null || echo 80) - 1))" "$(tail -qn 1 "$log" | tr -d '\r')"; done &
    else
        while sleep 10; do printf .; done &
    fi
    shows=$!
    "$@" >"$log" 2>&1 || status=$?
    kill "$shows" 2>/dev/null
    wait "$shows" 2>/dev/null || true
    [[ ! -t 1 ]] || printf '\r\033[K'
    [[ $status = 0 ]] || cat "$log" >&2
    rm -f "$log"
    return $status
}

# build FOLDER TARGET [CMAKE_OPTION...]: configures and builds.
build() {
    local folder=$1 target=$2
    shift 2
    say "building in $folder"
    quietly cmake -S . -B "$folder" -G Ninja "$@" && quietly cmake --build "$folder" --target "$target" && return
    echo "building in $folder failed; the output stands above" >&2
    return 1
}
