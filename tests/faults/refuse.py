"""One call after the other fails, at tiny inputs: sirencl ends with a documented exit code and one sentence, leaves nothing under a
final name unless it is what an undisturbed run writes, and never says 0 for other bytes without a word of it.

    refuse.py PROGRAM REFUSE_LIBRARY [--most N] [--ways N] [--commands NAME,...] [--kinds NAME,...]
at most N positions of each kind of call and command, spread evenly; of those that are reached by the same functions at most
N, the first and last among them; only these commands; only these kinds of calls
"""
import argparse, os, shutil, subprocess, sys, tempfile
from concurrent.futures import ThreadPoolExecutor
import learnable

KINDS = "allocations opens reads writes syncs renames opencl".split()
CODES = set(range(11))
SMALL = "--layers 1 --width 16 --epochs 2 --device cpu --force-larger".split()

parser = argparse.ArgumentParser()
parser.add_argument("program")
parser.add_argument("library")
parser.add_argument("--most", type=int, default=0)
parser.add_argument("--ways", type=int, default=0)
parser.add_argument("--commands", default="")
parser.add_argument("--kinds", default=",".join(KINDS))
asked = parser.parse_args()
program, library = os.path.realpath(asked.program), os.path.abspath(asked.library)
folder = tempfile.mkdtemp()
os.chdir(folder)


def sirencl(arguments, where, kind=None, nth=0):
    # On a loaded machine a driver is slow, and none hangs.
    environment = dict(os.environ, XDG_CACHE_HOME=os.path.join(folder, "cache"), SIRENCL_DRIVER_LIMIT="900",
                       PATH=os.path.join(folder, "bin") + os.pathsep + os.environ["PATH"])
    if kind:
        with open(f"{where}.count", "wb") as file:
            file.write(bytes(8))
        environment.update(LD_PRELOAD=library, SIREN_REFUSE_PROGRAM=program, SIREN_REFUSE=f"{kind}:{nth}",
                           SIREN_REFUSE_COUNT=f"{where}.count", SIREN_REFUSE_STACKS=f"{where}.stacks")
    return subprocess.run([program, *arguments], cwd=where, env=environment, stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=1200)


def made(where):
    """What stands there: names below it, and their bytes."""
    found = {}
    for path, _, names in os.walk(where):
        for name in names:
            whole = os.path.join(path, name)
            # Of a run, what it says of when, where and how long differs; hidden leftovers of a run are removed when it goes on.
            if name in ("environment.json", "timing.csv", "lock") or "/.siren-" in whole or "/claims/" in whole:
                continue
            with open(whole, "rb") as file:
                found[os.path.relpath(whole, where)] = file.read()
    return found


def keep_drawings():
    """gnuplot takes most of a report's time, and always draws the same of the same files: what it drew is kept."""
    gnuplot = shutil.which("gnuplot")
    os.makedirs("bin")
    os.makedirs("drawn")
    with open("bin/gnuplot", "w") as file:
        file.write(f"""#!/bin/sh
unset LD_PRELOAD
for script; do :; done
kept={folder}/drawn/$(cat "$script" *.csv style.gp | sha256sum | cut -d ' ' -f 1)
if [ ! -d "$kept" ]; then
    {gnuplot} "$@" || exit
    mkdir "$kept.$$" && cp "${{script%.gp}}".svg "${{script%.gp}}".png "$kept.$$" && mv -T "$kept.$$" "$kept" || rm -rf "$kept.$$"
else
    cp "$kept"/* .
fi
""")
    os.chmod("bin/gnuplot", 0o755)


