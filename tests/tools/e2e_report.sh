# sirencl report on a run folder made here: a page that is well-formed and holds the numbers of the tables, pictures that
# are XML, names that stay text, runs that are not complete, damaged files, and a machine without gnuplot.
source "$(dirname "$0")/../common.sh"
needs "$python"

# make_run FOLDER: three models at two widths, depths and weights, one of them in three dimensions; and one that diverged.
cat >make_run.py <<'PYTHON'
import json, math, os, random, sys
run = sys.argv[1]
random.seed(1)
described = "trial input model layers width weights seed lr w0 epochs parameters".split()
figures = "mse psnr psnr_published psnr_clamped mse_masked psnr_masked bytes ratio ratio_float32".split()
results = described + ["level", "number", "status", "points", "volumes"] + figures
summary = described + """status slices archive_bytes series_bytes ratio ratio_float32 mse_mean psnr_mean psnr_std psnr_median
    psnr_min psnr_max psnr_published_mean psnr_published_std psnr_clamped_mean psnr_masked_mean psnr_masked_std
    train_flop""".split()
timing = "trial number device train_seconds train_flop encode_seconds".split()
rows = {"results.csv": [results], "summary.csv": [summary], "timing.csv": [timing]}
trials = [(m, l, w, b, s) for m in ("siren-2d", "mlp-relu", "siren-3d") for l, w in ((1, 16), (2, 16), (1, 32))
          for b, s in (("int8", 0), ("int8", 1), ("float32", 0))] + [("mlp-tanh", 1, 16, "int8", 0)]
listed = []
for model, layers, width, weights, seed in trials:
    trial = f"{model}-{layers}x{width}-{weights}-seed{seed}-{random.randrange(16**8):08x}"
    listed.append({"trial": trial, "input": "phantom", "model": model})
    diverged, volume = model == "mlp-tanh", model == "siren-3d"
    facts = [trial, "phantom", model, layers, width, weights, seed, 0.0002 if volume else 0.0003,
             0 if model == "mlp-relu" else 30, 40, width * 17]
    best = {"siren-2d": 30, "siren-3d": 24}.get(model, 20) + layers + width / 16
    psnrs = []
    for z in range(5, 8):
        psnr = best + random.random()
        bytes_ = width * 20 * (1 if weights == "int8" else 4)
        sizes = ["", "", ""] if volume else [bytes_, 14400 / bytes_, 28800 / bytes_]
        if diverged:
            rows["results.csv"].append(facts + ["slice", z, "diverged", 400, 9] + [""] * 9)
        else:
            psnrs.append(psnr)
            rows["results.csv"].append(facts + ["slice", z, "ok", 400, 9, 10**(-psnr / 10), psnr, psnr + .1, psnr + .05,
                                                10**(-psnr / 10), psnr] + sizes)
    if volume:
        rows["results.csv"].append(facts + ["volume", 0, "ok", 1200, 9, .01, 20.0, 20.1, 20.1, .01, 20.0, 99, 3.5, 7.0])
    os.makedirs(f"{run}/trials/{trial}/curves")
    for block in [0] if volume else range(5, 8):
        with open(f"{run}/trials/{trial}/curves/{block:04}.csv", "w") as curve:
            print("epoch,mse,psnr,psnr_published,psnr_clamped", file=curve)
            for epoch in range(0, 41, 4):
                psnr = best * (1 - math.exp(-(epoch + 2) / 9)) + random.random() / 4
                print(f"{epoch},{10**(-psnr / 10)!r},{psnr!r},{psnr!r},{psnr!r}", file=curve)
        rows["timing.csv"].append([trial, block, "cpu", 0.25, 5e9 * width, 0.01])
    mean = sum(psnrs) / 3
    std = math.sqrt(sum((p - mean)**2 for p in psnrs) / 2)
    archive = 3 * width * 20 * (1 if weights == "int8" else 4) + 1000
    means = [.001, mean, std, sorted(psnrs)[1], min(psnrs), max(psnrs), mean + .1, std, mean + .05, mean, std] if psnrs else [""] * 11
    rows["summary.csv"].append(facts + ["diverged" if diverged else "ok", len(psnrs), "" if diverged else archive, 43200] +
                               (["", ""] if diverged else [43200 / archive, 86400 / archive]) + means +
                               [(2 - seed) * (1 if volume else 3) * 5e9 * width])  # those of seed 0 share a training
