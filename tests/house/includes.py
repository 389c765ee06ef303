"""Checks the includes and file names of product code below the folder given, and its lines; prints what is wrong, exit code 1 then."""
import pathlib
import re
import sys

STOREYS = ["host", "formats", "engine", "lab", "tools"]  # lowest first; cl is data that each may share
# Rooms of engine/ in the data's order, each using those before it; files on top may use all, and calls.h is everybody's.
ROOMS = ["model", "decode", "coding", "context", "predictive", "transform", "archive", "settings.h", "options.h", "kernels", "train", "encode", "care"]
root = pathlib.Path(sys.argv[1]).resolve()
faults = []
files = sorted(p.relative_to(root) for storey in STOREYS + ["cl"] for p in (root / storey).rglob("*") if p.is_file())
code = [f for f in files if f.suffix in (".c", ".h")]
if not code:
    sys.exit(f"no C files below {root}")

names = {}
for f in files:
    names.setdefault(f.name, []).append(f)
faults += [f"twice: {name}: {' '.join(map(str, where))}" for name, where in names.items() if len(where) > 1]

graph = {}
for f in code:
    here = str(f.with_suffix(""))
    graph.setdefault(here, set())
    for target in re.findall(r'^\s*#\s*include\s+"([^"]+)"', (root / f).read_text(), re.M):
        storey = target.split("/")[0]
        if not (root / target).is_file():
            faults.append(f"{f}: no such file from the root: {target}")
            continue
        if storey in STOREYS and f.parts[0] in STOREYS and STOREYS.index(storey) > STOREYS.index(f.parts[0]):
            faults.append(f"{f}: {target} runs up")
        rooms = [ROOMS.index(p) if (p := str(path).split("/")[1]) in ROOMS else None for path in (f, target) if "/" in str(path)]
        if f.parts[0] == storey == "engine" and None not in rooms and rooms[1] > rooms[0]:
            faults.append(f"{f}: {target} runs up from room to room")
        there = str(pathlib.Path(target).with_suffix(""))
        if there != here:
            graph[here].add(there)


# What comments and pages point to exists: a path, with or without the suffix of its file.
PATH = re.compile(r"(?<![\w./$}\"'-])((?:host|formats|engine|lab|tools|cl|docs|examples|tests|cmake)/[\w*/.-]*[\w*])")
EXAMPLES = {"cl/wobble.cl", "tests/engine/kernels/kernel_wobble.c"}  # of docs/adding-a-kernel.md
texts = files + [p.relative_to(root) for p in (*root.glob("*.md"), *root.glob("docs/*.md"), *root.glob("examples/*.[ch]"),
                                               *root.glob("tests/**/*.[ch]"), *root.glob("tests/**/*.md"))]
for f in texts:
    text = (root / f).read_text(errors="replace")
    for path in PATH.findall(text):
        found = (root / path).exists() or any((root / (path + s)).exists() for s in (".h", ".c", ".sh", ".py", ".cl"))
        if not found and path not in EXAMPLES and not ("*" in path and list(root.glob(path))):
            faults.append(f"{f}: points to {path}, which does not exist")

for f in texts:
    if f.suffix in (".c", ".h", ".cl"):
        faults += [f"{f}:{n}: {len(line)} columns, more than 120"
                   for n, line in enumerate((root / f).read_text(errors="replace").split("\n"), 1) if len(line) > 120]


def reach(start):
    seen, todo = set(), [start]
    while todo:
        for n in graph.get(todo.pop(), ()):
            if n not in seen:
                seen.add(n)
                todo.append(n)
    return seen


reached = {n: reach(n) for n in graph}
circles = {tuple(sorted(m for m in reached[n] if n in reached.get(m, ()))) for n in graph if n in reached[n]}
faults += [f"circle: {' '.join(circle)}" for circle in sorted(circles) if len(circle) > 2]
print("\n".join(faults) or f"{len(code)} files, {sum(map(len, graph.values()))} includes between files, no fault")
sys.exit(bool(faults))
