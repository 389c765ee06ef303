# Shared by demo and test; sourced, with the repository's root as the working folder.

say() { printf '== %s\n' "$*"; }

# build FOLDER TARGET [CMAKE_OPTION...]: configures and builds; prints only what goes wrong.
build() {
    local folder=$1 target=$2 log
    shift 2
    log=$(mktemp)
    say "building in $folder"
    if ! { cmake -S . -B "$folder" -G Ninja "$@" && cmake --build "$folder" --target "$target"; } >"$log" 2>&1; then
        cat "$log" >&2
        rm -f "$log"
        echo "building in $folder failed; the output stands above" >&2
        return 1
    fi
    rm -f "$log"
}
