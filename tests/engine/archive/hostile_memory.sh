# Archives of some KB that once cost 0.1 to 2 GB: --memory refuses what decoding would take beyond it before it is taken, and what
# is decoded stays within it.
. "$(dirname "$0")/../../common.sh"

corpus=$root/tests/fuzz/corpus/archive
is_sanitized && skip "a sanitizer's memory is no measure"
needs python3

# within MIB STATUS PART ARGUMENTS...: takes no more memory than this.
within() {
    local most=$1 status=$2 part=$3
    shift 3
    expect "$status" "$part" python3 -c '
import os, resource, sys
child = os.fork()
if child == 0:
    os.execv(sys.argv[2], sys.argv[2:])
_, status, usage = os.wait4(child, 0)
if usage.ru_maxrss > 1024 * int(sys.argv[1]):
    sys.exit(f"{usage.ru_maxrss} KB of memory")
sys.exit(os.waitstatus_to_exitcode(status))' "$most" "$sirencl" "$@"
}

for name in slices-one-voxel-wide network-of-zeros volumes-without-number; do
    within 40 4 'raise --memory' verify --device host --memory 64M "$corpus/$name"
done
within 40 4 'raise --memory' decompress --device host --memory 64M --voxel 0,0,0 "$corpus/slices-one-voxel-wide"
within 40 3 'a basis of' verify --device host --memory 64M "$corpus/basis-of-zeros"
within 64 0 '' verify --device host "$corpus/volumes-without-number"
within 520 0 '' verify --device host --memory 1G "$corpus/slices-one-voxel-wide"
within 720 0 '' verify --device host "$corpus/network-of-zeros"
