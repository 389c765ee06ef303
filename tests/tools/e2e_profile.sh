# sirencl compress --profile: its rows, other than those of the background, add up to the wall time that the shell measures, the
# device's own times explain the waits for it (most of them: a busy machine lets the host wait longer), and the archive is the
# same as without, and on one processor.
source "$(dirname "$0")/../common.sh"
needs_python json
has_device || skip "no OpenCL device"
options="--layers 2 --width 64 --epochs 60"
phantom --dims 64x64x3 --shells 0:4,1000:20 p.nii
# shellcheck disable=SC2086
"$sirencl" compress --quiet $options p.nii plain.siren || fail "compress"
begin=$(date +%s%N)
# shellcheck disable=SC2086
"$sirencl" compress --quiet --profile --json $options p.nii profiled.siren >profile.json || fail "compress --profile --json"
end=$(date +%s%N)
cmp plain.siren profiled.siren || fail "--profile makes another archive"
# shellcheck disable=SC2086
"$sirencl" compress --profile $options --force p.nii profiled.siren >table.txt 2>/dev/null || fail "compress --profile"
# shellcheck disable=SC2086
"$sirencl" compress --quiet --nthreads 1 $options --force p.nii one.siren || fail "compress --nthreads 1"
cmp plain.siren one.siren || fail "one processor makes another archive"
for row in 'host   reading' 'host   writing' 'host   waiting for background' 'host   rest' 'device adam_step' 'all of the device' 'wall time' \
    'beside that, in the background' '       quantising' '       packing' '       writing'; do
    grep -q "^  $row " table.txt || fail "no row '$row': $(cat table.txt)"
done
"$python" - profile.json $((end - begin)) <<'PYTHON' || fail "$(cat profile.json)"
import json, sys
summary = json.load(open(sys.argv[1]))
outside = 1e-9 * float(sys.argv[2])
profile = summary["profile"]
rows = {(row["where"], row["name"]): row for row in profile["rows"]}
assert len(rows) == len(profile["rows"]), "a row twice"
assert {where for where, _ in rows} == {"host", "device", "background"}
total = sum(row["seconds"] for row in profile["rows"] if row["where"] != "background")
wall = profile["wall_seconds"]
assert abs(total - wall) <= 0.05 * wall, (total, wall)
assert abs(total - outside) <= 0.05 * outside + 0.3, (total, outside)  # starting a process takes time, too
assert abs(summary["seconds"] - wall) <= 0.05 * wall, (summary["seconds"], wall)
device = sum(row["seconds"] for (where, _), row in rows.items() if where == "device")
assert abs(device - profile["device_seconds"]) <= 1e-6 * wall
waits = rows["host", "launches and waits"]["seconds"]
assert device >= 0.2 * (waits + device) > 0, ("the device's own times do not explain the waits for it", waits, device)
assert rows["device", "adam_step"]["calls"] == rows["device", "epoch_loss"]["calls"] and rows["device", "adam_step"]["calls"] % 60 == 0
assert rows["background", "quantising"]["calls"] == rows["background", "decode check"]["calls"] == rows["host", "initialising"]["calls"] == 3
assert rows["host", "waiting for background"]["calls"] >= 1
assert rows["host", "reading"]["calls"] == 1
assert all(row["seconds"] >= 0 for key, row in rows.items() if key != ("host", "launches and waits"))
PYTHON
echo "all checks passed"
