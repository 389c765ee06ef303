# Transform archives whose pixels a network restores: smaller than without at the PSNR that was asked for, by the library, the host and a second reader written
# from the pages alone to the same bytes; some slices and volumes; targets of all kinds are kept; a changed network is noticed.
source "$(dirname "$0")/../../common.sh"
needs_python numpy
"$python" "$root/tests/engine/encode/tissue.py" in.nii 56 52 8 9 3 25 23 .5 .33
size() { stat -c %s "$1"; }
psnr() { "$sirencl" info --json "$1" | sed -n 's/^\t"psnr"[^0-9]*\([0-9.]*\).*/\1/p'; }
compress() { run "$sirencl" compress --quiet --force --model transform "$@"; }
restored() { "$sirencl" info --json "$1" | grep -q '"restoration_bytes":.[1-9]'; }

for effort in 5 6; do compress --psnr 45 --effort $effort in.nii $effort.siren; done
restored 6.siren || fail "no network restores pixels"
! restored 5.siren || fail "the default has a network that restores pixels"
"$sirencl" info 6.siren | grep -q '^  restoration  a network of' || fail "info does not tell of the network"
awk "BEGIN { exit !($(size 6.siren) < .985 * $(size 5.siren) && $(psnr 6.siren) >= 45) }" ||
    fail "$(size 6.siren) bytes and $(psnr 6.siren) dB, without $(size 5.siren)"
compress --psnr 45 --effort 6 --nthreads 1 in.nii again.siren
cmp 6.siren again.siren || fail "one thread makes another archive"

# What is decoded, and the PSNR that is told of it.
run "$sirencl" decompress --quiet --device host 6.siren 6.nii
run "$sirencl" verify --quiet 6.siren
"$python" "$root/tests/second_reader.py" 6.siren second.nii || fail "the second reader refuses an archive that is restored"
cmp 6.nii second.nii || fail "the second reader restores other bytes"
"$python" - "$(psnr 6.siren)" <<'PYTHON' || fail "the PSNR is not that of what is decoded"
import sys
import numpy as np
a, b = (np.frombuffer(open(name, 'rb').read()[352:], '<i2').reshape(9, 8, -1).astype(float) for name in ('in.nii', '6.nii'))
ranges = a.max(2, keepdims=True) - a.min(2, keepdims=True)
psnr = np.mean(-10 * np.log10(np.mean(((a - b) / ranges) ** 2, axis=(0, 2))))
assert abs(psnr - float(sys.argv[1])) < .1, psnr
PYTHON
run "$sirencl" decompress --quiet --device host --slices 1:2 --volumes 2:5 6.siren part.nii
"$python" - <<'PYTHON' || fail "slices and volumes of an archive that is restored"
import numpy as np
whole = np.frombuffer(open('6.nii', 'rb').read()[352:], '<i2').reshape(9, 8, 52, 56)
part = np.frombuffer(open('part.nii', 'rb').read()[352:], '<i2').reshape(3, 1, 52, 56)
assert (whole[2:5, 1:2] == part).all()
PYTHON

# Other targets: no more bytes and no lower PSNR; a bound is kept.
target=$(size 5.siren)
for effort in 5 6; do
    compress --size "$target" --effort $effort in.nii size$effort.siren
    [ "$(size size$effort.siren)" -le "$target" ] || fail "effort $effort: $(size size$effort.siren) bytes of at most $target"
done
awk "BEGIN { exit !($(psnr size6.siren) > $(psnr size5.siren) + .05) }" || fail "a network brings nothing: $(psnr size6.siren) dB and $(psnr size5.siren)"
compress --max-error 6 --effort 6 in.nii bound.siren
run "$sirencl" decompress --quiet --device host bound.siren bound.nii
"$python" - <<'PYTHON' || fail "the bound is not kept"
import numpy as np
a, b = (np.frombuffer(open(name, 'rb').read()[352:], '<i2').astype(int) for name in ('in.nii', 'bound.nii'))
assert 0 < abs(a - b).max() <= 6
PYTHON

# Another network, with right checksums.
"$python" "$root/tests/faults/forge.py" drift 6.siren 19 drift.siren
status=0
"$sirencl" decompress --quiet --device host drift.siren drift.nii 2>stderr.txt || status=$?
grep -q 'restoration network\|decodes to other voxels\|bytes end\|weight' stderr.txt && [ $status != 0 ] && [ ! -e drift.nii ] || fail "a changed network is not noticed: $status, $(cat stderr.txt)"
