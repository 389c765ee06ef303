# Baselines of an experiment: ratios, resume, damage, failures; figures and lossless sizes against Python where it is there.
source "$(dirname "$0")/../../common.sh"
sweep() { run "$sirencl" sweep --device cpu "$@"; }

cat >some.json <<'JSON'
{
  "name": "some",
  "input": {"phantom": {"dims": [40, 36, 5], "shells": [[0, 1], [1000, 9]], "snr": 30, "seed": 3}},
  "blocks": {"range": [1, 4]},
  "grid": {"model": "siren-2d", "layers": 2, "width": [32, 192]},
  "epochs": 20,
  "outputs": {"curves": false, "restored": true},
  "baselines": [
    {"method": "jpeg2000", "match": "trials"},
    {"method": "jpeg2000", "per": "volume", "ratios": [3, 10.5]},
    {"method": "jpeg2000", "rates": 8},
    {"method": "deflate"},
    {"method": "xz"}
  ]
}
JSON

# ---- what a run holds; a ratio below 1 is out of JPEG2000's reach, which is a result ----
sweep some.json -o whole
grep -q 'jpeg2000-slice-like-siren-2d-2x192-int8-seed0-[0-9a-f]*: jpeg2000 comes no nearer to a ratio of 0' stderr.txt ||
    fail "no word of the ratio out of reach: $(cat stderr.txt)"
python3 - <<'PY' || fail "tables"
import csv
summary = {row["trial"][:-9]: row for row in csv.DictReader(open("whole/summary.csv"))}
results = list(csv.DictReader(open("whole/results.csv")))
assert len(summary) == 9, summary.keys()
for name, row in summary.items():
    network = name.startswith("siren")
    assert (row["layers"] != "") == (row["weights"] != "") == (row["parameters"] != "") == network, row
    slices = [r for r in results if r["trial"] == row["trial"]]
    assert len(slices) == (0 if row["status"] == "unreached" else 3), (name, slices)
    assert all(r["level"] == "slice" and r["number"] in "123" for r in slices)
    assert row["series_bytes"] == str(40 * 36 * 3 * 10 * 2)
ratio = lambda name: float(summary[name]["ratio"])
near = lambda a, b: abs(a / b - 1) <= 0.01
like = "jpeg2000-slice-like-siren-2d-2x%s-int8-seed0"
assert near(ratio(like % 32), ratio("siren-2d-2x32-int8-seed0"))
assert summary[like % 192]["status"] == "unreached" and summary[like % 192]["ratio"] == ""
assert near(ratio("jpeg2000-volume-ratio3"), 3) and near(ratio("jpeg2000-volume-ratio10.5"), 10.5)
assert 7 < ratio("jpeg2000-slice-rate8") < 8.1
assert summary["jpeg2000-volume-ratio3"]["model"] == "jpeg2000-volume"
assert float(summary["jpeg2000-volume-ratio3"]["psnr_mean"]) > float(summary["jpeg2000-volume-ratio10.5"]["psnr_mean"]) + 3
assert all(float(r["mse"]) == 0 and r["psnr"] == "inf" for r in results if r["model"] in ("deflate", "xz"))
assert ratio("xz") > ratio("deflate") > 1
PY
checked whole
[ "$(ls whole/trials/*/restored.nii.gz | wc -l)" = 6 ] || fail "6 restored series expected: $(ls whole/trials/*/restored.nii.gz)"
"$sirencl" decompress --quiet whole/trials/siren-2d-2x32*/archive.siren decoded.nii.gz
for series in whole/trials/*/restored.nii.gz; do
    "$sirencl" compare --json decoded.nii.gz "$series" >/dev/null || fail "$series: not on the grid of the archive"
done

# ---- resume and damage ----
cp -r whole again
rm -r again/trials/deflate-* again/trials/jpeg2000-slice-rate8-*/SHA256SUMS again/summary.csv
printf x >>"$(echo again/trials/jpeg2000-volume-ratio3-*/restored.nii.gz)"
sweep some.json -o again
[ "$(grep -c 'is done again' stderr.txt)" = 1 ] || fail "one damaged trial expected: $(cat stderr.txt)"
! grep -q 'comes no nearer' stderr.txt || fail "a complete trial was done again"
same_run whole again
sweep --json some.json -o again
grep -q '"complete_before":[[:space:]]*9' stdout.txt || fail "nothing was left to do: $(cat stdout.txt stderr.txt)"