def prepare():
    keep_drawings()
    os.mkdir("given")
    assert sirencl("phantom p.nii --dims 8x8x3 --shells 0:1,1000:2 --quiet".split(), "given").returncode == 0
    with open("given/p.json", "w") as file:
        file.write('{"EchoTime": 0.08}\n')
    for name, options in (("network", SMALL), ("lossless", ["--lossless"]), ("transform", ["--psnr", "30"])):
        assert sirencl(["compress", "p.nii", f"{name}.siren", "--quiet", *options], "given").returncode == 0, name
    for part in ("1/2", "2/2"):
        assert sirencl(["compress", "p.nii", "parts.siren", "--quiet", "--part", part, *SMALL], "given").returncode == 0, part
    learnable.write("given/learnable.nii")
    learnable.write_tissue("given/tissue.nii")
    os.makedirs("given/dataset/sub-01/dwi")
    with open("given/dataset/dataset_description.json", "w") as file:
        file.write('{"Name": "one", "BIDSVersion": "1.8.0"}\n')
    for suffix in ("nii", "bval", "bvec", "json"):
        shutil.copy(f"given/p.{suffix}", f"given/dataset/sub-01/dwi/sub-01_dwi.{suffix}")
    assert sirencl("compress --bids dataset derivative --lossless --quiet".split(), "given").returncode == 0
    with open("given/sweep.json", "w") as file:
        file.write('{"input": "p.nii", "grid": {"model": "siren-2d", "layers": 1, "width": 16}, "epochs": 2,'
                   ' "baselines": [{"method": "deflate"}]}\n')
    assert sirencl("sweep sweep.json -o run --device cpu --quiet".split(), "given").returncode == 0


GIVEN = "../given"
COMMANDS = {
    "compress": ["compress", f"{GIVEN}/p.nii", "a.siren", *SMALL],
    "compress --mask": ["compress", f"{GIVEN}/p.nii", "a.siren", "--mask", f"{GIVEN}/p_mask.nii", *SMALL],
    "compress --lossless": ["compress", f"{GIVEN}/p.nii", "a.siren", "--lossless"],
    "compress with a context network": ["compress", f"{GIVEN}/learnable.nii", "a.siren", "--lossless", "--effort", "4"],
    "compress --part": ["compress", f"{GIVEN}/p.nii", "a.siren", "--part", "1/2", *SMALL],
    "compress --bids": ["compress", "--bids", f"{GIVEN}/dataset", "made", "--lossless"],
    "join": ["join", f"{GIVEN}/parts.part-1-of-2.siren", f"{GIVEN}/parts.part-2-of-2.siren", "a.siren"],
    "compress --psnr": ["compress", f"{GIVEN}/p.nii", "a.siren", "--psnr", "30"],
    "compress --psnr with a context network": ["compress", f"{GIVEN}/tissue.nii", "a.siren", "--psnr", "60", "--effort", "6"],
    "compress --max-error": ["compress", f"{GIVEN}/p.nii", "a.siren", "--model", "transform", "--max-error", "20"],
    "decompress": ["decompress", f"{GIVEN}/network.siren", "r.nii", "--device", "host"],
    "decompress on a device": ["decompress", f"{GIVEN}/network.siren", "r.nii", "--device", "cpu"],
    "decompress .nii.gz": ["decompress", f"{GIVEN}/lossless.siren", "r.nii.gz", "--device", "host"],
    "decompress a part": ["decompress", f"{GIVEN}/transform.siren", "r.nii", "--volumes", "1:3", "--device", "host"],
    "decompress --bids": ["decompress", "--bids", f"{GIVEN}/derivative", "made", "--device", "host"],
    "info": ["info", f"{GIVEN}/network.siren", "--json"],
    "verify": ["verify", f"{GIVEN}/network.siren", "--device", "host"],
    "view": ["view", f"{GIVEN}/network.siren", f"{GIVEN}/p.nii", "-o", "page.html", "--device", "host"],
    "sweep": ["sweep", f"{GIVEN}/sweep.json", "-o", "run", "--device", "cpu"],
    "report": ["report", f"{GIVEN}/run", "-o", "page.html", "--figures", "figures"],
}
# Commands whose folder may hold what is complete of a run that failed.
RESUMED = {"sweep", "report"}
# Of data sets a file for each image, one after the other; these tell what became of each.
TOLD = {"made/sirencl.tsv", "made/sirencl.tsv.part"}


