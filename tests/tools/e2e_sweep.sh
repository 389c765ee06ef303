# sirencl sweep: killed at any instant it ends in the same bytes; placement does not matter; what is damaged is done again;
# what cannot be is refused in one sentence.
source "$(dirname "$0")/../common.sh"
refused() { expect "$1" "$2" "$sirencl" sweep "${@:3}"; } # STATUS PART arguments...
sweep() { run "$sirencl" sweep --quiet --device cpu "$@"; }

cat >tiny.json <<'JSON'
{
  "name": "tiny",
  "input": {"phantom": {"dims": [20, 18, 4], "shells": [[0, 1], [1000, 5]], "snr": 30, "seed": 3}},
  // Every kind of block; trials that share a training and trials that do not.
  "grid": [
    {"model": ["siren-2d", "mlp-tanh"], "layers": 2, "width": [16, 32], "weights": ["int8", "float32"]},
    {"model": "siren-2d", "layers": 2, "width": 16, "seed": [1, 2], "lr": [1e-4, 1e-3]},
    {"model": "siren-2d", "layers": 2, "width": 16, "optimiser": "soap", "refresh": 5},
    {"model": "siren-3d", "layers": 1, "width": 16}
  ],
  "epochs": 40,
  "log_interval": 10
}
JSON

# ---- one uninterrupted run ----
sweep tiny.json -o whole
[ "$(wc -l <whole/summary.csv)" = 15 ] || fail "14 trials expected: $(cat whole/summary.csv)"
checked whole
for trial in whole/trials/*/; do
    "$sirencl" verify --quiet --device host "$trial/archive.siren" || fail "$trial: archive"
    [ ! -d "$trial/blocks" ] || fail "$trial: blocks are left"
done
[ "$(sha256sum <whole/trials/siren-3d*/config.json | cut -c1-8)" = "$(basename whole/trials/siren-3d* | sed 's/.*-//')" ] ||
    fail "the name of a trial does not end in its identity"

# The figures in the tables are those that `info` reads from the archive, and that gradient descent improves.
"$sirencl" info --json whole/trials/mlp-tanh-2x32-int8*/archive.siren >info.json
python3 - <<'PY' || fail "tables"
import csv, json, math
rows = list(csv.DictReader(open("whole/results.csv")))
info = json.load(open("info.json"))
mine = [r for r in rows if r["trial"].startswith("mlp-tanh-2x32-int8")]
assert len(mine) == 4 and len(rows) == 13 * 4 + 1 + 4, len(rows)
for row, block in zip(mine, info["slices"]):
    if row["status"] == "ok":
        assert float(row["mse"]) == block["mse"] and int(row["bytes"]) == block["bytes"], (row, block)
summary = {r["trial"]: r for r in csv.DictReader(open("whole/summary.csv"))}
for name, s in summary.items():
    slices = [r for r in rows if r["trial"] == name and r["level"] == "slice" and r["status"] == "ok"]
    psnr = [float(r["psnr"]) for r in slices]
    mean = sum(psnr) / len(psnr)
    std = math.sqrt(sum((p - mean) ** 2 for p in psnr) / (len(psnr) - 1))
    assert len(slices) == int(s["slices"])
    assert abs(float(s["psnr_mean"]) - mean) < 1e-9 and abs(float(s["psnr_std"]) - std) < 1e-9, name
    curve = list(csv.DictReader(open(f"whole/trials/{name}/curves/{int(slices[0]['number']) if 'siren-3d' not in name else 0:04d}.csv")))
    assert [int(r["epoch"]) for r in curve] == [0, 10, 20, 30, 40], curve
    assert float(curve[-1]["mse"]) < float(curve[0]["mse"]), name
    # Operations: forward, weight and input gradients; of SOAP, for each side, S, in and out of its basis, and every 5 steps a turn.
    volume = "siren-3d" in name
    sizes = [3 if volume else 2] + (int(s["layers"]) + name.startswith("mlp")) * [int(s["width"])] + [6]
    shapes = list(zip(sizes, sizes[1:]))
    step = 2 * 360 * (4 if volume else 1) * sum((3 if i else 2) * a * b for i, (a, b) in enumerate(shapes))
    if "-soap" in name:
        for n, m in [(a + 1, b) for a, b in shapes] + [(b, a + 1) for a, b in shapes]:
            step += 3 * 2 * n * n * m + (2 * n**3 + 8 / 3 * n**3 + 2 * 2 * n * n * m) / 5
    trained = 1 if volume else len(slices)
    assert abs(int(s["train_flop"]) - trained * 40 * step) <= 1, (name, s["train_flop"], trained * 40 * step)
