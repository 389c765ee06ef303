# %% [markdown]
# # The paper's figures, from a run
#
# A notebook as a script: editors such as VS Code, Spyder and Jupyter (by jupytext) run its cells one by one, and
# `python3 gallery.py RUN -o FOLDER` runs all of it and keeps the figures. RUN is a folder of `sirencl sweep`, for
# instance of `configs/fig2a.json`, `configs/fig2b.json` or `configs/fig3.json`. It needs matplotlib and pandas.

# %%
from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path

import matplotlib

if not hasattr(sys, "ps1") and "ipykernel" not in sys.modules:
    matplotlib.use("Agg")  # a script needs no screen
import matplotlib.pyplot as plt
import matplotlib.ticker
import nibabel
import numpy as np
import pandas as pd

import sirencl

parser = argparse.ArgumentParser(description="Draws the figures of a run.")
parser.add_argument("run", nargs="?", default=os.environ.get("SIRENCL_RUN", "."), help="folder of a sweep")
parser.add_argument("-o", "--output", help="folder for the figures; else they are shown only")
options, _ = parser.parse_known_args()  # a notebook's kernel has arguments of its own

run = sirencl.runs.read(options.run)
if options.output:
    Path(options.output).mkdir(parents=True, exist_ok=True)
plt.rcParams.update({"figure.constrained_layout.use": True, "axes.grid": True, "grid.alpha": 0.3, "savefig.dpi": 150})
# Of each kind the best comes first, and each has one colour in all figures.
kinds = run.summary.groupby("model")["psnr_mean"].max().sort_values(ascending=False).index.tolist()
palette = plt.cm.tab10 if len(kinds) <= 10 else plt.cm.tab20
colours = {kind: palette(i % palette.N) for i, kind in enumerate(kinds)}


def keep(figure: plt.Figure, name: str) -> None:
    if options.output:
        figure.savefig(Path(options.output) / f"{name}.png")


# %% [markdown]
# ## The trials

# %%
columns = ["model", "layers", "width", "weights", "seed", "slices", "ratio_float32", "psnr_mean", "psnr_std", "mse_mean"]
table = run.summary[columns].sort_values("psnr_mean", ascending=False)
if options.output:
    table.to_csv(Path(options.output) / "trials.csv", index=False)
print(table.to_string(index=False, float_format="%.4g"))

# %% [markdown]
# ## Figure 2a: what training does
#
# PSNR and mean squared error against epochs, one network of each kind: the size that most kinds have, mean and standard
# deviation over the blocks of the trial. Curves are of float32 networks, before they are quantised.


# %%
def same_size(summary: pd.DataFrame) -> pd.DataFrame:
    """A trial of each kind of network, of the size that most kinds have; of several the first."""
    networks = summary.dropna(subset=["layers", "width"])
    networks = networks[[any((Path(options.run) / "trials" / t / "curves").glob("*.csv")) for t in networks["trial"]]]
    if networks.empty:
        return networks
    n_kinds = networks.groupby(["layers", "width"])["model"].nunique()
    layers, width = max(n_kinds[n_kinds == n_kinds.max()].index, key=lambda size: -abs(size[1] - 256))
    chosen = networks[(networks["layers"] == layers) & (networks["width"] == width)]
    return chosen.drop_duplicates("model").set_index("model").reindex([k for k in kinds if k in set(chosen["model"])])


chosen = same_size(run.summary)
if not chosen.empty:
    figure, axes = plt.subplots(1, 2, figsize=(10, 4))
    for kind, trial in chosen["trial"].items():
        curve = sirencl.runs.curves(options.run, trial).replace([np.inf, -np.inf], np.nan).groupby("epoch")
        for axis, column in zip(axes, ("psnr", "mse")):
            mean, spread = curve[column].mean(), curve[column].std().fillna(0)
            axis.plot(mean.index, mean, color=colours[kind], label=kind)
            low = mean - spread if column == "psnr" else np.maximum(mean - spread, mean / 10)
            axis.fill_between(mean.index, low, mean + spread, color=colours[kind], alpha=0.15, linewidth=0)
    axes[0].set(xlabel="epoch", ylabel="PSNR, dB")
    axes[1].set(xlabel="epoch", ylabel="mean squared error", yscale="log")
    axes[0].legend(title=f"{int(chosen['layers'].iloc[0])} x {int(chosen['width'].iloc[0])}", fontsize="small")
    keep(figure, "fig2a")
else:
    print("Figure 2a: the run has no training curves")

# %% [markdown]
# ## Figure 2b: quality against ratio
#
# Mean slice-wise PSNR against the ratio to float32 voxels, the paper's, each point named by layers x units; mean and
# standard deviation over seeds. Other methods that the run compares with are lines without names.

