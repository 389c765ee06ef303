# siren-nd: one network of the coordinates of voxel and volume. Archives that need no table, the same bits on device and host, whole, in
# slices, volumes and voxels; masks, patches, parts, memory; a sweep beside volumes as outputs, divided and whole; the page's example.
source "$(dirname "$0")/../../common.sh"
needs_python nibabel,numpy
has_cpu || skip "there is no OpenCL CPU device"
small="--device cpu --force-larger --quiet --layers 2 --width 16 --epochs 6"
phantom --dims 12x11x4 --shells 0:1,1000:3 --echo-times 60,90,120 p.nii.gz
nd="--model siren-nd --volume-coordinates p_volumes.tsv"
[ "$(head -1 p_volumes.tsv)" = "$(printf 'TE\tb\tgx\tgy\tgz')" ] || fail "the table of the phantom: $(head -1 p_volumes.tsv)"
# shellcheck disable=SC2086
compress() { run "$sirencl" compress $small "$@"; }

# shellcheck disable=SC2086
for kind in slice volume patch:7x6x3; do
    name=nd-${kind%:*}
    compress p.nii.gz $name.siren $nd --blocks $kind
    compress p.nii.gz $name-mask.siren $nd --blocks $kind --mask p_mask.nii.gz --weights float32
    for archive in $name $name-mask; do
        run "$sirencl" verify $archive.siren --device cpu
        run "$sirencl" decompress $archive.siren $archive.nii --device cpu --quiet
        run "$sirencl" decompress $archive.siren host.nii --device host --quiet --force
        cmp $archive.nii host.nii || fail "$archive: the device and the host restore different bytes"
        run "$sirencl" decompress $archive.siren volumes.nii --volumes 3:8 --slices 1:3 --device cpu --quiet --force
        run "$sirencl" decompress $archive.siren --voxel 5,4,2 --volumes 2:7
        "$python" - $archive.nii volumes.nii stdout.txt <<'PYTHON' || fail "$archive: parts are not those of the whole"
import sys
import nibabel
import numpy as np
whole, part = (np.asanyarray(nibabel.load(name).dataobj) for name in sys.argv[1:3])
assert whole.shape == (12, 11, 4, 12) and part.shape == (12, 11, 2, 5)
assert np.ptp(whole) > 100, "it decodes to nothing"
assert (whole[:, :, 1:3, 3:8] == part).all()
assert (np.loadtxt(sys.argv[3]) == whole[5, 4, 2, 2:7]).all()
PYTHON
    done
done
rm p_volumes.tsv # archives hold the table
run "$sirencl" decompress nd-slice.siren again.nii --device host --quiet
cmp again.nii nd-slice.nii || fail "an archive needs its table"
phantom --dims 12x11x4 --shells 0:1,1000:3 --echo-times 60,90,120 --force p.nii.gz
tells 'coordinates  x, y, TE, b, gx, gy, gz; one value of them' "$sirencl" info nd-slice.siren || fail "info does not tell the coordinates"
tells '"volume_coordinates":.*"TE"' "$sirencl" info nd-volume.siren --json || fail "info --json does not tell the coordinates"

# Little memory, some points, parts and targets are as with other models.
# shellcheck disable=SC2086
compress p.nii.gz some.siren $nd --points-per-epoch 500
# shellcheck disable=SC2086
for part in 1 2; do compress p.nii.gz parts.siren $nd --part $part/2; done
run "$sirencl" join --quiet parts.part-2-of-2.siren parts.part-1-of-2.siren parts.siren
cmp parts.siren nd-slice.siren || fail "parts make another archive"
# shellcheck disable=SC2086
run "$sirencl" compress --quiet --device cpu --epochs 6 $nd --ratio 4 p.nii.gz ratio.siren
[ "$(($(stat -c %s ratio.siren) * 4))" -le $((12 * 11 * 4 * 12 * 2)) ] || fail "--ratio 4: $(stat -c %s ratio.siren) bytes"
# shellcheck disable=SC2086
run "$sirencl" compress --quiet --device cpu $nd --layers 1 --width 16 --epochs 3 --max-error 30 --force-larger p.nii.gz bound.siren
run "$sirencl" decompress bound.siren bound.nii --quiet --device host
"$python" -c 'import nibabel, numpy as np
a, b = (np.asanyarray(nibabel.load(n).dataobj).astype(int) for n in ("p.nii.gz", "bound.nii"))
assert abs(a - b).max() <= 30' || fail "--max-error is not held"

