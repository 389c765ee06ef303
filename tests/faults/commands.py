"""What fuzzing has reached, and seeds, given to the program itself: every command that reads such a file ends in time with a documented
exit code, in one sentence where it fails, leaves nothing behind then but what stood there, and takes no more memory than the file
declares and 64 MiB, where its blocks may take 64 MiB.

    commands.py PROGRAM FOLDER...           FOLDER/KIND/FILE, KIND being a target's name (tests/fuzz)
"""
import os, re, resource, shutil, subprocess, sys, tempfile, threading, time
from concurrent.futures import ThreadPoolExecutor

program, folders = os.path.abspath(sys.argv[1]), [os.path.abspath(folder) for folder in sys.argv[2:]]
SECONDS, MIB = 60, 1 << 20
LARGEST_FILE = 256 * MIB  # what a file declares may be as large as it likes; a full disk is an error like others
NETWORK = "--layers 1 --width 16 --epochs 1 --force-larger --device cpu".split()
# What a block takes beyond that while it is decoded is the user's to limit (docs/reliability.md, What decoding a block takes).
LIMITED = ["--device", "host", "--memory", "64M"]
ARCHIVE = [["info"], ["info", "--json"], ["verify", *LIMITED], ["view", "-o", "page.html", *LIMITED], ["join", "joined.siren"],
           *(["decompress", "out.nii", *LIMITED, *part] for part in ([], ["--slices", "0:1"], ["--volumes", "0:1"])),
           ["decompress", *LIMITED, "--voxel", "0,0,0"], ["decompress", "out.nii.gz", *LIMITED]]
IMAGE = [["compress", "a.siren", "--lossless"], ["compress", "a.siren", "--psnr", "40"], ["compress", "a.siren", "--max-error", "2%", "--anonymise"],
         ["compress", "a.siren", *NETWORK], ["plan", "--ratio", "4", "--device", "cpu"]]
COMMANDS = {"archive": ("x.siren", ARCHIVE), "reader": ("x.siren", ARCHIVE), "nifti": ("x.nii", IMAGE), "image": ("x.nii", IMAGE),
            "config": ("x.json", [["sweep", "--dry-run", "-o", "run", "--device", "cpu"]]),
            "table": ("x.bval", [["compress", "a.siren", "--lossless"]])}
CODES = {0, 1, 2, 3, 4, 5, 8, 9}
own = tempfile.mkdtemp()
environment = dict(os.environ, XDG_CACHE_HOME=os.path.join(own, "cache"), LC_ALL="C", SIRENCL_DRIVER_LIMIT="900")


def listed(where):
    return sorted(os.path.relpath(os.path.join(path, name), where) for path, _, names in os.walk(where) for name in names)


def run(where, arguments):
    """Exit code, stdout, stderr, the most memory in bytes; no exit code where it took too long."""
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
    with open(f"{where}.out", "w+b") as out, open(f"{where}.err", "w+b") as err:
        process = subprocess.Popen([program, *arguments], cwd=where, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                   preexec_fn=limit)
        timer = threading.Timer(SECONDS, process.kill)
        timer.start()
        _, status, usage = os.wait4(process.pid, 0)
        ended = timer.is_alive()
        timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0), err.seek(0)
        return (process.returncode if ended else None, out.read().decode(errors="replace"), err.read().decode(errors="replace"),
                usage.ru_maxrss * 1024)


def declared(kind, path, where):
    """Bytes that the file says it stands for."""
    if COMMANDS[kind][0] == "x.siren":
        said = re.search(r'"series_bytes":\s*(\d+)', run(where, ["info", "--json", path])[1])
        return int(said.group(1)) if said else 0
    return os.path.getsize(path)


def faults(kind, code, err, left, memory, allowed):
    if code is None:
        yield f"not at its end after {SECONDS} s"
    elif code not in CODES:
        yield f"exit code {code}"
    elif code not in (0, 8):
        said = [line for line in err.splitlines() if " %" not in line and "warning: " not in line]
        if len(said) != 1 or not said[0].startswith("sirencl "):
            yield f"{len(said)} sentences"
        if left:
            yield f"leaves {' '.join(left)}"
    if memory > allowed:
        yield f"{memory / MIB:.0f} MiB of memory, {allowed / MIB:.0f} allowed"