asked = []
for model, ratio, psnr in (("jpeg2000", 9, 31), ("jpeg2000", 30, 26), ("mppca", "", 40), ("zfp", "", ""), ("deflate", 1.8, "")):
    trial = f"{model}-{ratio}-{random.randrange(16**8):08x}"
    asked.append({"trial": trial, "input": "phantom", "baseline": model})
    facts = [trial, "phantom", model] + [""] * 8
    sizes = [int(43200 / ratio), 43200, ratio, 2 * ratio] if ratio else ["", 43200, "", ""]
    if psnr:
        rows["results.csv"] += [facts + ["slice", z, "ok", 400, 9, .001, psnr, psnr, psnr, "", "", "", "", ""] for z in range(5, 8)]
    means = [.001, psnr, .5, psnr, psnr, psnr, psnr, .5, psnr, "", ""] if psnr else [""] * 11
    rows["summary.csv"].append(facts + ["ok" if psnr or ratio else "unreached", 3 if psnr else 0] + sizes + means + [""])
for name, table in rows.items():
    with open(f"{run}/{name}", "w") as file:
        for row in table:
            print(*row, sep=",", file=file)
json.dump({"name": "kinds & sizes", "description": "</h1><script>alert('x')</script> \u00e4", "log_interval": 4,
           "inputs": [{"name": "phantom", "phantom": True, "sha256": "ab" * 32, "mask_sha256": None, "dims": [20, 20, 8, 9],
                       "datatype": "int16"}], "trials": listed, "baselines": asked}, open(f"{run}/experiment.json", "w"))
json.dump({"sirencl": "0.1.0", "date": "2026-01-01", "command": "sirencl sweep \"a&b.json\" -o '<run>'", "processors": 2,
           "devices": [{"name": "a <cpu>", "platform": "OpenCL", "driver": "1", "family": "chain", "compute_units": 2}],
           "inputs": [{"name": "phantom", "image": "\"><img src=x onerror=alert(1)>.nii", "mask": None}]},
          open(f"{run}/environment.json", "w"))
PYTHON
"$python" make_run.py pristine || fail "making a run"
make_run() { rm -rf "$1" && cp -r pristine "$1"; }

# check_page PAGE RUN: well-formed, nothing from outside, no script, and a table with the numbers of summary.csv and timing.csv
cat >check_page.py <<'PYTHON'
import csv, html.parser, sys, xml.etree.ElementTree as xml
text = open(sys.argv[1], encoding="utf-8").read()
void = {"meta", "br", "img", "link", "hr", "input"}
class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.ids, self.tags, self.rows, self.cell, self.text = [], set(), [], [], None, ""
    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        if tag not in void:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.cell = ""
        for name, value in attributes:
            assert not name.startswith("on") and name != "src", (tag, name)
            assert name not in ("href", "xlink:href") or value.startswith("#"), (tag, value)
            if name == "id":
                assert value not in self.ids, f"id {value} is there twice"
                self.ids.add(value)
            if name in ("href", "xlink:href"):
                self.references = getattr(self, "references", set()) | {value[1:]}
    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in void:
            self.open.pop()
    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()
        if tag in ("td", "th"):
            self.rows[-1].append(self.cell)
            self.cell = None
    def handle_data(self, data):
        self.text += data
        if self.cell is not None:
            self.cell += data
page = Page()
page.feed(text)
page.close()
assert not page.open, page.open
assert "script" not in page.tags and "img" not in page.tags and "link" not in page.tags
assert getattr(page, "references", set()) <= page.ids
assert "url(" not in text.replace("url(#", "") and "@import" not in text
assert "</h1><script>alert('x')</script> ä" in page.text and "sirencl sweep \"a&b.json\" -o '<run>'" in page.text
assert '"><img src=x onerror=alert(1)>.nii' in page.text and "a <cpu>" in page.text

summary = list(csv.DictReader(open(sys.argv[2] + "/summary.csv")))
seconds, operations = {}, {}
for row in csv.DictReader(open(sys.argv[2] + "/timing.csv")):
    seconds[row["trial"]] = seconds.get(row["trial"], 0) + float(row["train_seconds"])
    operations[row["trial"]] = operations.get(row["trial"], 0) + float(row["train_flop"])
