# A sweep over until_gain: blocks end early, to the bytes of compress, however it is interrupted or placed; tables, curves and
# report tell.
source "$(dirname "$0")/../../common.sh"
sweep() { run "$sirencl" sweep --quiet --device cpu "$@"; }

cat >until.json <<'JSON'
{
  "name": "until",
  "input": {"phantom": {"dims": [20, 18, 4], "shells": [[0, 1], [1000, 5]], "snr": 30, "seed": 3}},
  "grid": {"model": "siren-2d", "layers": 2, "width": 16, "optimiser": "soap", "schedule": "constant"},
  "trials": [
    {"model": "siren-2d", "layers": 2, "width": 16, "optimiser": "soap", "schedule": "constant", "until_gain": 0.3},
    {"model": "siren-2d", "layers": 2, "width": 16, "optimiser": "soap", "schedule": "constant", "until_gain": 5, "gain_epochs": 50}
  ],
  "epochs": 200,
  "log_interval": 16
}
JSON
sweep until.json -o whole
checked whole
python3 - <<'PY' || fail "tables and curves"
import csv
rows = list(csv.DictReader(open("whole/results.csv")))
summary = {r["trial"]: r for r in csv.DictReader(open("whole/summary.csv"))}
early = set()
for name, s in summary.items():
    window = 10 if "-until" in name and "-over50" not in name else 50 if "-over50" in name else 200
    runs = []
    for row in (r for r in rows if r["trial"] == name):
        curve = list(csv.DictReader(open(f"whole/trials/{name}/curves/{int(row['number']):04d}.csv")))
        end = int(row["epochs_run"])
        runs.append(end)
        assert int(curve[-1]["epoch"]) == end, (name, curve[-1], end)
        assert [int(r["epoch"]) for r in curve[:-1]] == list(range(0, end, 16)), curve
        assert end % window == 0 and end <= 200, (name, end)
        if end < 200:
            assert end >= 2 * window
            early.add(name)
    assert abs(float(s["epochs_run"]) - sum(runs) / len(runs)) < 1e-9, (s, runs)
assert len(summary) == 3 and any("-over50" in n for n in early) and len(early) == 2, (summary.keys(), early)
assert len({r["epochs_run"] for r in rows if r["trial"] in early}) > 2, "all blocks end alike"
PY

# Killed at several instants, and on a part of the device.
for after in 0.3 0.6 0.9 1.2; do timeout -s KILL "$after" "$sirencl" sweep --quiet --device cpu until.json -o killed || true; done
sweep until.json -o killed
same_run whole killed
sweep until.json -o parts --device cpu/2
same_run whole parts

# compress makes the same archive, and goes on where it was killed.
export sirencl
options="--device cpu --layers 2 --width 16 --optimiser soap --schedule constant --epochs 200 --packing lzma --force-larger"
# shellcheck disable=SC2086
{
    run "$sirencl" compress --quiet $options --until-gain 0.3 whole/inputs/phantom.nii.gz a.siren
    run "$sirencl" compress --verbose $options --until-gain 0.3 whole/inputs/phantom.nii.gz told.siren
    grep -q 'trained for [0-9.]* of 200 epochs' stderr.txt || fail "compress does not tell the epochs: $(cat stderr.txt)"
    for after in 0.3 0.5 0.7; do timeout -s KILL "$after" "$sirencl" compress --quiet $options --until-gain 0.3 whole/inputs/phantom.nii.gz b.siren || true; done
    [ -e b.siren ] || run "$sirencl" compress --quiet $options --until-gain 0.3 whole/inputs/phantom.nii.gz b.siren
    run "$sirencl" compress --quiet $options whole/inputs/phantom.nii.gz all.siren
}
cmp a.siren b.siren && cmp a.siren told.siren || fail "the same options made other bytes"
! cmp -s a.siren all.siren || fail "no block ended early"
"$sirencl" info a.siren | grep -q 'until_gain *0.3' || fail "info does not tell until_gain"
! "$sirencl" info all.siren | grep -q until_gain || fail "info tells what was not asked for"
python3 - <<'PY' || fail "compress against the sweep"
import glob, json, subprocess, os
def blocks(path): return [(s["mse"], s["bytes"]) for s in json.loads(subprocess.check_output([os.environ["sirencl"], "info", "--json", path]))["slices"]]
[trial] = [p for p in glob.glob("whole/trials/*-until0.3*/archive.siren") if "over50" not in p]
assert blocks("a.siren") == blocks(trial)
PY

# The report has a column, and a mean curve of blocks of different lengths.
run "$sirencl" report whole
grep -q 'epochs run' whole/report.html || fail "the report does not tell the epochs run"
echo ok