PY

# ---- killed at random instants, over and over ----
RANDOM=20260823
kills=0
round=0
while [ "$kills" -lt 50 ]; do
    round=$((round + 1))
    [ "$round" -le 100 ] || fail "only $kills of 100 kills hit a running sweep"
    for attempt in $(seq 12); do
        after=0.$(printf %03d $((RANDOM % 600 + 20)))
        code=0
        { timeout -s KILL "$after" "$sirencl" sweep --quiet --device cpu tiny.json -o killed || code=$?; } 2>stderr.txt
        [ "$code" = 137 ] || break
        kills=$((kills + 1))
    done
    [ "$code" = 0 ] || [ "$code" = 137 ] || fail "after $kills kills: exit code $code: $(cat stderr.txt)"
    [ "$code" = 0 ] || sweep tiny.json -o killed
    same_run whole killed
    rm -rf killed
done

# ---- where blocks are trained does not matter ----
sweep tiny.json -o parts --device cpu/2
same_run whole parts

# ---- a full disk, for which a limit on the size of files stands, in the middle of a trial ----
mkdir filled
cp -r whole/inputs filled
(
    ulimit -f 4
    trap '' XFSZ
    refused 1 '' --device cpu tiny.json -o filled
) || exit 1
[ -z "$(find filled -name '.*.tmp')" ] || fail "full disk: partial files are left"
sweep tiny.json -o filled
same_run whole filled

# ---- training on the mask ----
cat >brain.json <<'JSON'
{
  "input": {"phantom": {"dims": [20, 18, 4], "shells": [[0, 1], [1000, 5]], "seed": 3}, "mask_use": "train"},
  "grid": [
    {"model": "siren-2d", "layers": 2, "width": 16},
    {"model": "siren-3d", "layers": 1, "width": 16, "blocks": {"kind": "patch", "size": [8, 8, 2]}}
  ],
  "blocks": {"range": [1, 4]},
  "epochs": 40
}
JSON
sweep brain.json -o brain
compress() { "$sirencl" compress --quiet --force-larger --device cpu --epochs 40 --slices 1:4 --width 16 --mask brain/inputs/phantom_mask.nii.gz "$@"; }
compress --layers 2 brain/inputs/phantom.nii.gz siren-2d.siren || fail "compress --mask"
compress --model siren-3d --blocks patch:8x8x2 --layers 1 brain/inputs/phantom.nii.gz siren-3d.siren || fail "compress --mask"
for model in siren-2d siren-3d; do
    # Records stand in the order of training; what they decode to is the same.
    for archive in $model.siren brain/trials/$model-*/archive.siren; do
        "$sirencl" decompress --quiet --force --device host "$archive" "$(basename "$archive" .siren).nii" || fail "$archive"
    done
    cmp $model.nii archive.nii || fail "mask_use: $model is not what compress --mask makes"
done
cp brain/trials/siren-3d-*/archive.siren .
rm brain/trials/siren-3d*/result.json
sweep brain.json -o brain
cmp archive.siren brain/trials/siren-3d-*/archive.siren || fail "mask_use: resumed to another archive"
# How long each archive took to decode; a table from before there was that column goes on as it is.
python3 - <<'PY' || fail "timing.csv"
import csv
rows, trials = list(csv.DictReader(open("brain/timing.csv"))), {r["trial"] for r in csv.DictReader(open("brain/summary.csv"))}
archives = [r for r in rows if r["number"] == ""]
assert {r["trial"] for r in archives} == trials and len(trials) == 2 and len(archives) == 3, rows
assert all(float(r["decode_seconds"]) > 0 and r["encode_seconds"] == "" for r in archives), archives
assert all(r["decode_seconds"] == "" and float(r["encode_seconds"]) > 0 for r in rows if r["number"]), rows
PY
cp -r brain older
grep -v ',,' brain/timing.csv | cut -d, -f1-6 >older/timing.csv
rm older/trials/siren-2d*/result.json
sweep brain.json -o older
[ "$(wc -l <older/timing.csv)" -gt "$(grep -vc ',,,' brain/timing.csv)" ] && [ "$(awk -F, 'NF != 6' older/timing.csv | wc -l)" = 0 ] ||
    fail "an older timing.csv: $(cat older/timing.csv)"