# What cannot be is one sentence.
bad() { # STATUS PART TABLE...
    local status=$1 part=$2
    printf '%b' "$3" >bad.tsv
    # shellcheck disable=SC2086
    expect "$status" "$part" "$sirencl" compress $small --model siren-nd --volume-coordinates bad.tsv p.nii.gz none.siren
    [ ! -e none.siren ] || fail "$part: an archive came out"
}
bad 3 "has 2 rows of coordinates for a series of 12 volumes" 'TE\n60\n80\n'
bad 3 "line 3, column 1 is 'NaN', which is no finite number" "TE\n60\nNaN\n$(seq -s '\\n' 10)\n"
bad 3 "column b is 5 in every volume and distinguishes none" "TE\tb\n$(for i in $(seq 12); do printf "$i\\\\t5\\\\n"; done)"
# shellcheck disable=SC2086
expect 1 "none.tsv" "$sirencl" compress $small --model siren-nd --volume-coordinates none.tsv p.nii.gz none.siren
# shellcheck disable=SC2086
expect 2 "give a table of them by --volume-coordinates" "$sirencl" compress $small --model siren-nd p.nii.gz none.siren
# shellcheck disable=SC2086
expect 2 "--volume-coordinates are for model siren-nd" "$sirencl" compress $small --volume-coordinates p_volumes.tsv p.nii.gz none.siren

# A sweep: models side by side, of a phantom and of a file; divided into parts it has the same bytes.
cat >nd.json <<JSON
{"name": "nd",
 "inputs": [{"name": "phantom", "phantom": {"dims": [12, 11, 2], "shells": [[0, 1], [1000, 3]], "echo_times": [60, 90], "snr": 20}},
            {"name": "file", "image": "p.nii.gz", "mask": "p_mask.nii.gz", "mask_use": "train", "volume_coordinates": "p_volumes.tsv"}],
 "epochs": 4, "outputs": {"curves": true},
 "grid": [{"model": ["siren-2d", "siren-nd"], "layers": 1, "width": 16, "weights": ["int8", "float32"]},
          {"model": "siren-nd", "layers": 1, "width": 16, "blocks": {"kind": "patch", "size": [6, 6, 2]}, "points_per_epoch": 300}]}
JSON
run "$sirencl" sweep nd.json --dry-run --device cpu
grep -q 'siren-nd-1x16' stdout.txt || fail "dry run: $(cat stdout.txt)"
run "$sirencl" sweep nd.json -o whole --device cpu --quiet
checked whole
for part in 2 1; do run "$sirencl" sweep nd.json -o divided --part $part/2 --device cpu --quiet; done
run "$sirencl" sweep nd.json -o divided --finish --device cpu --quiet
same_run whole divided
"$python" - <<'PYTHON' || fail "tables of the sweep"
import csv, glob, json
rows = [r for r in csv.DictReader(open("whole/summary.csv"))]
assert len(rows) == 10 and all(r["status"] == "ok" for r in rows), rows
for path in glob.glob("whole/trials/*/config.json"):
    config = json.load(open(path))
    assert ("volume_coordinates_sha256" in config) == ("siren-nd" in path), path
    assert config["network"]["inputs"] == (3 if "patch" in path else 2), path
PYTHON
run "$sirencl" report whole
# A result that contradicts its trial, though its sums are right, is done again.
cp -r whole changed
for change in 's/\("parameters":[^0-9]*\)[0-9]*/\13/' 's/\("volumes":[^0-9]*\)[0-9]*/\14294967297/'; do
    for trial in changed/trials/*-nd-1x16-int8-*; do
        sed -i "$change" "$trial/result.json"
        (cd "$trial" && mv SHA256SUMS old && while read -r _ file; do sha256sum "$file"; done <old >SHA256SUMS && rm old)
    done
    run "$sirencl" sweep nd.json -o changed --device cpu
    grep -q 'result.json: tells of .*, but the trial.s .* has .*; trial .*-nd-1x16-int8-.* is done again' stderr.txt || fail "no word of the change: $(cat stderr.txt)"
    same_run whole changed
done

# The commands of the page, on fewer epochs, and its experiment, on the phantom alone.
mkdir page && cd page
sed -n 's/^\$ sirencl \([^#]*\).*/\1/p' "$root/docs/acquisition.md" | sed 's/--width 48/--width 16 --epochs 3 --force-larger/; s/--dims 40x40x3/--dims 10x10x2/' >commands
[ "$(wc -l <commands)" = 3 ] || fail "the page has other commands: $(cat commands)"
# shellcheck disable=SC2086
while read -r command; do run "$sirencl" $command; done <commands
grep -q 'coordinates  x, y, TE, b, gx, gy, gz' stdout.txt || fail "the page's archive: $(cat stdout.txt)"
"$python" - "$root/docs/acquisition.md" <<'PYTHON'
import json, re, sys
experiment = json.loads(re.search("```json\n(.*?)```", open(sys.argv[1]).read(), re.S)[1])
experiment["inputs"] = experiment["inputs"][1:]
experiment["inputs"][0]["phantom"]["dims"] = [10, 10, 2]
experiment["grid"]["epochs"] = 3
json.dump(experiment, open("page.json", "w"))
PYTHON
run "$sirencl" sweep page.json -o run --device cpu --quiet
cd ..

sed 's/, "volume_coordinates": "p_volumes.tsv"//' nd.json >without.json
expect 2 "asks for model siren-nd, but input file has no volume_coordinates" "$sirencl" sweep without.json -o none --device cpu
sed 's/"p_volumes.tsv"/"bad.tsv"/' nd.json >wrong.json
expect 3 "column b is 5 in every volume" "$sirencl" sweep wrong.json -o none --device cpu
