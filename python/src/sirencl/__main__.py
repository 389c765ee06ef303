"""``python -m sirencl`` and the script ``sirencl`` are the program."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path


def main() -> None:
    beside = Path(__file__).parent / "bin" / "sirencl"
    program = os.environ.get("SIRENCL_PROGRAM") or (str(beside) if beside.exists() else shutil.which("sirencl"))
    if not program or os.path.realpath(program) == os.path.realpath(sys.argv[0]):
        sys.exit("sirencl: the program is neither in this package nor in PATH; set SIRENCL_PROGRAM to its path")
    os.execv(program, ["sirencl", *sys.argv[1:]])


if __name__ == "__main__":
    main()