def try_file(nth, kind, path, base):
    name, commands = COMMANDS[kind]
    codes, found = [], []
    for arguments in commands:
        where = os.path.join(own, str(nth))
        shutil.rmtree(where, ignore_errors=True)
        os.mkdir(where)
        with open(path, "rb") as file, open(os.path.join(where, name), "wb") as copy:
            copy.write(file.read()[kind == "image":])  # whose first byte is not the file's
        given = [name]
        if kind == "table":
            shutil.copy(os.path.join(own, "p.nii"), os.path.join(where, "x.nii"))
            with open(path, "rb") as file:
                bval, _, bvec = file.read().partition(b"|")
            for suffix, part in (("bval", bval), ("bvec", bvec)):
                with open(os.path.join(where, f"x.{suffix}"), "wb") as file:
                    file.write(part)
            given = ["x.nii"]
        before = listed(where)
        call = [arguments[0], *given, *arguments[1:]]
        allowed = base[arguments[0]] + declared(kind, os.path.join(where, name), where) + 64 * MIB
        code, _, err, memory = run(where, call)
        codes.append(code)
        left = [one for one in listed(where) if one not in before]
        found += [f"FAULT {path}: {' '.join(call)}: {what}: {err.strip()}" for what in faults(kind, code, err, left, memory, allowed)]
    shutil.rmtree(where, ignore_errors=True)
    return codes, found


def usual_memory():
    """What each command takes for small files in order, so that a driver's or an optimiser's own is not laid to a file."""
    where, base = os.path.join(own, "usual"), {}
    os.mkdir(where)
    assert run(where, "phantom p.nii --dims 8x8x3 --shells 0:1,1000:3 --quiet".split())[0] == 0
    shutil.copy(os.path.join(where, "p.nii"), own)
    assert run(own, ["compress", "p.nii", "usual/p.siren", *NETWORK])[0] == 0
    with open(os.path.join(where, "x.json"), "w") as file:
        file.write('{"input": "p.nii", "grid": {"model": "siren-2d", "layers": 1, "width": 16}, "epochs": 2}\n')
    for name, commands in (("p.siren", ARCHIVE), ("p.nii", IMAGE), ("x.json", COMMANDS["config"][1])):
        for nth, arguments in enumerate(commands):
            if arguments[0] == "join":
                continue
            folder = shutil.copytree(where, os.path.join(own, f"usual-{nth}"), dirs_exist_ok=True)
            code, _, err, memory = run(folder, [arguments[0], name, *arguments[1:]])
            shutil.rmtree(folder)
            assert code == 0, f"{arguments}: {code}: {err}"
            base[arguments[0]] = max(base.get(arguments[0], 0), memory)
    base["join"] = base["decompress"]
    return base


try:
    began, base = time.time(), usual_memory()
    files = sorted((kind, os.path.join(folder, kind, name)) for folder in folders for kind in COMMANDS if os.path.isdir(os.path.join(folder, kind))
                   for name in os.listdir(os.path.join(folder, kind)))
    codes, n_faults = {kind: [] for kind in COMMANDS}, 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for kind, job in [(kind, pool.submit(try_file, nth, kind, path, base)) for nth, (kind, path) in enumerate(files)]:
            ended, found = job.result()
            codes[kind] += ended
            n_faults += len(found)
            print("\n".join(found), end="\n" if found else "", flush=True)
    for kind, ended in codes.items():
        counts = ", ".join(f"{code}: {ended.count(code)}" for code in sorted(set(ended), key=str))
        print(f"{kind}: {sum(one == kind for one, _ in files)} files, {len(ended)} calls, by exit code {counts}")
    print(f"{sum(map(len, codes.values()))} calls in {time.time() - began:.0f} s, {n_faults} faults")
finally:
    shutil.rmtree(own)
sys.exit(1 if n_faults or not files else 0)
