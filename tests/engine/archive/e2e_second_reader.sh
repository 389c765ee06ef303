# A second reader in Python, written from the normative pages alone, restores archives of every model to the bytes that `sirencl decompress`
# gives: masks, patches, float32 weights, voxels that are not finite, constant volumes and slices, big endian, odd sizes.
source "$(dirname "$0")/../../common.sh"
needs_python numpy
n_read=0
# same ARCHIVE NAME...: both restore image and attachments to the same bytes
same() {
    local archive=$1 name=$2
    mkdir -p first second
    "$sirencl" decompress "$archive" "first/$name.nii" --quiet --device host || fail "$name: decompress"
    "$python" "$root/tests/second_reader.py" "$archive" "second/$name.nii" || fail "$name: the second reader refuses it"
    diff -r first second || fail "$name: the second reader restores other bytes"
    n_read=$((n_read + 1))
}
for name in slices patches float32 ratio coded; do same "$root/tests/golden/$name.siren" "$name"; done

# Big-endian float32 with odd values: a constant volume, a constant slice, and what is not finite.
"$python" - <<'PYTHON'
import struct
import numpy as np
nx, ny, nz, n_volumes = 11, 9, 3, 4
draw = np.random.default_rng(5)
z, y, x = np.mgrid[:nz, :ny, :nx]
voxels = np.array([900 + 300 * np.sin(.5 * x + v) * np.cos(.4 * y + z) for v in range(n_volumes)]) + draw.normal(0, 20, (n_volumes, nz, ny, nx))
voxels[1] = -7.5
voxels[:, 2] = 40
header = bytearray(352)
header[0:4] = struct.pack('>i', 348)
header[40:56] = struct.pack('>8h', 4, nx, ny, nz, n_volumes, 1, 1, 1)
header[76:108] = struct.pack('>8f', *[1] * 8)
header[108:120] = struct.pack('>3f', 352, 2, 1)
header[344:348] = b'n+1\0'
for name, code, kind, odd in (('odd', 16, '>f4', True), ('whole', 4, '>i2', False), ('double', 64, '>f8', True)):
    values = voxels.round() if kind == '>i2' else voxels.copy()
    if odd:
        values[0, 0, 0, 0], values[2, 1, 3, 3], values[3, 2, 8, 10] = np.nan, np.inf, -np.inf
    header[70:74] = struct.pack('>2h', code, 8 * int(kind[-1]))
    open(name + '.nii', 'wb').write(bytes(header) + values.astype(kind).tobytes())
header[40:56] = struct.pack('>8h', 3, nx, ny, nz, 1, 1, 1, 1)
header[70:74] = struct.pack('>2h', 2, 8)
header[108:120] = struct.pack('>3f', 352, 1, 0)
open('mask.nii', 'wb').write(bytes(header) + (((x - 5) ** 2 + (y - 4) ** 2 < 14) & (z > 0)).astype('u1').tobytes())
PYTHON
compress() { "$sirencl" compress --quiet --force-larger "$@" || fail "compress $*"; } # IN OUT OPTIONS...
for image in odd whole double; do
    compress $image.nii $image-lossless.siren --lossless
    compress $image.nii $image-bound.siren --max-error 3.25 --mask mask.nii
    compress $image.nii $image-ratio.siren --psnr 35
    compress $image.nii $image-masked.siren --psnr 25 --mask mask.nii
    compress $image.nii $image-corrected.siren --max-error 9 --model transform
    for target in lossless bound ratio masked corrected; do same $image-$target.siren $image-$target; done
done
cmp first/odd-lossless.nii odd.nii || fail "lossless"

if has_device; then
    small="--device cpu --layers 2 --width 17 --epochs 3"
    for model in siren-2d siren-2d-relu siren-2d-tanh mlp-tanh siren-3d; do
        # shellcheck disable=SC2086
        compress odd.nii $model.siren $small --model $model --weights int6
        same $model.siren $model
    done
    for image in odd whole; do
        for packing in lzma coded; do
            # shellcheck disable=SC2086
            compress $image.nii $image-$packing.siren $small --model siren-2d --max-error 40 --packing $packing
            same $image-$packing.siren $image-$packing
        done
    done
    printf 'TE\tb\r\n60\t0\r\n60\t1000\r\n90.5\t0\r\n-1e2\t700\r\n\r\n' >volumes.tsv
    for blocks in slice volume patch:4x5x2; do
        # shellcheck disable=SC2086
        compress odd.nii nd-$blocks.siren $small --model siren-nd --volume-coordinates volumes.tsv --blocks $blocks --mask mask.nii
        same nd-$blocks.siren "nd-${blocks%:*}"
    done
    # shellcheck disable=SC2086
    compress whole.nii boxes.siren $small --model siren-3d --blocks patch:4x5x2 --mask mask.nii --weights int12
    same boxes.siren boxes
else
    skip_part "networks of other models: no OpenCL device"
fi
[ $n_read -ge 16 ] || fail "$n_read archives were read"
