"""Run folders of ``sirencl sweep`` as tables of pandas (docs/run-folder.md describes their columns)."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional, Union

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class Run:
    """A run folder.

    Attributes
    ----------
    experiment : dict
        The experiment, resolved.
    summary : pandas.DataFrame
        A row for each trial.
    results : pandas.DataFrame
        A row for each trial and block, and for each slice of a 3-D model.
    timing : pandas.DataFrame
        Seconds and floating-point rates.
    evaluation : pandas.DataFrame or None
        A row for each judged trial, metric and region, where the experiment asks for it.
    """

    experiment: dict[str, Any]
    summary: "pandas.DataFrame"
    results: "pandas.DataFrame"
    timing: "pandas.DataFrame"
    evaluation: "Optional[pandas.DataFrame]"


def read(run: Union[str, "os.PathLike[str]"]) -> Run:
    """The tables of a run.

    Parameters
    ----------
    run : path
        Folder of a sweep that has written its tables.

    Returns
    -------
    Run
    """
    import pandas

    folder = Path(run)

    def table(name: str) -> "pandas.DataFrame":
        return pandas.read_csv(folder / f"{name}.csv")

    return Run(
        experiment=json.loads((folder / "experiment.json").read_text()),
        summary=table("summary"),
        results=table("results"),
        timing=table("timing"),
        evaluation=table("evaluation") if (folder / "evaluation.csv").exists() else None,
    )


def curves(run: Union[str, "os.PathLike[str]"], trial: str) -> "pandas.DataFrame":
    """Training curves of all blocks of a trial.

    Parameters
    ----------
    run : path
    trial : str
        Its folder's name, as in the column ``trial`` of the tables.

    Returns
    -------
    curves : pandas.DataFrame
        The columns of the curves' files, and ``block``.
    """
    import pandas

    files = sorted((Path(run) / "trials" / trial / "curves").glob("*.csv"))
    if not files:
        raise FileNotFoundError(f"{run}: trial {trial} has no training curves")
    return pandas.concat([pandas.read_csv(file).assign(block=int(file.stem)) for file in files], ignore_index=True)
