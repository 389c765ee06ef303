# Sourced by every script: the words it is written in, and a fresh folder, in which it goes on. $sirencl is the program, $root the
# source tree, $built the folder of test programs, $python a Python that may have the packages of oracles.
set -euo pipefail

fail() { echo "FAILED: $*" >&2; exit 1; }
# What is not there for a test, or for a part of it; tools/test lists these lines at its end.
skip() { echo "skipped: $*"; exit 77; }
skip_part() { echo "skipped in part: $*"; }
has() { command -v "$1" >/dev/null; }
needs() { local program; for program; do has "$program" || skip "there is no $program"; done; }
python_has() { "$python" -c "import $1" 2>/dev/null; } # MODULE,...
needs_python() { python_has "$1" || skip "$python has no $1 (SIREN_PYTHON names another Python)"; }

[ -x "${1-}" ] || { echo "usage: bash $0 build/sirencl"; exit 2; }
sirencl=$(realpath "$1")
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
built=$PWD
python=${SIREN_PYTHON:-python3}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

has_device() { "$sirencl" devices >/dev/null 2>&1; }
has_cpu() { [[ $("$sirencl" devices --json 2>/dev/null) =~ \"family\":[[:space:]]*\"chain\" ]]; }
is_sanitized() { [[ $(nm -D "$sirencl") == *__asan_init* ]]; }
phantom() { "$sirencl" phantom --quiet "$@" || fail "phantom $*"; }

# expect STATUS PART COMMAND...: ends with this exit code and says PART on stderr; a failure is one sentence, beside progress. What
# was said is in stdout.txt and stderr.txt.
expect() {
    local status=$1 part=$2 got=0
    shift 2
    "$@" >stdout.txt 2>stderr.txt || got=$?
    [ $got = "$status" ] || fail "$*: exit code $got, expected $status: $(cat stderr.txt)"
    grep -qF -- "$part" stderr.txt || [ -z "$part" ] || fail "$*: '$part' is not in: $(cat stderr.txt)"
    grep -v ' %' stderr.txt >messages.txt || true
    case $status in 0 | 8) return ;; esac # done, or in part
    [ "$(wc -l <messages.txt)" = 1 ] || fail "$*: not one sentence: $(cat stderr.txt)"
}
run() { expect 0 '' "$@"; }
# Warnings of the last command, but for those that small images and short trainings bring about.
warnings() { sed '/is larger than\|with little more/d; /warning: /!d' stderr.txt; }
tells() { grep -q -- "$1" <<<"$("${@:2}")"; } # PATTERN COMMAND...: in its output
# ends_with STATUS...: the last job in the background has one of these exit codes.
ends_with() {
    local got=0
    wait $! || got=$?
    [[ " $* " == *" $got "* ]] || fail "exit code $got, expected $*: $(cat stderr.txt)"
}

number() { sed -n "s/^\t\"$2\":[^0-9-]*\([0-9.e+-]*\).*/\1/p" "$1"; } # FILE KEY: of a JSON object's own member
bytes() { dd if="$1" iflag=skip_bytes,count_bytes skip="$2" count="$3" status=none; } # FILE OFFSET COUNT
voxels() { tail -c +353 "$1" | od -An -v -t"$2" -w"${2#?}"; } # FILE TYPE: of NIfTI-1, TYPE as od has it
checked() { local trial; for trial in "$1"/trials/*/; do (cd "$trial" && sha256sum --quiet -c SHA256SUMS) || fail "$trial: checksums"; done; } # RUN
# What two runs of one experiment may differ in is left out.
same_run() { diff -rq -x environment.json -x timing.csv -x lock -x claims -x parts -x figures "$1" "$2" || fail "$1 and $2 differ"; }