def try_one(name, kind, nth, expected, stdout):
    where = tempfile.mkdtemp(dir=folder)
    problem = None
    try:
        run = sirencl(COMMANDS[name], where, kind, nth)
        left, said = made(where), run.stderr.decode(errors="replace").strip()
        if run.returncode not in CODES:
            problem = f"exit code {run.returncode}"
        elif run.returncode == 0 and left != expected and not said:
            problem = "0, other bytes, and no word of it: " + " ".join(
                n for n in set(left) | set(expected) if left.get(n) != expected.get(n))
        elif run.returncode == 0 and run.stdout != stdout and name == "info" and not said:
            problem = "0 and other results"
        elif run.returncode and not said:
            problem = f"exit code {run.returncode} and no word of it"
        elif run.returncode and name not in RESUMED:
            # Attachments are complete files; one that stands beside a whole image is as good as that.
            # A journal stays where blocks were finished, and of a data set what was done: the same command goes on there.
            journals = {n for n in left if n.endswith(".siren.part")}
            wrong = [n for n in set(left) - TOLD - journals if left[n] != expected.get(n)]
            if journals or "--bids" in name:
                force = ["--force"] if name == "decompress --bids" else []  # else what exists stays
                again, left = sirencl([*COMMANDS[name], *force], where), made(where)
                if again.returncode or set(left) != set(expected) or any(left[n] != expected[n] for n in set(left) - TOLD):
                    problem = f"did not go on after that: {again.stderr.decode(errors='replace')[-200:]}"
            if wrong:
                problem = f"exit code {run.returncode}, and {wrong} left"
        if problem:
            problem = f"{name}: {kind}:{nth}: {problem}: {said[-300:]}"
    except subprocess.TimeoutExpired:
        problem = f"{name}: {kind}:{nth}: hangs"
    shutil.rmtree(where)
    if os.path.exists(where + ".count"):
        os.remove(where + ".count")
    return problem


def places(n, stacks):
    """Which of `n` calls are refused, counted from 1; `stacks` tells of each by what functions it was reached."""
    if asked.ways:
        of = {}
        for i in range(n):
            of.setdefault(stacks[8 * i:8 * i + 8], []).append(i + 1)
        return sorted(same[i * (len(same) - 1) // max(1, most - 1)]
                      for same in of.values() for most in [min(asked.ways, len(same))] for i in range(most))
    step = max(1, n // asked.most) if asked.most else 1
    return range(1 + step // 2, n + 1, step)


def main():
    prepare()
    n_problems, n_tried = 0, 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        names = asked.commands.split(",") if asked.commands else list(COMMANDS)
        for name, arguments in ((name, COMMANDS[name]) for name in names):
            whole = tempfile.mkdtemp(dir=folder)
            run = sirencl(arguments, whole)
            assert run.returncode == 0, (name, run.stderr)
            expected = made(whole)
            n_of, problems = [], []
            for kind in asked.kinds.split(","):
                counted = tempfile.mkdtemp(dir=folder)
                assert sirencl(arguments, counted, kind, 0).returncode == 0, (name, kind)
                with open(f"{counted}.count", "rb") as file:
                    n = int.from_bytes(file.read(), sys.byteorder)
                stacks = b""
                if n:
                    with open(f"{counted}.stacks", "rb") as file:
                        stacks = file.read()
                chosen = places(n, stacks)
                found = pool.map(lambda nth: try_one(name, kind, nth, expected, run.stdout), chosen)
                problems += [p for p in found if p]
                n_tried += len(chosen)
                n_of.append(f"{len(chosen)} of {n} {kind}")
            n_problems += len(problems)
            print(f"{name}: {', '.join(n_of)}", *(f"FAULT {problem}" for problem in problems), sep="\n", flush=True)
    print(f"{n_tried} calls refused, {n_problems} faults")
    return 1 if n_problems else 0


try:
    status = main()
finally:
    os.chdir("/")
    shutil.rmtree(folder)
sys.exit(status)
