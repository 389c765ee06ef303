# Sourced by the tests of archives that hold a network: what is asked of all of them.

psnr() { "$sirencl" info --json "$1" | sed -n 's/^\t"psnr"[^0-9]*\([0-9.]*\).*/\1/p'; }
size() { stat -c %s "$1"; }

# second_reader_agrees ARCHIVE IMAGE: the reader that is written from the format's page alone restores the same bytes.
second_reader_agrees() {
    "$python" "$root/tests/second_reader.py" "$1" second.nii || fail "the second reader refuses $1"
    cmp "$2" second.nii || fail "the second reader restores other bytes of $1"
}

# part_is_of_whole ARCHIVE WHOLE A:B C:D: slices A to B of volumes C to D are those of the whole, int16.
part_is_of_whole() {
    run "$sirencl" decompress --quiet --force --device host --slices "$3" --volumes "$4" "$1" part.nii
    "$python" - "$2" "$3" "$4" <<'PYTHON' || fail "slices $3 and volumes $4 of $1"
import sys
import numpy as np
def voxels(name):
    with open(name, 'rb') as file:
        data = file.read()
    return np.frombuffer(data[352:], '<i2').reshape(np.frombuffer(data[42:50], '<i2')[::-1])
slices, volumes = (slice(*map(int, text.split(':'))) for text in sys.argv[2:])
assert (voxels(sys.argv[1])[volumes, slices] == voxels('part.nii')).all()
PYTHON
}

# keeps_bound A B E: int16 voxels that differ, by at most E.
keeps_bound() {
    "$python" - "$@" <<'PYTHON' || fail "the bound of $3 is not kept"
import sys
import numpy as np
a, b = (np.frombuffer(open(name, 'rb').read()[352:], '<i2').astype(int) for name in sys.argv[1:3])
assert 0 < abs(a - b).max() <= int(sys.argv[3])
PYTHON
}

# other_network_noticed ARCHIVE KIND WORDS: a bit of that section changed, with right checksums.
other_network_noticed() {
    local status=0
    "$python" "$root/tests/faults/forge.py" drift "$1" "$2" drift.siren
    "$sirencl" decompress --quiet --device host drift.siren drift.nii 2>stderr.txt || status=$?
    grep -q "decodes to other voxels\|bytes end\|weight\|$3" stderr.txt && [ $status != 0 ] && [ ! -e drift.nii ] || fail "a changed network is not noticed: $status, $(cat stderr.txt)"
    ! grep -q 'try --device host' stderr.txt || fail "the host is told to try the host: $(cat stderr.txt)"
}

# no_worse_at_size TARGET GAIN: efforts 5 and 6 of in.nii in at most so many bytes; 6 has at least GAIN dB more.
no_worse_at_size() {
    local effort
    for effort in 5 6; do
        compress --size "$1" --effort $effort in.nii size$effort.siren
        [ "$(size size$effort.siren)" -le "$1" ] || fail "effort $effort: $(size size$effort.siren) bytes of at most $1"
    done
    awk "BEGIN { exit !($(psnr size6.siren) >= $(psnr size5.siren) + $2) }" || fail "a network brings less than $2 dB: $(psnr size6.siren) and $(psnr size5.siren)"
}