head = next(row for row in page.rows if "model" in row)
body = [row for row in page.rows if len(row) == len(head) and row is not head]
assert len(body) == len(summary), (len(body), len(summary))
def bits(row): return {"": 0, "float32": 32}.get(row["weights"]) if row["weights"][:3] != "int" else int(row["weights"][3:])
summary.sort(key=lambda row: (not row["weights"], row["model"], int(row["layers"] or 0), int(row["width"] or 0), bits(row)))
def ratio(text): return "" if not text else "%#.4g" % float(text) if float(text) < 1000 else "%.0f" % float(text)
def decibels(mean, std): return f"{float(mean):.2f} ± {float(std):.2f}" if mean else ""
def count(text): return f"{int(text):,}" if text else ""
for shown, row in zip(body, summary):
    cells = dict(zip(head, shown))
    time = seconds.get(row["trial"])
    name = row["model"] if row["weights"] else row["trial"].rsplit("-", 1)[0]  # other methods with what they were asked for
    packed = next((r["archive_bytes"] for r in summary if r["model"] == "deflate" and r["series_bytes"] == row["series_bytes"]), "")
    expected = {"model": name, "layers × units": f"{row['layers']} × {row['width']}" if row["layers"] else "", "weights": row["weights"],
                "seed": row["seed"], "ratio to stored": ratio(row["ratio"]), "ratio to float32": ratio(row["ratio_float32"]),
                "ratio to .nii.gz": ratio(packed and row["archive_bytes"] and int(packed) / int(row["archive_bytes"])),
                "PSNR / dB": decibels(row["psnr_mean"], row["psnr_std"]),
                "published PSNR / dB": decibels(row["psnr_published_mean"], row["psnr_published_std"]),
                "PSNR in mask / dB": decibels(row["psnr_masked_mean"], row["psnr_masked_std"]),
                "archive / bytes": count(row["archive_bytes"]), "parameters": count(row["parameters"]),
                "training / s": f"{time:.1f}" if time else "", "status": row["status"],
                "GFLOP/s": f"{operations[row['trial']] / time / 1e9:.1f}" if time else ""}
    for name, value in expected.items():
        assert cells[name] == value, (row["trial"], name, cells[name], value)
assert "All networks: epochs 40." in page.text and "learning rate" in head
PYTHON
check_page() { "$python" check_page.py "$1" "$2" || fail "$1"; }

# report STATUS PART arguments...: PART on either stream; with programs from $search, where that is set
report() {
    expect "$1" '' env PATH="${search:-$PATH}" "$sirencl" report "${@:3}"
    grep -qF -- "$2" stdout.txt messages.txt || fail "report $*: '$2' is not in: $(cat stdout.txt messages.txt)"
}

# Without gnuplot.
make_run run
mkdir empty
search=$folder/empty report 0 "gnuplot-nox" run
[ "$(cat stdout.txt)" = "run/report.html: 33 of 33 trials, 0 figures" ] || fail "without gnuplot: $(cat stdout.txt)"
check_page run/report.html run
grep -q "gnuplot-nox" run/report.html || fail "the page does not say what to install"
for name in fig2a training fig2b depth width weights; do
    [ -s "run/figures/$name.csv" ] && [ -s "run/figures/$name.gp" ] || fail "no data or script of $name"
done

# The page is replaced on demand only, and stands where it is asked for.
report 2 "run/report.html: exists already" run
report 2 "holds no experiment.json" empty
report 1 "nowhere/page.html" -o nowhere/page.html run
[ -z "$(ls -A empty)" ] || fail "a refused report left something behind"

# The data of the figures: means over seeds and slices, and mean curves.
cat >check_data.py <<'PYTHON'
import csv, statistics, sys
run = sys.argv[1]
def table(name): return list(csv.DictReader(open(f"{run}/{name}")))
def near(text, value): assert abs(float(text) - value) < 1e-9 * abs(value) + 1e-12, (text, value)
results = table("results.csv")
width = table("figures/width.csv")
assert {row["series"] for row in width} == {"siren-2d", "siren-3d", "mlp-relu"} and {row["weights"] for row in width} == {"int8"}
ratios = table("figures/fig2b.csv")
others = [row for row in ratios if not row["layers"]]
assert [(r["series"], r["ratio"], r["psnr"], r["place"]) for r in others] == [("jpeg2000", "9", "31", "none"), ("jpeg2000", "30", "26", "none"),
                                                                                ("deflate", "1.8", "", "line")]
for row in [row for row in ratios if row["layers"]] + width + table("figures/depth.csv") + table("figures/weights.csv"):
    psnrs = [float(r["psnr"]) for r in results if r["level"] == "slice" and r["status"] == "ok" and
             (r["model"], r["layers"], r["width"], r["weights"]) == (row["series"], row["layers"], row["width"], row["weights"])]
    assert len(psnrs) == int(row["slices"]) == (6 if row["weights"] == "int8" else 3)
    near(row["psnr"], statistics.mean(psnrs))
    near(row["psnr_high"], statistics.mean(psnrs) + statistics.stdev(psnrs))
    near(row["psnr_low"], statistics.mean(psnrs) - statistics.stdev(psnrs))
