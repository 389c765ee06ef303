# The experiment parser and docs/experiment.schema.json, as python-jsonschema reads it, judge alike: every example of
# docs/experiments.md, every file of configs/, the hostile corpus, and the examples with one value changed at a time.
source "$(dirname "$0")/../../common.sh"
needs_python jsonschema.validators
mkdir corpus
"$built/hostile_config" corpus
"$python" - "$root" "$folder" "$built" <<'PYTHON'
import copy
import json
import pathlib
import re
import subprocess
import sys

from jsonschema import Draft202012Validator

root, folder, built = map(pathlib.Path, sys.argv[1:])
schema = json.loads((root / "docs/experiment.schema.json").read_text())
Draft202012Validator.check_schema(schema)
validator = Draft202012Validator(schema)

# What no schema can say: conditions on several values at once, and on what they stand for together.
BEYOND_SCHEMA = re.compile(
    "makes the trial|makes more than|excludes nothing|leaves no trial|impossible network|hidden layers$|asks for model|"
    "no input has this name|is named|goes from|volumes, more than|only kind|it belongs to activation|no trials to match|"
    "needs slices along z|evaluations decode archives|no diffusion metrics|"
    "needs a target|a target of other models|the target tells the width|is a second target|needs slices along z|"
    "a target belongs to|no trial has this name|has nothing to show|its slices lack|has room for|archives decode to")


def without_comments(text):
    keep = lambda match: match[0] if match[0][0] == '"' else " "
    return re.sub(r'"(?:[^"\\]|\\.)*"|//[^\n]*|/\*.*?\*/', keep, text, flags=re.S)


def places(value, path=()):
    yield path
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from places(value[key], path + (key,))


def changed(tree, path, change):
    """A copy of `tree` in which change(container, key) was applied to the value at `path`."""
    tree = [copy.deepcopy(tree)]
    at = tree
    for key in (0, *path)[:-1]:
        at = at[key]
    change(at, (0, *path)[-1])
    return tree[0] if tree else None


def variants(tree):
    for path in places(tree):
        for value in (None, True, -1, 0, 0.5, 7, 1e10, "", "x", "sine", [], [1], {}, {"x": 1}):
            yield changed(tree, path, lambda at, key: at.__setitem__(key, value))
        if path:
            yield changed(tree, path, lambda at, key: at.pop(key))
            yield changed(tree, path, lambda at, key: at.__setitem__(key, [at[key], at[key]]))
        yield changed(tree, path, lambda at, key: at[key].update(widht=1) if isinstance(at[key], dict) else None)


examples = re.findall(r"^```json\n(.*?)^```", (root / "docs/experiments.md").read_text(), flags=re.S | re.M)
configs = sorted((root / "configs").glob("*.json"))
assert len(examples) >= 5 and len(configs) >= 7
good = examples + [path.read_text() for path in configs]
files = []
for text in good + [json.dumps(tree) for e in examples for tree in variants(json.loads(without_comments(e)))]:
    files.append(folder / f"{len(files)}.json")
    files[-1].write_text(text)
files += sorted((folder / "corpus").glob("*.json"))
judged = subprocess.run([built / "unit_experiment", *files], check=True, capture_output=True).stdout.decode("utf-8", "replace")
rows = [line.split("\t") for line in judged.splitlines()]
assert len(rows) == len(files)

accepted = 0
for i, (path, status, message) in enumerate(rows):
    if status == "CORRUPT":  # no JSON
        assert i >= len(good), (path, message)
        continue
    tree = json.loads(without_comments(pathlib.Path(path).read_text()))
    valid = validator.is_valid(tree)
    accepted += valid and status == "OK"
    text = json.dumps(tree)
    assert i >= len(good) or (valid and status == "OK"), (text, status, message, list(validator.iter_errors(tree)))
    assert valid or status != "OK", ("accepted, but not by the schema", text)
    assert not valid or status == "OK" or BEYOND_SCHEMA.search(message), ("accepted by the schema", text, message)
assert accepted > 2 * len(good)
print(f"{len(good)} examples; {len(rows)} files judged alike, {accepted} of them good")
PYTHON
