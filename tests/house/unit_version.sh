# The version stands in host/sirencl.h, and everything else that tells one tells that.
source "$(dirname "$0")/../common.sh"
part() { sed -n "s/^#define SIREN_VERSION_$1 \([0-9]*\)$/\1/p" "$root/host/sirencl.h"; }
version=$(part MAJOR).$(part MINOR).$(part PATCH)
[[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "no version in host/sirencl.h: $version"
build=$(dirname "$sirencl")
tells_version() { grep -q -- "$2" "$1" || fail "$1 has no '$2'"; } # FILE PATTERN
[ "$("$sirencl" --version)" = "sirencl $version" ] || fail "sirencl --version: $("$sirencl" --version)"
"$sirencl" --help=man >page
tells_version page "\"sirencl $version\""
tells_version "$root/CITATION.cff" "^version: $version$"
[ "$(grep -m 1 -o '^## \[[^]]*\]' "$root/CHANGELOG.md")" = "## [$version]" ] || fail "CHANGELOG.md begins with another version"
for package in sirencl sirencl-decode; do tells_version "$build/$package.pc" "^Version: $version$"; done
tells_version "$build/sirencl-config-version.cmake" "PACKAGE_VERSION \"$version\""
[ -e "$build/libsirencl.so.$version" ] || fail "no libsirencl.so.$version"

# The Python package takes it by an expression of its own.
needs python3
python3 - "$root" "$version" <<'PYTHON' || fail "the version of the Python package"
import pathlib, re, sys
root, version = pathlib.Path(sys.argv[1]), sys.argv[2]
settings = (root / "python/pyproject.toml").read_text()
assert re.search(r'^dynamic = \["version"\]$', settings, re.M) and 'input = "../host/sirencl.h"' in settings
expression = re.search(r"^regex = '(.*)'$", settings, re.M)[1]
found = re.search(expression, (root / "host/sirencl.h").read_text())
assert "{major}.{minor}.{patch}".format(**found.groupdict()) == version
PYTHON

# What says how to cite is of the form that readers of it expect.
if "$python" -c 'import yaml' 2>/dev/null; then
    "$python" - "$root/CITATION.cff" <<'PYTHON' || fail "CITATION.cff"
import sys, yaml
cff = yaml.safe_load(open(sys.argv[1]))
assert cff["cff-version"] == "1.2.0" and cff["authors"] and cff["message"] and cff["title"]
assert all(reference["authors"] and reference["title"] and reference["type"] for reference in cff["references"])
PYTHON
else
    skip_part "$python has no yaml"
fi
