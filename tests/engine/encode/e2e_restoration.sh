# Transform archives whose pixels a network restores: smaller than without at the PSNR that was asked for, by the library, the host and a second reader written
# from the pages alone to the same bytes; some slices and volumes; targets of all kinds are kept; a changed network is noticed.
source "$(dirname "$0")/../../common.sh"
source "$root/tests/engine/encode/network_checks.sh"
needs_python numpy
"$python" "$root/tests/engine/encode/tissue.py" in.nii 56 52 8 9 3 25 23 .5 .33
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
second_reader_agrees 6.siren 6.nii
"$python" - "$(psnr 6.siren)" <<'PYTHON' || fail "the PSNR is not that of what is decoded"
import sys
import numpy as np
a, b = (np.frombuffer(open(name, 'rb').read()[352:], '<i2').reshape(9, 8, -1).astype(float) for name in ('in.nii', '6.nii'))
ranges = a.max(2, keepdims=True) - a.min(2, keepdims=True)
psnr = np.mean(-10 * np.log10(np.mean(((a - b) / ranges) ** 2, axis=(0, 2))))
assert abs(psnr - float(sys.argv[1])) < .1, psnr
PYTHON
part_is_of_whole 6.siren 6.nii 1:2 2:5

# Other targets: no more bytes and no lower PSNR; a bound is kept.
no_worse_at_size "$(size 5.siren)" 0.05
compress --max-error 6 --effort 6 in.nii bound.siren
run "$sirencl" decompress --quiet --device host bound.siren bound.nii
keeps_bound in.nii bound.nii 6

# Another network, with right checksums.
other_network_noticed 6.siren 19 'restoration network'
