# sirencl sweep along x and y: the decoded slices are those of the input, and figures inside the mask are of the voxels
# that the mask means.
source "$(dirname "$0")/../../common.sh"
needs python3
for axis in x y; do
    cat >"$axis.json" <<JSON
{
  "input": {"phantom": {"dims": [20, 18, 6], "shells": [[0, 1], [1000, 3]], "datatype": "float32"}},
  "blocks": {"axis": "$axis", "range": [8, 12]},
  "epochs": 100,
  "trials": [{"model": "siren-2d", "width": 32, "lr": 1e-3}]
}
JSON
    "$sirencl" sweep --quiet --device cpu "$axis.json" -o "$axis"
    "$sirencl" decompress --quiet --device host "$axis"/trials/*/archive.siren "$axis/decoded.nii"
done
python3 - <<'PY'
import csv, glob, gzip, struct


def read(path):
    data = (gzip.open if path.endswith(".gz") else open)(path, "rb").read()
    dims = struct.unpack_from("<5h", data, 40)
    sizes = [n if i < dims[0] else 1 for i, n in enumerate(dims[1:])]
    code, = struct.unpack_from("<h", data, 70)
    offset = int(struct.unpack_from("<f", data, 108)[0])
    count = sizes[0] * sizes[1] * sizes[2] * sizes[3]
    return sizes, struct.unpack_from(f"<{count}{({2: 'B', 16: 'f'})[code]}", data, offset)


def at(image, x, y, z, v):
    (nx, ny, nz, _), values = image
    return values[((v * nz + z) * ny + y) * nx + x]


for axis, place in (("x", lambda i, j, k: (k, i, j)), ("y", lambda i, j, k: (j, k, i))):
    source = read(glob.glob(f"{axis}/inputs/phantom.nii.gz")[0])
    mask = read(glob.glob(f"{axis}/inputs/phantom_mask.nii.gz")[0])
    decoded = read(f"{axis}/decoded.nii")
    assert decoded[0] == ([18, 6, 4, 4] if axis == "x" else [6, 20, 4, 4]), decoded[0]
    rows = [row for row in csv.DictReader(open(f"{axis}/results.csv")) if row["level"] == "slice"]
    assert [row["number"] for row in rows] == ["8", "9", "10", "11"]
    for k, row in enumerate(rows):
        sums = {False: [0, 0], True: [0, 0]}
        for v in range(4):
            voxels = [(i, j, place(i, j, k + 8)) for j in range(decoded[0][1]) for i in range(decoded[0][0])]
            true = [at(source, *p, v) for _, _, p in voxels]
            scale = max(true) - min(true)
            for t, (i, j, p) in zip(true, voxels):
                square = ((at(decoded, i, j, k, v) - t) / scale) ** 2
                for masked in (False, True):
                    if not masked or at(mask, *p, 0):
                        sums[masked][0] += square
                        sums[masked][1] += 1
        for masked, column in ((False, "mse"), (True, "mse_masked")):
            mse = sums[masked][0] / sums[masked][1]
            assert abs(mse / float(row[column]) - 1) < 1e-3, (axis, k, column, mse, row[column])
        assert 0 < sums[True][1] < sums[False][1] and float(row["mse"]) < 0.05, row
PY
