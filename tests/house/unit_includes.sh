# Product code: no include runs up from a storey to one above, no more than two files include each other in a circle (a .c file and
# its header count as one), and no file name exists twice. The check itself is tried on planted faults.
set -eu
command -v python3 > /dev/null || { echo "skipped: no python3"; exit 77; }
tests=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 "$tests/house/includes.py" "$tests/.."

# planted NAME FILE TEXT...: the check must fail and name it.
planted() {
    local name=$1
    shift
    rm -rf "$folder/tree"
    mkdir -p "$folder"/tree/{host,formats,engine/model,lab,tools,cl}
    while [ $# -gt 0 ]; do
        printf '%b' "$2" > "$folder/tree/$1"
        shift 2
    done
    if python3 "$tests/house/includes.py" "$folder/tree" > "$folder/said"; then echo "FAILED: $name went unnoticed"; exit 1; fi
    grep -q "$name" "$folder/said" || { echo "FAILED: $name is not named: $(cat "$folder/said")"; exit 1; }
}
planted 'runs up' host/a.h '#include "engine/b.h"\n' engine/b.h ''
planted 'runs up' engine/a.c '  #  include "lab/b.h"\n' lab/b.h ''
planted 'circle: engine/a engine/b engine/model/c' engine/a.h '' engine/a.c '#include "engine/b.h"\n' engine/b.h '#include "engine/model/c.h"\n' \
    engine/model/c.h '#include "engine/a.h"\n'
planted 'twice: one.c' engine/model/one.c '' lab/one.c ''
planted 'no such file' engine/a.c '#include "engine/lost.h"\n'