curves = table("figures/fig2a.csv")
assert [r["label"] for r in curves if r["epoch"] == "0"] == ["siren-2d", "siren-3d", "mlp-relu"]
trial = next(r["trial"] for r in table("summary.csv") if r["model"] == "siren-2d" and r["width"] == "32")
blocks = [table(f"trials/{trial}/curves/{z:04}.csv") for z in (5, 6, 7)]
for i, row in enumerate(r for r in curves if r["series"] == "siren-2d"):
    assert row["epoch"] == blocks[0][i]["epoch"]
    psnrs, errors = [float(b[i]["psnr"]) for b in blocks], [float(b[i]["mse"]) for b in blocks]
    near(row["psnr"], statistics.mean(psnrs))
    near(row["psnr_high"], statistics.mean(psnrs) + statistics.stdev(psnrs))
    near(row["mse"], statistics.mean(errors))
    near(row["mse_low"], max(statistics.mean(errors) - statistics.stdev(errors), min(errors)))
assert i == 10
summary, timing = table("summary.csv"), table("timing.csv")
training = table("figures/training.csv")
assert list(dict.fromkeys(r["series"] for r in training)) == [f"{m}-{s}" for m in ("siren-2d", "mlp-relu", "siren-3d") for s in ("1x16", "2x16", "1x32")]
for row in training:
    alike = [t for t in summary if t["weights"] == "int8" and f"{t['model']}-{t['layers']}x{t['width']}" == row["series"]]
    curves = [[c for c in table(f"trials/{r['trial']}/curves/{int(r['number']):04}.csv") if c["epoch"] == row["epoch"]][0]
              for r in timing if r["trial"] in {t["trial"] for t in alike}]
    seconds = sum((2 - int(t["seed"])) * sum(float(r["train_seconds"]) for r in timing if r["trial"] == t["trial"]) for t in alike)
    near(row["psnr"], statistics.mean(float(c["psnr"]) for c in curves))
    near(row["flop"], sum(float(t["train_flop"]) for t in alike) / len(curves) * int(row["epoch"]) / 40)
    near(row["seconds"], seconds / len(curves) * int(row["epoch"]) / 40)
assert len(training) == 9 * 10 and {len(curves)} == {2}
PYTHON
"$python" check_data.py run || fail "the data of the figures"

# Damage is named with its place, and costs the report and nothing else.
damaged() { # PART FILE SCRIPT: after sed SCRIPT on FILE
    make_run broken
    sed -i "$3" "broken/$2"
    search=$folder/empty report 3 "$1" broken
    [ ! -e broken/report.html ] || fail "a page of a damaged run"
}
damaged "summary.csv: line 3 has 28 cells" summary.csv '3s/,[^,]*$//'
damaged "summary.csv: line 4, column psnr_mean: '0x1'" summary.csv '4s/^\(\([^,]*,\)\{18\}\)[^,]*/\10x1/'
damaged "summary.csv: line 1: has no column 'ratio'" summary.csv '1s/,ratio,/,rate,/'
damaged "summary.csv: line 2, column train_flop" summary.csv '2s/$/x/'
damaged "column trial: '../x' is no name" summary.csv '2s/^[^,]*/..\/x/'
damaged "column model: '<b>' is no name" summary.csv '2s/,siren-2d,/,<b>,/'
damaged "column number: '5.5' is no number of a block" results.csv 's/,slice,5,/,slice,5.5,/'
damaged "timing.csv: line 2, column train_flop" timing.csv '2s/e+/f+/;2s/\.0,0.01/x,0.01/'
damaged "experiment.json: line 1" experiment.json 's/"inputs"/inputs/'
damaged "environment.json" environment.json 's/}$//'
make_run broken
printf 'siren-2d' >>broken/results.csv
report 3 "results.csv: ends within a line" broken
make_run broken
curve=$(ls broken/trials/siren-2d-1x32-int8-seed0-*/curves/0006.csv)
sed -i '5d' "$curve"
report 3 "0006.csv: has 10 epochs, but the trial's first curve has 11" broken

# A run that is not complete: what is there is reported, and what is missing is said.
make_run part
sed -i '/^mlp-relu-1x16-int8-seed0/d;/^siren-3d/d' part/summary.csv
rm part/environment.json part/timing.csv
search=$folder/empty report 0 "23 of 33 trials" part
grep -q "it lacks 10 of 33 trials" part/report.html || fail "missing trials are not said"
grep -q "environment.json is missing" part/report.html || fail "a missing environment is not said"
rm part/summary.csv part/results.csv
report 0 "0 of 33 trials, 0 figures" --force part
grep -q "No trial has finished" part/report.html || fail "an empty run: $(cat part/report.html)"

