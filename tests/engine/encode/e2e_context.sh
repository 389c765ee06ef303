# Archives with a context network: smaller than without, restored exactly and within a bound, by slices as well, by a second reader written
# from the pages alone; one changed weight is noticed; low efforts give the bytes that were before there were networks.
source "$(dirname "$0")/../../common.sh"
source "$root/tests/engine/encode/network_checks.sh"
needs_python numpy
"$python" - <<'PYTHON'
import struct
import numpy as np
nx, ny, nz, n_volumes = 20, 18, 12, 8
draw = np.random.default_rng(7)
z, y, x = np.mgrid[:nz, :ny, :nx]
shape = 400 + 300 * np.sin(.3 * x + .2 * z) * np.cos(.25 * y)


def interpolated():  # noise that neighbours at some distance tell of, as in images that scanners make larger
    noise = draw.normal(0, 60, (nz, ny + 6, nx + 6))
    for axis in (1, 2):
        noise = sum(w * np.roll(noise, s, axis) for s, w in ((-2, -.1), (-1, .5), (0, 1), (1, .5), (2, -.1)))
    return noise[:, 3:-3, 3:-3]


volumes = [np.abs(shape * np.exp(-.2 * v) + interpolated()) for v in range(n_volumes)]
header = bytearray(352)
header[0:4] = struct.pack('<i', 348)
header[40:56] = struct.pack('<8h', 4, nx, ny, nz, n_volumes, 1, 1, 1)
header[70:74] = struct.pack('<2h', 4, 16)
header[76:108] = struct.pack('<8f', *[1] * 8)
header[108:120] = struct.pack('<3f', 352, 1, 0)
header[344:348] = b'n+1\0'
open('in.nii', 'wb').write(bytes(header) + np.array(volumes).round().astype('<i2').tobytes())
PYTHON
for effort in 1 3 4; do run "$sirencl" compress --quiet --lossless --effort $effort in.nii $effort.siren; done
cmp 1.siren 3.siren || fail "efforts without a network give different archives"
[ "$(stat -c %s 4.siren)" -lt "$(stat -c %s 3.siren)" ] || fail "$(stat -c %s 4.siren) bytes, without a network $(stat -c %s 3.siren)"
run "$sirencl" decompress --quiet --device host 4.siren 4.nii
cmp in.nii 4.nii || fail "not lossless"
run "$sirencl" compress --quiet --lossless --effort 4 in.nii again.siren
cmp 4.siren again.siren || fail "the same series and options give another archive"
second_reader_agrees 4.siren in.nii

# Eight slices in a record.
run "$sirencl" compress --quiet --lossless --effort 4 --access series in.nii series.siren
tells '2 patches of up to 20 x 18 x 8' "$sirencl" info series.siren || fail "--access series: $("$sirencl" info series.siren)"
[ "$(size series.siren)" -lt "$(size 4.siren)" ] || fail "--access series: $(size series.siren) bytes, by slices $(size 4.siren)"
run "$sirencl" decompress --quiet --device host series.siren series.nii
cmp in.nii series.nii || fail "--access series is not lossless"
second_reader_agrees series.siren in.nii

# Some slices of both, and some volumes.
for archive in 4 series; do part_is_of_whole $archive.siren in.nii 7:9 2:4; done

run "$sirencl" compress --quiet --max-error 2 --effort 4 in.nii bound.siren
run "$sirencl" decompress --quiet --device host bound.siren bound.nii
keeps_bound in.nii bound.nii 2

# Another network, with right checksums.
other_network_noticed 4.siren 13 'context network\|coded values\|references'
