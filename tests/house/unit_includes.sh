# Product code: no include runs up from a storey to one above, no more than two files include each other in a circle (a .c file and
# its header count as one), no room of engine/ uses a later one, no file name exists twice, what comments point to exists, and no line of C
# is too long. The check itself is tried on planted faults.
source "$(dirname "$0")/../common.sh"
needs python3
python3 "$root/tests/house/includes.py" "$root"

# planted NAME FILE TEXT...: the check must fail and name it.
planted() {
    local name=$1
    shift
    rm -rf tree
    mkdir -p tree/{host,formats,engine/{model,kernels},lab,tools,cl}
    while [ $# -gt 0 ]; do
        printf '%b' "$2" > "tree/$1"
        shift 2
    done
    ! python3 "$root/tests/house/includes.py" tree >said || fail "$name went unnoticed"
    grep -q "$name" said || fail "$name is not named: $(cat said)"
}
planted 'runs up' host/a.h '#include "engine/b.h"\n' engine/b.h ''
planted 'runs up' engine/a.c '  #  include "lab/b.h"\n' lab/b.h ''
planted 'room to room' engine/model/a.c '#include "engine/kernels/b.h"\n' engine/kernels/b.h ''
planted 'points to host/lost.c' engine/a.c '/* see host/lost.c */\n'
planted 'circle: engine/a engine/b engine/model/c' engine/a.h '' engine/a.c '#include "engine/b.h"\n' engine/b.h '#include "engine/model/c.h"\n' \
    engine/model/c.h '#include "engine/a.h"\n'
planted 'twice: one.c' engine/model/one.c '' lab/one.c ''
planted 'host/a.c:2: 121 columns' host/a.c "\n/* $(printf '%0115d' 0) */\n"
planted 'no such file' engine/a.c '#include "engine/lost.h"\n'