has gnuplot || { skip_part "figures: gnuplot is not installed"; exit 0; }

# Figures: XML, in the page, the same again, and drawn by the script as it is edited.
report 0 "33 of 33 trials, 6 figures" -o page.html --figures figures run
[ ! -s messages.txt ] || fail "warnings: $(cat messages.txt)"
check_page page.html run
[ "$(grep -c '<svg role="img"' page.html)" = 6 ] || fail "not 6 pictures in the page"
"$python" - <<'PYTHON' || fail "pictures"
import struct, xml.etree.ElementTree as xml
for name in ("fig2a", "training", "fig2b", "depth", "width", "weights"):
    root = xml.parse(f"figures/{name}.svg").getroot()
    text = "".join(root.itertext())
    assert "siren-2d" in text and "mlp-relu" in text and "mlp-tanh" not in text, name
    png = open(f"figures/{name}.png", "rb").read()
    assert png[:8] == b"\x89PNG\r\n\x1a\n" and struct.unpack(">II", png[16:24]) > (1000, 700), name
PYTHON
# A mark that is pointed at tells the values of its row, in the page and without a script.
"$python" - <<'PYTHON' || fail "values on hovering"
import csv, re
page = open("page.html", encoding="utf-8").read()
told = re.findall(r'<g class="told"><title>([^<]*)</title>', page)
def table(name): return list(csv.DictReader(open(f"figures/{name}.csv")))
expected = []
for r in table("fig2a"):
    expected += 2 * [f"{r['series']}, epoch {float(r['epoch']):g}: {float(r['psnr']):.2f} dB, mean squared error {float(r['mse']):.3g}"]
for r in table("training"):
    expected += 3 * [f"{r['series']}: {float(r['psnr']):.2f} dB after {r['epoch']} epochs, {float(r['seconds']):.3g} s, {float(r['flop']):.3g} operations"]
for r in table("fig2b"):
    if r["psnr"]:
        shape = f" {r['layers']}x{r['width']} {r['weights']}" if r["layers"] else ""
        expected.append(f"{r['series']}{shape}: {float(r['psnr']):.2f} dB at a ratio of {float(r['ratio']):.4g}")
for r in table("depth"): expected.append(f"{r['series']}, {r['layers']} layers: {float(r['psnr']):.2f} dB")
for r in table("width"): expected.append(f"{r['series']}, {r['width']} units: {float(r['psnr']):.2f} dB")
for r in table("weights"):
    expected += 2 * [f"{r['series']}, {r['weights']}: {float(r['psnr']):.2f} dB at a ratio of {float(r['ratio']):.4g}"]
assert sorted(told) == sorted(expected), sorted(set(told) ^ set(expected))
assert "gnuplot_svg" not in page and "onmouse" not in page
PYTHON
report 0 "6 figures" -o again.html --figures figures run
cmp page.html again.html || fail "another page of the same run"
sed -i 's/hidden layers/depth of mine/' figures/depth.gp
report 0 "depth.gp: is not the built-in script" -o edited.html --figures figures run
grep -q "depth of mine" edited.html && grep -q "depth of mine" figures/depth.gp || fail "an edited script was not used"
(cd figures && gnuplot -e "formats = 'png'" fig2a.gp) || fail "a script by hand"
echo 'plot nothing' >figures/width.gp
report 0 "width.gp: no picture: gnuplot failed" -o five.html --figures figures run
grep -q "5 figures" stdout.txt || fail "a broken script: $(cat stdout.txt)"
[ -e figures/width.svg ] && fail "an old picture was left"

# An interruption while gnuplot is at work leaves no page.
printf 'set print "ready"\nprint 1\nset print\npause 300\n' >figures/width.gp
"$sirencl" report -o stopped.html --figures figures run >stdout.txt 2>stderr.txt &
job=$!
until [ -s figures/ready ] || ! kill -0 $job; do sleep 0.05; done
kill -TERM $job
ends_with 130
[ -e stopped.html ] && fail "a page of an interrupted report"

# One trial, two inputs.
make_run one
sed -i '3,$d' one/summary.csv
report 0 "2 figures" one
make_run two
sed -i '2,$s/,phantom,\(.*\),1,\(16\|32\),/,other,\1,1,\2,/' two/summary.csv
report 0 "33 of 33 trials" two
[ -s two/figures/phantom/fig2a.svg ] && [ -s two/figures/other/fig2a.svg ] || fail "figures of two inputs: $(ls two/figures)"
source "$root/tests/shared/browser.sh"
fit page.html part/report.html two/report.html
