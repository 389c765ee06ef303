# pip install ./python into a clean venv: a wheel with library and program that works without the tree, and its types.
source "$(dirname "$0")/../common.sh"
"$python" -c 'import ensurepip, venv' 2>/dev/null || skip "$python has no venv (python3-venv)"
is_sanitized && skip "the wheel is not built with AddressSanitizer"
unset PYTHONPATH SIRENCL_LIBRARY SIRENCL_PROGRAM
"$python" -m venv clean
pip() { clean/bin/python -m pip -q --disable-pip-version-check --no-input "$@"; }
pip install --timeout 20 --retries 1 'scikit-build-core>=0.10' numpy nibabel zarr numcodecs 2>pip.txt || skip "pip cannot fetch packages: $(tail -n 1 pip.txt)"

# A copy, in which pip builds, and unoptimised, for it is the packaging that is tried.
mkdir tree
(cd "$root" && tar -c --exclude='./build*' --exclude=.git cl cmake engine formats host lab tools tests/CMakeLists.txt python CMakeLists.txt LICENSE) | tar -x -C tree
pip install --no-build-isolation --no-deps --config-settings=cmake.build-type=Debug ./tree/python 2>pip.txt || fail "pip install ./python: $(tail -n 20 pip.txt)"
rm -rf tree

phantom dwi.nii.gz --dims 20x20x4 --shells 0:1,1000:6
clean/bin/python - <<'PYTHON' || fail "the installed package"
import importlib.metadata, pathlib
import nibabel, numpy, sirencl
assert importlib.metadata.version("sirencl") == sirencl.__version__
home = pathlib.Path(sirencl.__file__).parent
assert (home / "py.typed").exists() and (home / "libsirencl.so").exists()
sirencl.compress("dwi.nii.gz", "dwi.siren", lossless=True)
assert numpy.array_equal(nibabel.load("dwi.siren").dataobj[..., 3], nibabel.load("dwi.nii.gz").dataobj[..., 3])
PYTHON
PYTHONPATH=$root/tests/python clean/bin/python "$root/tests/python/package_zarr.py" "$folder" --installed >zarr.txt || fail "the codecs"
[ "$(clean/bin/sirencl --version)" = "$("$sirencl" --version)" ] || fail "the script sirencl"
clean/bin/python -m sirencl info dwi.siren | grep -q '7 volumes' || fail "python -m sirencl info"
pip uninstall -y sirencl
[ -z "$(find clean -ipath '*sirencl*')" ] || fail "left after pip uninstall: $(find clean -ipath '*sirencl*')"
