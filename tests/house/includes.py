"""Checks the includes and file names of product code below the folder given; prints what is wrong, exit code 1 then."""
import pathlib
import re
import sys

STOREYS = ["host", "formats", "engine", "lab", "tools"]  # lowest first; cl is data that each may share
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
        there = str(pathlib.Path(target).with_suffix(""))
        if there != here:
            graph[here].add(there)


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
