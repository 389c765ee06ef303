# Transform archives with a context network: smaller than without, and the same values from them; by slices, and by a second reader written from
# the pages alone; a ratio is met with a finer step; a changed network is noticed. Efforts below 4 give one quantiser, 4 and 5 two, in fewer
# bytes.
source "$(dirname "$0")/../../common.sh"
needs_python numpy
"$python" "$root/tests/engine/encode/tissue.py" in.nii 36 31 14 9 12 16 14 .9 .4
size() { stat -c %s "$1"; }
psnr() { "$sirencl" info --json "$1" | sed -n 's/^\t"psnr"[^0-9]*\([0-9.]*\).*/\1/p'; }
compress() { run "$sirencl" compress --quiet --force --model transform "$@"; }

for effort in 1 3 4 5; do compress --psnr 40 --effort $effort in.nii $effort.siren; done
cmp 1.siren 3.siren || fail "efforts 1 and 3 give different archives"
cmp 4.siren 5.siren || fail "efforts 4 and 5 give different archives"
awk "BEGIN { exit !($(size 5.siren) < .98 * $(size 3.siren) && $(psnr 5.siren) >= 40) }" ||
    fail "two quantisers: $(size 5.siren) bytes and $(psnr 5.siren) dB, one: $(size 3.siren)"

# Finely enough for a network to be worth its bytes.
for effort in 5 6; do compress --psnr 52 --effort $effort in.nii $effort.siren; done
[ "$(size 6.siren)" -lt "$(size 5.siren)" ] || fail "$(size 6.siren) bytes, without a network $(size 5.siren)"
for effort in 5 6; do run "$sirencl" decompress --quiet --device host $effort.siren $effort.nii; done
cmp 5.nii 6.nii || fail "a network gives other values"
run "$sirencl" verify --quiet 6.siren
"$python" "$root/tests/second_reader.py" 6.siren second.nii || fail "the second reader refuses an archive with a network"
cmp 6.nii second.nii || fail "the second reader restores other bytes"

# A slice alone, and some volumes.
run "$sirencl" decompress --quiet --device host --slices 1:2 --volumes 2:5 6.siren part.nii
"$python" - <<'PYTHON' || fail "slices and volumes of an archive with a network"
import numpy as np
whole = np.frombuffer(open('6.nii', 'rb').read()[352:], '<i2').reshape(9, 14, 31, 36)
part = np.frombuffer(open('part.nii', 'rb').read()[352:], '<i2').reshape(3, 1, 31, 36)
assert (whole[2:5, 1:2] == part).all()
PYTHON

# With a bound, corrections and all; and no more bytes than without, of no lower PSNR.
compress --max-error 6 --effort 6 in.nii bound.siren
run "$sirencl" decompress --quiet --device host bound.siren bound.nii
"$python" - <<'PYTHON' || fail "the bound is not kept"
import numpy as np
a, b = (np.frombuffer(open(name, 'rb').read()[352:], '<i2').astype(int) for name in ('in.nii', 'bound.nii'))
assert 0 < abs(a - b).max() <= 6
PYTHON
target=$(size 5.siren)
for effort in 5 6; do
    compress --size "$target" --effort $effort in.nii size$effort.siren
    [ "$(size size$effort.siren)" -le "$target" ] || fail "effort $effort: $(size size$effort.siren) bytes of at most $target"
done
awk "BEGIN { exit !($(psnr size6.siren) >= $(psnr size5.siren)) }" || fail "a network gives a lower PSNR: $(psnr size6.siren) dB and $(psnr size5.siren)"

# Another network, with right checksums.
"$python" "$root/tests/faults/forge.py" drift 6.siren 17 drift.siren
status=0
"$sirencl" decompress --quiet --device host drift.siren drift.nii 2>stderr.txt || status=$?
grep -q 'context network\|decodes to other voxels\|bytes end\|coefficients\|weight' stderr.txt && [ $status != 0 ] && [ ! -e drift.nii ] || fail "a changed network is not noticed: $status, $(cat stderr.txt)"
