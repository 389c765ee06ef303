"""A run as tables of pandas, against its files."""

import csv
import sys
from pathlib import Path

import sirencl
from package_checks import raises

folder = Path(sys.argv[1])
run = sirencl.runs.read(folder)
rows = list(csv.DictReader((folder / "summary.csv").read_text().splitlines()))
assert (
    len(rows) == 2
    and list(run.summary.columns) == list(rows[0])
    and list(run.summary.trial) == [r["trial"] for r in rows]
)
assert [float(r["psnr_mean"]) for r in rows] == list(run.summary.psnr_mean)
assert len(run.results) == len((folder / "results.csv").read_text().splitlines()) - 1 and len(run.timing) > 0
assert run.experiment["name"] == "tiny" and run.evaluation is None
curves = sirencl.runs.curves(folder, rows[0]["trial"])
assert sorted(curves.block.unique()) == list(range(6))
raises(FileNotFoundError, "nothing", sirencl.runs.curves, folder, "nothing")
raises(FileNotFoundError, "", sirencl.runs.read, folder / "nowhere")