# %%
points = run.summary.dropna(subset=["ratio_float32", "psnr_mean"])
points = points[np.isfinite(points["psnr_mean"])]
by = ["model", "layers", "width", "weights", "target"]
points = points.groupby(["trial"] if points.empty else by, dropna=False).agg(
    ratio=("ratio_float32", "mean"), psnr=("psnr_mean", "mean"), spread=("psnr_mean", "std")
)
if not points.empty:
    figure, axis = plt.subplots(figsize=(7, 5))
    for kind in (k for k in kinds if k in points.index.get_level_values("model")):
        line = points.xs(kind, level="model").sort_values("ratio")
        is_network = line.index.get_level_values("layers").notna().all()
        axis.errorbar(
            line["ratio"], line["psnr"], line["spread"].fillna(0), color=colours[kind], label=kind, capsize=2,
            marker="o" if is_network else "x", linestyle="-" if is_network else "--",
        )  # fmt: skip
        for (layers, width, *_), point in line.iterrows():
            if is_network:
                axis.annotate(f"{layers:.0f}x{width:.0f}", point[["ratio", "psnr"]], (3, 3), textcoords="offset points", fontsize=7)
    axis.set(xlabel="compression ratio to float32", ylabel="mean slice-wise PSNR, dB", xscale="log")
    axis.margins(x=0.08)
    axis.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(7))
    axis.xaxis.set_major_formatter("{x:g}")
    axis.xaxis.set_minor_locator(matplotlib.ticker.NullLocator())
    axis.legend(fontsize="small")
    keep(figure, "fig2b")

# %% [markdown]
# ## Figure 3: what is lost where
#
# A slice of the original and of each result that the experiment's `panel` asks for, with relative errors and structural
# similarity (7 x 7 uniform window) below. docs/panels.md draws the same by gnuplot.


# %%
def similarity(a: np.ndarray, b: np.ndarray, data_range: float) -> np.ndarray:
    """SSIM of Wang et al. 2004 with a uniform window, sample covariances, NaN at the borders."""
    x, y = (np.lib.stride_tricks.sliding_window_view(i, (7, 7)).reshape(*(n - 6 for n in i.shape), 49) for i in (a, b))
    mx, my = x.mean(-1), y.mean(-1)
    covariance = ((x - mx[..., None]) * (y - my[..., None])).sum(-1) / 48
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    inner = (2 * mx * my + c1) * (2 * covariance + c2)
    inner /= (mx**2 + my**2 + c1) * (x.var(-1, ddof=1) + y.var(-1, ddof=1) + c2)
    return np.pad(inner, 3, constant_values=np.nan)


panels = sorted((Path(options.run) / "trials").glob("*/panel/panel.json"))
if panels:
    shown = run.summary.set_index("trial")

    def values(panel: Path, name: str) -> np.ndarray:
        return np.rot90(nibabel.load(panel.parent / f"{name}.nii.gz").get_fdata().squeeze())

    original = values(panels[0], "original")
    height, width = original.shape
    size = (2.4 * (1 + len(panels)) + 0.6, 3 * (2.4 * height / width + 0.45))
    figure, axes = plt.subplots(3, 1 + len(panels), figsize=size, squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    mask = panels[0].parent / "mask.nii.gz"
    inside = values(panels[0], "mask") > 0 if mask.exists() else original > original.mean()
    grey = dict(cmap="gray", vmin=original.min(), vmax=np.percentile(original, 99.5))
    axes[0, 0].imshow(original, **grey)
    axes[0, 0].set_title("original", fontsize=9)
    results = [values(panel, "result") for panel in panels]
    with np.errstate(divide="ignore", invalid="ignore"):
        errors = [np.where(inside & (original != 0), np.abs(original - r) / np.abs(original), np.nan) for r in results]
    worst = max(np.nanpercentile(error, 95) for error in errors)
    for column, (panel, result, error) in enumerate(zip(panels, results, errors), 1):
        about = json.loads(panel.read_text())
        trial = panel.parent.parent.name
        ssim = np.where(inside, similarity(original, result, about["maximum"] - about["minimum"]), np.nan)
        axes[0, column].imshow(result, **grey)
        name = trial.rsplit("-", 1)[0]
        ratio, psnr = shown.loc[trial, ["ratio", "psnr_mean"]]
        axes[0, column].set_title(f"{name}\nratio {ratio:.3g}, {psnr:.4g} dB", fontsize=7)
        picture = axes[1, column].imshow(error, cmap="inferno", vmin=0, vmax=worst)
        axes[1, column].set_title(f"mean error {np.nanmean(error):.3g}", fontsize=8)
        likeness = axes[2, column].imshow(ssim, cmap="viridis", vmin=0, vmax=1)
        axes[2, column].set_title(f"mean SSIM {np.nanmean(ssim):.3g}", fontsize=8)
    figure.colorbar(picture, ax=axes[1, :], label="relative error", fraction=0.02)
    figure.colorbar(likeness, ax=axes[2, :], label="SSIM", fraction=0.02)
    keep(figure, "fig3")
else:
    print('Figure 3: the experiment asked for no panel ("panel": {})')

# %% [markdown]
# ## Table 1: diffusion metrics
#
# Medians of relative errors in each region, where the experiment asks to have its results judged (`"evaluate": {}`).

# %%
if run.evaluation is not None:
    judged = run.evaluation[run.evaluation["metric"].isin(["intensity", "fa", "md", "rish0", "rish2", "fod"])]
    errors_of = judged.pivot_table(index=["model", "trial"], columns=["metric", "region"], values="median")
    if options.output:
        errors_of.to_csv(Path(options.output) / "table1.csv")
    print(errors_of.to_string(float_format="%.3g"))
else:
    print('Table 1: the experiment does not have its results judged ("evaluate": {})')
