# The Python package against nibabel and the program: structures, reading, writing, bad input, interruption, import.
source "$(dirname "$0")/../common.sh"
needs_python nibabel,numpy
library=$(dirname "$sirencl")/libsirencl.so
[ -e "$library" ] || skip "there is no $library (ninja product)"
is_sanitized && skip "Python is not built with AddressSanitizer"
export PYTHONPATH=$root/python/src:$root/tests/python SIRENCL_LIBRARY=$library SIRENCL_PROGRAM=$sirencl PYTHONDONTWRITEBYTECODE=1 PYTHONWARNINGS=error

# The structures of ctypes lie as the compiler lays those of host/sirencl.h.
if has cc; then
    "$python" "$root/tests/python/structures.py" >structures.c
    cc -I"$root" structures.c -o structures && ./structures || fail "a structure of python/src/sirencl/_library.py is not that of host/sirencl.h"
else
    skip_part "there is no cc"
fi

phantom dwi.nii.gz --dims 24x20x6 --shells 0:2,1000:10 --seed 1
for part in package_reading package_writing; do
    "$python" "$root/tests/python/$part.py" "$folder" "${SIREN_TEST_DATA:-}" || fail "$part"
done

# nibabel knows archives whichever is imported first; the package alone does not import it.
for order in 'import sirencl, sys; assert "nibabel" not in sys.modules; import nibabel; nibabel.load(path)' 'import nibabel, sirencl; nibabel.load(path)' \
    'import sirencl; from nibabel.nifti1 import Nifti1Image; import nibabel; nibabel.load(path)' 'import sirencl; sirencl.load(path); import nibabel; nibabel.load(path)' \
    'import sirencl.image, nibabel; nibabel.load(path)' 'import sirencl; sirencl.compare(path, path)'; do
    "$python" -c "path = 'lossless.siren'; $order; import nibabel; assert nibabel.imageclasses.all_image_classes.count(sirencl.SirenImage) == 1" || fail "$order"
done

# It is the program, too.
[ "$("$python" -m sirencl --version)" = "$("$sirencl" --version)" ] || fail "python -m sirencl"
got=0 && "$python" -m sirencl info missing.siren 2>/dev/null || got=$?
[ $got = 1 ] || fail "python -m sirencl: exit code $got"

# Ctrl-C from outside ends a training, with nothing but a KeyboardInterrupt.
if has_device; then
    "$python" - 2>stderr.txt <<'PYTHON' && fail "a training that was interrupted ended well"
import os, signal, sirencl
def progress(done, total, what):
    if done >= 1:
        os.kill(os.getpid(), signal.SIGINT)
sirencl.compress("dwi.nii.gz", "interrupted.siren", width=16, epochs=100000, progress=progress)
PYTHON
    [ "$(tail -n 1 stderr.txt)" = KeyboardInterrupt ] && ! grep -q ignored stderr.txt || fail "$(cat stderr.txt)"
    ! ls | grep -q interrupted || fail "left: $(ls)"
else
    skip_part "there is no OpenCL device"
fi

# What the page shows works.
"$python" "$root/examples/archive_as_image.py" dwi.nii.gz example.siren >example.txt || fail "examples/archive_as_image.py"
grep -q '^voxel (12, 10, 3)' example.txt || fail "$(cat example.txt)"
python_has dipy || skip_part "$python has no dipy"

if python_has pandas && has_device; then
    cat >tiny.json <<'JSON'
{"name": "tiny", "inputs": [{"name": "dwi", "image": "dwi.nii.gz"}], "grid": {"model": ["siren-2d"], "width": [16], "epochs": [2], "seed": [0, 1]}}
JSON
    run "$sirencl" sweep tiny.json -o run
    "$python" "$root/tests/python/package_runs.py" run || fail "package_runs"
    # The gallery draws what a run has, and says what it has not.
    if python_has matplotlib; then
        strict=$PYTHONWARNINGS
        PYTHONWARNINGS=default # pyparsing of Debian 12 warns within matplotlib
        cat >gallery.json <<'JSON'
{"name": "gallery", "input": "dwi.nii.gz", "epochs": 4, "log_interval": 2, "blocks": {"range": [2, 4]}, "baselines": [{"method": "xz"}, {"method": "jpeg2000", "ratios": [4, 8]}],
 "grid": {"model": ["siren-2d", "mlp-relu"], "layers": 1, "width": [16, 32], "seed": [0, 1]}, "panel": {"slice": 3, "results": ["siren-2d-1x16-int8-seed0", "mlp-relu-1x32-int8-seed1"]}}
JSON
        run "$sirencl" sweep gallery.json -o gallery
        run "$python" "$root/python/examples/gallery.py" gallery -o figures
        [ "$(wc -l <figures/trials.csv)" = "$(wc -l <gallery/summary.csv)" ] || fail "trials.csv: $(cat figures/trials.csv)"
        for figure in fig2a fig2b fig3; do
            "$python" -c 'import sys, matplotlib.image, numpy; p = matplotlib.image.imread(sys.argv[1]); assert len(numpy.unique(p.reshape(-1, 4), axis=0)) > 50, p.shape' figures/$figure.png || fail "$figure shows nothing"
        done
        grep -q 'Table 1: the experiment does not have its results judged' stdout.txt || fail "the gallery: $(cat stdout.txt)"
        run "$python" "$root/python/examples/gallery.py" run -o few
        [ ! -e few/fig3.png ] && grep -q 'asked for no panel' stdout.txt || fail "the gallery of a small run: $(cat stdout.txt)"
        PYTHONWARNINGS=$strict
    else
        skip_part "$python has no matplotlib"
    fi
else
    skip_part "$python has no pandas, or there is no OpenCL device"
fi

if python_has numcodecs; then
    "$python" "$root/tests/python/package_zarr.py" "$folder" || fail "package_zarr"
else
    skip_part "$python has no numcodecs"
fi