same_run brain older
sed 's/"train"/"figures"/' brain.json >figures.json
refused 2 'another experiment' figures.json -o brain

# What --dry-run expects is of the points inside, of a phantom to be made as of files.
sed 's/"phantom": {.*}, "mask_use"/"image": "brain\/inputs\/phantom.nii.gz", "mask": "brain\/inputs\/phantom_mask.nii.gz", "mask_use"/' brain.json >files.json
grep -q '"image": ' files.json || fail "brain.json does not look as this test expects"
for file in brain figures files; do "$sirencl" sweep --quiet --device cpu $file.json --dry-run --json >$file-dry.json || fail "dry run of $file.json"; done
python3 - <<'PY' || fail "dry run with a mask"
import csv, json
dry = {name: json.load(open(name + "-dry.json"))["trials"] for name in ("brain", "figures", "files")}
points = {}
for row in csv.DictReader(open("brain/results.csv")):
    if row["level"] == {"siren-2d": "slice", "siren-3d": "patch"}[row["model"]]:
        points[row["model"]] = points.get(row["model"], 0) + int(row["points"])
for masked, all_, files in zip(*dry.values()):
    model = masked["trial"][:8]
    assert abs(masked["flop"] / all_["flop"] - points[model] / (20 * 18 * 3)) < 1e-9, (masked, all_, points)
    assert masked["flop"] == files["flop"] and masked["device_bytes"] == files["device_bytes"] < all_["device_bytes"], files
    assert masked["bytes"] <= all_["bytes"]
PY

# ---- damage ----
cp -r whole damaged
sed -i 's/"psnr":\t1/"psnr":\t9/' damaged/trials/siren-2d-2x32-int8*/result.json
printf 'x' | dd of="$(echo damaged/trials/mlp-tanh-2x16-int8*/archive.siren)" bs=1 seek=100 conv=notrunc status=none
rm damaged/trials/siren-3d*/config.json
cut=$(echo damaged/trials/siren-2d-2x16-int8-seed2-lr0.001*)
head -n 2 "$cut/SHA256SUMS" >sums && mv sums "$cut/SHA256SUMS" && rm "$cut/archive.siren"
rm damaged/results.csv
run "$sirencl" sweep --device cpu tiny.json -o damaged
[ "$(grep -c 'is done again' stderr.txt)" = 4 ] || fail "4 damaged trials expected: $(cat stderr.txt)"
same_run whole damaged

# ---- a grid that grows keeps what was trained, and ends in the run that it would have been from the start ----
sed 's/"width": \[16, 32\]/"width": [16, 24, 32]/' tiny.json >grown.json
cp -r whole grown
run "$sirencl" sweep --device cpu --json grown.json -o grown
[ "$(number stdout.txt complete_before) $(number stdout.txt trials)" = "14 18" ] || fail "a grid that grows: $(cat stdout.txt)"
sweep grown.json -o fresh
same_run fresh grown
refused 2 'this one has no trial siren-2d-2x24' tiny.json -o grown # it does not shrink

# ---- what cannot be ----
cp tiny.json other.json
sed -i 's/"epochs": 40/"epochs": 41/' other.json
refused 2 'another experiment' other.json -o whole
cp -r whole changed
phantom --force --dims 20x18x4 --shells 0:1,1000:5 --seed 4 changed/inputs/phantom.nii.gz
refused 2 'changed/inputs/phantom.nii.gz: is not the file that' tiny.json -o changed
mkdir full
touch full/precious
refused 2 'is no run folder' tiny.json -o full
[ "$(ls -A full)" = precious ] || fail "a folder that was refused was written to"
sed 's/"seed": 3}/"seed": 4}/' tiny.json >head.json
refused 2 'was begun with another phantom' head.json -o whole
mkdir half
cp -r whole/inputs half # a run that failed before it was claimed
sweep head.json -o half
! cmp -s half/inputs/phantom.nii.gz whole/inputs/phantom.nii.gz || fail "the phantom is that of other options"
sed 's/"phantom": {"dims": \[20, 18, 4\], /"phantom": {"dims": [20, 18, 2], /; s/"model": "siren-3d", /&"blocks": {"range": [1, 4]}, /' \
    tiny.json >late.json