# ---- baselines alone; a method that fails leaves the others ----
cp whole/inputs/phantom.nii.gz image.nii.gz
echo '{"input": "image.nii.gz", "baselines": [{"method": "smooth"}, {"method": "deflate"}]}' >alone.json
mkdir bin
printf '#!/bin/sh\necho "mrfilter: no luck" >&2\nexit 3\n' >bin/mrfilter
chmod +x bin/mrfilter
PATH=$PWD/bin:$PATH expect 8 '' "$sirencl" sweep --device cpu alone.json -o alone
grep -q 'trial smooth-[0-9a-f]* failed: mrfilter failed with exit code 3: .*no luck' stderr.txt || fail "$(cat stderr.txt)"
[ "$(wc -l <alone/summary.csv)" = 2 ] || fail "deflate alone is complete: $(cat alone/summary.csv)"
! tells sirencl ls -A alone/trials/smooth-* || fail "temporary files are left"
if has mrfilter; then
    sweep alone.json -o alone
    grep -q '^smooth' alone/summary.csv || fail "$(cat alone/summary.csv)"
else
    skip_part "smoothing: MRtrix3 is not installed"
fi

# ---- networks are trained on the mask: baselines are given what is inside, and judged there ----
cat >inside.json <<'JSON'
{
  "input": {"phantom": {"dims": [40, 36, 5], "shells": [[0, 1], [1000, 9]], "snr": 30, "seed": 3}, "mask_use": "train"},
  "blocks": {"range": [1, 4]},
  "grid": {"model": "siren-2d", "layers": 2, "width": 32},
  "epochs": 20,
  "outputs": {"curves": false, "restored": true},
  "baselines": [{"method": "jpeg2000", "match": "trials"}, {"method": "jpeg2000", "ratios": 8}, {"method": "deflate"}]
}
JSON
sweep inside.json -o inside
grep -q '"mask_use":.*"train"' inside/trials/deflate-*/config.json || fail "a masked baseline is not told apart"
python3 - <<'PY' || fail "masked baselines"
import csv
row = lambda run, name: [r for r in csv.DictReader(open(run + "/summary.csv")) if r["trial"].startswith(name)][0]
results = lambda name: [r for r in csv.DictReader(open("inside/results.csv")) if r["trial"].startswith(name)]
like, network = row("inside", "jpeg2000-slice-like"), row("inside", "siren-2d")
assert abs(float(like["ratio"]) / float(network["ratio"]) - 1) <= 0.01, (like, network)
assert float(row("inside", "deflate")["ratio"]) > 1.3 * float(row("whole", "deflate")["ratio"])
points = [r["points"] for r in results("siren-2d")]
assert points == [r["points"] for r in results("jpeg2000-slice-ratio8")] and 0 < int(points[0]) < 40 * 36, points
assert all(r["mse"] == r["mse_masked"] for name in ("jpeg2000", "deflate") for r in results(name))
PY

# ---- our own coders, JPEG XL and JPEG-LS; sizes by libjxl's own program ----
cat >more.json <<'JSON'
{
  "input": {"phantom": {"dims": [40, 36, 3], "shells": [[0, 1], [1000, 5]], "seed": 3}},
  "outputs": {"restored": true},
  "baselines": [
    {"method": "predictive"}, {"method": "predictive", "errors": 4}, {"method": "transform", "ratios": 6},
    {"method": "transform", "psnrs": 28}, {"method": "jpegxl"}, {"method": "jpegls", "errors": 4}, {"method": "jpegls"}
  ]
}
JSON
more_status=0
"$sirencl" sweep more.json -o more >stdout.txt 2>stderr.txt || more_status=$?
restored() { ls more/trials/"$1"-????????/restored.nii.gz; }
largest_error() { "$sirencl" compare --json more/inputs/phantom.nii.gz "$(restored "$1")" >compared.json && number compared.json max_abs_error; }
least() { python3 - "$@" <<'PY' || fail "$*: $(cut -d, -f1,16,19 more/summary.csv)"
import csv, sys
row, = [r for r in csv.DictReader(open("more/summary.csv")) if r["trial"].rsplit("-", 1)[0] == sys.argv[1]]
assert float(row[sys.argv[2]]) >= float(sys.argv[3]), row
PY
}
[ "$(largest_error predictive)" = 0 ] && [ "$(largest_error predictive-error4)" = 4 ] || fail "predictive"
least predictive ratio 1.3
least predictive-error4 ratio 2
least transform-ratio6 ratio 6
least transform-psnr28 psnr_mean 28
if grep -q 'jpeg[xl][ls].* is not part of this program' stderr.txt; then
    [ $more_status = 8 ] || fail "exit code $more_status without libraries"
    skip_part "JPEG XL, JPEG-LS: $(grep -o 'the method jpeg.*' stderr.txt | head -1)"
