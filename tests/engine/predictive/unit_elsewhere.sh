# Records with and without a context network decode to the same bytes on a machine of the other byte order (s390x, by qemu) and on one of 32
# bits with another floating-point unit (i686): cases of all types, and a slice of an archive whose network was trained.
source "$(dirname "$0")/../../common.sh"
needs cc "$python"

sources=("$root"/tests/engine/predictive/decode_case.c "$root"/engine/{coding,context,predictive}/*.c "$root"/host/base.c "$root"/formats/series.c)
compile() { # COMPILER: everything that is not called is left out, and the libraries that it would need
    "$1" -std=c11 -O1 -D_POSIX_C_SOURCE=200809L -I"$root" -static -ffp-contract=off -ffunction-sections -Wl,--gc-sections "${sources[@]}" -lm -o "$1.decode"
}
machines=()
add() { # COMPILER [EMULATOR]
    local program
    for program; do has "$program" || return 0; done
    compile "$1" || fail "what decodes a case does not compile by $1"
    machines+=("${2:+$2 }$PWD/$1.decode")
}
add i686-linux-gnu-gcc
add s390x-linux-gnu-gcc qemu-s390x
[ ${#machines[@]} -gt 0 ] || skip "there is neither i686-linux-gnu-gcc nor s390x-linux-gnu-gcc with qemu-s390x"
[ ${#machines[@]} = 2 ] || skip_part "of i686-linux-gnu-gcc and s390x-linux-gnu-gcc with qemu-s390x one is not there"
compile cc || fail "what decodes a case does not compile here"
machines+=("$PWD/cc.decode")

# In a folder with the case; all must agree.
decode() {
    for machine in "${machines[@]}"; do
        $machine >said || fail "$1: $machine: exit code $?"
        mv decoded "decoded.$(tr ' ' '-' <said)"
    done
    for other in decoded.*; do cmp "$other" decoded.64-bit-little-endian || fail "$1: $other is not what is decoded here"; done
}
for number in $(seq 0 3 59); do
    mkdir "case$number"
    (cd "case$number" && "$built/unit_predictive" write "$number" && decode "case $number") || fail "case $number: $(cat "case$number/plan")"
done

run "$sirencl" phantom --quiet --dims 48x48x3 --shells 0:2,1000:14 in.nii
run "$sirencl" compress --quiet --lossless --effort 4 in.nii in.siren
mkdir real
"$python" - <<'PYTHON' || fail "an archive with a network"
import struct
data, image = open('in.siren', 'rb').read(), open('in.nii', 'rb').read()[352:]
table, n_sections = struct.unpack('<QQ', data[-56:-40])
sections = [struct.unpack('<IIQQ', data[at:at + 24]) for at in range(table, table + 40 * n_sections, 40)]
[(_, _, offset, n)] = [s for s in sections if s[0] == 13]
open('real/network', 'wb').write(data[offset:offset + n])
block, flags, offset, n = struct.unpack('<IIQQ', data[table + 40 * n_sections:][:24])
assert block == 0 and flags == 1
open('real/bytes', 'wb').write(data[offset:offset + n])
open('real/plan', 'w').write('int16 48 48 1 16 0\n')
open('real/mask', 'wb').write(b'\1' * 48 * 48)
open('real/voxels', 'wb').write(b''.join(image[2 * 48 * 48 * 3 * v:][:2 * 48 * 48] for v in range(16)))
PYTHON
(cd real && decode "a slice of an archive" && cmp voxels decoded.64-bit-little-endian) || fail "a slice of an archive"