refused 2 'asks for slices 1 to 4' late.json -o late
[ ! -e late/trials ] || fail "trained before a trial was refused"
refused 2 '--output is missing' tiny.json
refused 2 'contradict' tiny.json -o x --keep-going --fail-fast
refused 1 'absent.json' absent.json -o x
phantom --dims 20x18x5 --shells 0:1 mask.nii
cp whole/inputs/phantom.nii.gz image.nii.gz
sed 's/"input": .*/"input": {"image": "image.nii.gz", "mask": "mask.nii"},/' tiny.json >masked.json
refused 2 'mask.nii is 20 x 18 x 5' masked.json -o masked

# A sweep that runs holds its folder.
cp -r whole held
rm -rf held/trials/siren-3d*
flock -x held/lock sleep 5 &
sleep 0.3
refused 2 'in use' tiny.json -o held
kill $!
ends_with 143

# ---- what is complete stays in the tables while the rest is done ----
cp -r whole interrupted
rm -rf interrupted/trials/siren-2d-2x32-*
"$sirencl" sweep --quiet --device cpu tiny.json -o interrupted 2>stderr.txt &
sleep 0.2
kill -INT $! || true
ends_with 130 0
[ "$(wc -l <interrupted/summary.csv)" -ge 13 ] || fail "complete trials left the tables: $(wc -l <interrupted/summary.csv)"

# ---- a block without a voxel inside the mask ----
cat >inside.json <<'JSON'
{
  "name": "inside",
  "input": {"phantom": {"dims": [20, 18, 2]}, "mask_use": "train"},
  "blocks": {"kind": "patch", "size": [4, 4, 2]},
  "grid": {"model": "siren-3d", "layers": 1, "width": 16},
  "epochs": 2,
  "log_interval": 5
}
JSON
sed -i 's/"dims": \[20, 18, 2\]/"dims": [20, 18, 2], "shells": [[0, 1], [1000, 2]]/' inside.json
sweep inside.json -o inside
grep -q ',constant,0,' inside/results.csv || fail "no patch without a voxel inside: $(cut -d, -f12-16 inside/results.csv)"
run "$sirencl" sweep --device cpu inside.json -o inside
grep -q '1 of them complete before' stdout.txt || fail "a trial with empty blocks is never complete: $(cat stderr.txt)"
[ "$(cat inside/trials/*/curves/*.csv | grep -c '^2,')" -gt 0 ] || fail "a short training has no curve"

# ---- diverged trials are results ----
python3 - <<'PY' >wild.json # a product of 25 matrices overflows where the rate is absurd
import json
deep = {"hidden": [{"width": 16, "activation": "identity"}] * 24}
print(json.dumps({"name": "wild", "input": {"image": "image.nii.gz"}, "epochs": 300,
                  "trials": [{"network": deep, "lr": 1}, {"network": deep, "lr": 1e-4}]}))
PY
sweep wild.json -o wild
python3 - <<'PY' || fail "diverged trials"
import csv
status = {r["lr"]: r["status"] for r in csv.DictReader(open("wild/summary.csv"))}
assert status == {"1": "diverged", "0.0001": "ok"}, status
PY
"$sirencl" sweep --quiet --device cpu --fail-fast wild.json -o fast 2>stderr.txt && fail "--fail-fast went on"
grep -q 'diverged, and --fail-fast' stderr.txt || fail "--fail-fast: $(cat stderr.txt)"
"$sirencl" sweep --quiet --device cpu --fail-fast wild.json -o fast 2>stderr.txt && fail "--fail-fast forgot a diverged block"

# ---- --dry-run touches nothing ----
rm -rf dry
"$sirencl" sweep --quiet --device cpu tiny.json -o dry --dry-run --json >dry.json || fail "dry run"
[ ! -e dry ] || fail "the dry run made a folder"
python3 - <<'PY' || fail "dry run against the run"
import csv, json
dry = {t["trial"]: t for t in json.load(open("dry.json"))["trials"]}
assert len(dry) == 14
for row in csv.DictReader(open("whole/summary.csv")):
    t = dry[row["trial"].rsplit("-", 1)[0]]
    assert t["parameters"] == int(row["parameters"])
    blocks = 1 if row["model"] == "siren-3d" else 4
    assert t["blocks"] == blocks and t["flop"] > 0 and t["seconds"] > 0
PY
echo "ok: $kills kills"