else
    [ $more_status = 0 ] || fail "$(cat stderr.txt)"
    [ "$(largest_error jpegls-slice)" = 0 ] && [ "$(largest_error jpegxl-slice)" = 0 ] && [ "$(largest_error jpegls-slice-error4)" = 4 ] ||
        fail "JPEG-LS, JPEG XL"
    has cjxl || skip_part "sizes of JPEG XL: there is no cjxl"
    ! has cjxl || python3 - <<'PY' || fail "sizes of JPEG XL"
import array, csv, gzip, os, subprocess
voxels = array.array("h", gzip.open("more/inputs/phantom.nii.gz").read()[352:])
n, total, images = 40 * 36, 0, 0
for first in range(0, len(voxels), n):
    image = voxels[first:first + n]
    low = min(image)
    with open("image.pgm", "wb") as file:  # cjxl 0.7 stretches samples of 9 to 15 bits: they are said to have 16
        file.write(b"P5\n40 36\n65535\n" + b"".join((v - low).to_bytes(2, "big") for v in image))
    subprocess.run(["cjxl", "image.pgm", "image.jxl", "-d", "0", "-e", "9", "--quiet"], check=True, stderr=subprocess.DEVNULL)
    total, images = total + os.path.getsize("image.jxl"), images + 1
row, = [r for r in csv.DictReader(open("more/summary.csv")) if r["trial"].startswith("jpegxl-")]
side = 36 + 16 + 150 + 8 * images
assert 0.95 * total < int(row["archive_bytes"]) < 1.01 * total + side, (total, images, row["archive_bytes"])
PY
fi

# ---- against Python ----
python_has nibabel,numpy || { skip_part "comparison with numpy: $python has no nibabel"; exit 0; }
"$python" - <<'PY' || fail "figures differ from numpy's"
import csv, glob, lzma, zlib
import nibabel, numpy
load = lambda path: numpy.asarray(nibabel.load(path).dataobj.get_unscaled())
original, mask = load("whole/inputs/phantom.nii.gz")[:, :, 1:4], load("whole/inputs/phantom_mask.nii.gz")[:, :, 1:4] != 0
voxels = original.astype("<i2").tobytes(order="F")
summary = {row["model"]: row for row in csv.DictReader(open("whole/summary.csv"))}
assert int(summary["deflate"]["archive_bytes"]) == 36 + len(zlib.compress(voxels, 9))
assert abs(int(summary["xz"]["archive_bytes"]) - 36 - len(lzma.compress(voxels, preset=9 | lzma.PRESET_EXTREME))) < 50
low = original.min((0, 1)).astype("f8")
range_ = original.max((0, 1)) - low
for path in glob.glob("whole/trials/*/restored.nii.gz"):
    error = ((load(path) - low) / range_ - (original - low) / range_) ** 2
    rows = [row for row in csv.DictReader(open("whole/results.csv")) if row["trial"] == path.split("/")[-2]]
    assert len(rows) == 3
    for z, row in enumerate(rows):
        assert numpy.isclose(error[:, :, z].mean(), float(row["mse"]), rtol=1e-5), (path, row)
        assert numpy.isclose(error[:, :, z][mask[:, :, z]].mean(), float(row["mse_masked"]), rtol=1e-5), (path, row)

# Of masked ones: outside lies the background, and figures are of what is inside alone, ranges included.
restored, = map(load, glob.glob("inside/trials/deflate-*/restored.nii.gz"))
assert (restored[mask] == original[mask]).all() and (restored[~mask] == 0).all() and not (original[~mask] == 0).all()
restored, = map(load, glob.glob("inside/trials/jpeg2000-slice-ratio8-*/restored.nii.gz"))
rows = [row for row in csv.DictReader(open("inside/results.csv")) if row["trial"].startswith("jpeg2000-slice-ratio8-")]
for z, row in enumerate(rows):
    x, y = original[:, :, z][mask[:, :, z]].astype("f8"), restored[:, :, z][mask[:, :, z]].astype("f8")
    assert numpy.isclose((((x - y) / (x.max(0) - x.min(0))) ** 2).mean(), float(row["mse"]), rtol=1e-5), row
    assert int(row["points"]) == mask[:, :, z].sum()
PY
