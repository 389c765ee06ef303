# sirencl evaluate: figures against numpy and scikit-image where Python has them, files, bad input, and programs of MRtrix3
# that are missing, fail or hang, for which scripts stand in.
source "$(dirname "$0")/../common.sh"
programs=$PATH # where sirencl finds MRtrix3
evaluate() { expect "$1" "$2" env PATH="$programs" "$sirencl" evaluate "${@:3}"; } # STATUS PART arguments...
# edit FILE OFFSET BYTES: in place, BYTES as for printf
edit() { printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null; }

small="--dims 16x14x4 --shells 0:1,1000:6"
# shellcheck disable=SC2086
{
    phantom p.nii $small --snr 0
    phantom q.nii.gz $small --snr 40
    phantom other.nii --dims 16x14x5 --shells 0:1,1000:6
    phantom fewer.nii --dims 16x14x4 --shells 0:1,1000:5
}
tissues=p_wm.nii,p_gm.nii,p_csf.nii

# What it writes, and that stdout of --json is evaluation.json.
evaluate 0 'images: ' p.nii q.nii.gz --mask p_mask.nii --tissues $tissues --no-diffusion --json -o out
cmp stdout.txt out/evaluation.json || fail "--json differs from evaluation.json"
[ "$(ls -A out | wc -l)" = 4 ] || fail "unexpected files: $(ls -A out)"
grep -q '"skipped":.*not asked for' stdout.txt || fail "--no-diffusion: $(cat stdout.txt)"
evaluate 0 '' p.nii q.nii.gz --mask p_mask.nii --no-diffusion --quiet -o text
[ ! -s stderr.txt ] && grep -q '^SSIM .* (Gaussian window)$' stdout.txt || fail "text: $(cat stderr.txt stdout.txt)"
"$sirencl" compare p.nii q.nii.gz --json >compare.json
for key in mse psnr max_abs_error; do
    [ "$(number compare.json $key)" = "$(number out/evaluation.json $key)" ] || fail "$key differs from compare's"
done

# An archive is decoded: the same figures as of the restored image.
"$sirencl" compress p.nii p.siren --width 16 --layers 1 --epochs 5 --quiet && "$sirencl" decompress p.siren r.nii --quiet ||
    fail "compress, decompress"
evaluate 0 '' p.nii p.siren --no-diffusion --quiet --json -o archive
evaluate 0 '' p.nii r.nii --no-diffusion --quiet --json -o restored
cmp archive/evaluation.json restored/evaluation.json || fail "an archive and its image differ"
cmp archive/ssim.nii.gz restored/ssim.nii.gz || fail "maps of an archive and its image differ"
rm r.nii r.bval r.bvec
evaluate 0 '' p.nii p.siren --no-diffusion --device host --quiet --json -o host
cmp archive/evaluation.json host/evaluation.json || fail "the host decodes otherwise"

# An archive of some slices is judged on these: the same figures as of the original and its masks cut by hand.
compress_slices() { "$sirencl" compress "$1" "$2.siren" --slices 1:3 --width 16 --layers 1 --epochs 5 --quiet && "$sirencl" decompress "$2.siren" "$2.nii" --quiet || fail "compress $1"; }
cut_image() { # IMAGE BYTES VOLUMES OUT: slices 1:3 of its voxels behind the header that a restored part has
    compress_slices "$1" part_of
    head -c 352 part_of.nii >"$4"
    for v in $(seq 0 $(($3 - 1))); do bytes "$1" $((352 + (v * 4 + 1) * 224 * $2)) $((2 * 224 * $2)); done >>"$4"
    rm part_of.*
}
cut_image p.nii 2 7 cut.nii && cp p.bval cut.bval && cp p.bvec cut.bvec
for name in mask wm gm csf; do cut_image p_$name.nii 1 1 cut_$name.nii; done
compress_slices p.nii middle
mv middle.nii middle_restored.nii
for mask in "" "--mask X_mask.nii --tissues X_wm.nii,X_gm.nii,X_csf.nii"; do
    # shellcheck disable=SC2086
    {
        evaluate 0 '' p.nii middle.siren --no-diffusion --json ${mask//X/p} -o middle --force
        evaluate 0 '' cut.nii middle_restored.nii --no-diffusion --json ${mask//X/cut} -o by_hand --force
    }
    [[ $(tr -d ' \t\n' <middle/evaluation.json) == '{"slices_judged":[1,3],'* ]] || fail "judged: $(cat middle/evaluation.json)"
    sed '/slices_judged/d' middle/evaluation.json | cmp - by_hand/evaluation.json || fail "slices of an archive and slices cut by hand differ ($mask)"
    for map in relative_error ssim; do
        gzip -dc middle/$map.nii.gz | tail -c +353 | cmp - <(gzip -dc by_hand/$map.nii.gz | tail -c +353) || fail "$map of slices differs"
    done
done
evaluate 0 '' cut.nii middle.siren --no-diffusion --json -o middle --force
sed '/slices_judged/d' middle/evaluation.json | cmp - <(PATH=$programs "$sirencl" evaluate cut.nii middle_restored.nii --no-diffusion --json -o again) ||
    fail "an archive against its own slices of the original"
evaluate 0 '' p.nii middle.siren --no-diffusion -o middle --force
grep -q '^judged *slices 1:3' stdout.txt || fail "text: $(cat stdout.txt)"
evaluate 2 'is 16 x 14 x 2 with 7' p.nii middle_restored.nii -o none
head -c 352 p_wm.nii >ends.nii && { head -c 224 /dev/zero | tr '\0' '\1' && head -c 448 /dev/zero && head -c 224 /dev/zero | tr '\0' '\1'; } >>ends.nii
evaluate 2 'ends.nii: is 0 on slices 1:3, the ones that middle.siren holds' p.nii middle.siren --mask ends.nii -o none
evaluate 0 'ends.nii: is 0 on slices 1:3, the ones that middle.siren holds, and is left out' p.nii middle.siren --tissues ends.nii,p_gm.nii,p_csf.nii --no-diffusion -o middle --force
grep -q '"gm":' middle/evaluation.json && ! grep -q '"wm":' middle/evaluation.json || fail "a tissue that is not on the slices: $(cat middle/evaluation.json)"

# Without a mask all voxels count; of an image to itself nothing is lost; slices below a window have no SSIM.
evaluate 0 '' p.nii p.nii --no-diffusion --json -o same
[ "$(number stdout.txt mse) $(number stdout.txt ssim) $(number stdout.txt relative_error)" = "0 1 0" ] || fail "same: $(cat stdout.txt)"
grep -q '"all":' stdout.txt && grep -q '"psnr":.null' stdout.txt || fail "same: $(cat stdout.txt)"
phantom thin.nii --dims 8x8x4 --shells 0:2
evaluate 0 'smaller than the SSIM window of 11 x 11' thin.nii thin.nii --no-diffusion --json -o thin
grep -q '"ssim_gaussian":.null' stdout.txt && [ "$(number stdout.txt ssim)" = 1 ] && [ ! -e thin/ssim_gaussian.nii.gz ] ||
    fail "thin: $(cat stdout.txt)"

# Against numpy.
if python_has nibabel,numpy; then
    "$python" - <<'PYTHON' || fail "numpy disagrees"
import json
import nibabel, numpy
load = lambda name: numpy.asarray(nibabel.load(name).dataobj, dtype="f8")
x, y, mask = load("p.nii"), load("q.nii.gz"), load("p_mask.nii") > 0
got = json.load(open("out/evaluation.json"))
close = lambda a, b: abs(a - b) <= 1e-6 * abs(b)
peak = x.max() - x.min()
assert close(got["mse"], ((x - y) ** 2).mean()) and close(got["psnr"], 10 * numpy.log10(peak**2 / got["mse"]))
assert close(got["mse_masked"], ((x - y)[mask] ** 2).mean())
assert close(got["psnr_masked"], 10 * numpy.log10(peak**2 / got["mse_masked"]))
low, high = x.min(axis=(0, 1)), x.max(axis=(0, 1))
unit = numpy.where(high > low, high - low, (high - low).max(axis=0))
t, u = (x - low) / unit, (y - low) / unit
eighth = lambda v: numpy.rint(255 * v.clip(0, 1)) / 255
counts = (high > low).any(axis=1)
for key, square in (("psnr_mean", (u - t) ** 2), ("psnr_published_mean", (u - eighth(t)) ** 2), ("psnr_clamped_mean", (eighth(u) - t) ** 2)):
    assert abs(got[key] - -10 * numpy.log10(square.mean(axis=(0, 1, 3))[counts]).mean()) < 1e-3, key
assert got["slices"] == counts.sum()
with numpy.errstate(all="ignore"):
    error = abs(x - y) / abs(x)
counts = abs(x) > 1e-6 * x[mask].max()
for region, where in [("brain", mask)] + [(t, load("p_%s.nii" % t) > 0) for t in ("wm", "gm", "csf")]:
    e, s = error[where][counts[where]], got["intensity"][region]
    assert s["voxels"] == e.size and s["excluded"] == where.sum() * x.shape[3] - e.size
    for key, value in (("mean", e.mean()), ("std", e.std(ddof=1)), ("median", numpy.median(e)), ("p95", numpy.percentile(e, 95))):
        assert close(s[key], value), (region, key, s[key], value)
assert got["relative_error"] == got["intensity"]["brain"]["mean"]
image = nibabel.load("out/relative_error.nii.gz")
n = counts.sum(axis=3)
expected = numpy.where(counts, error, 0).sum(axis=3) / numpy.maximum(n, 1) * mask
assert image.shape == x.shape[:3] and image.get_data_dtype() == "f4"
assert numpy.allclose(image.affine, nibabel.load("p.nii").affine)
assert numpy.allclose(numpy.asarray(image.dataobj), expected, rtol=1e-6, atol=0)
PYTHON
else
    skip_part "comparison with numpy: $python has no nibabel"
fi

# Bad input: one clear sentence, and no folder is left.
evaluate 2 'no folder for the maps was given' p.nii q.nii.gz
evaluate 2 'is 16 x 14 x 5 with 7' p.nii other.nii -o none
evaluate 2 'with 6; give images of one grid' p.nii fewer.nii -o none
evaluate 2 'other_mask.nii: the mask has 16 x 14 x 5' p.nii q.nii.gz --mask other_mask.nii -o none
evaluate 2 'must be three files' p.nii q.nii.gz --tissues p_wm.nii,p_gm.nii -o none
evaluate 2 'only one of the two gradient tables' p.nii q.nii.gz --bval p.bval -o none
evaluate 2 'has 6 b-values, but p.nii has 7 volumes' p.nii q.nii.gz --bval fewer.bval --bvec fewer.bvec -o none
evaluate 3 'fewer.bval has 6 b-values' p.nii q.nii.gz --bval fewer.bval --bvec p.bvec -o none
evaluate 1 'gone.bval' p.nii q.nii.gz --bval gone.bval --bvec p.bvec -o none
evaluate 1 'gone.nii' p.nii gone.nii -o none
evaluate 1 'gone.siren' p.nii gone.siren -o none
cp p_mask.nii empty.nii && head -c 352 p_mask.nii >empty.nii && head -c 896 /dev/zero >>empty.nii
evaluate 3 'empty.nii: is 0 everywhere' p.nii q.nii.gz --mask empty.nii -o none
cp empty.nii grey.nii && edit grey.nii 400 '\001\002'
evaluate 3 'grey.nii: holds 2 beside 0 and 1' p.nii q.nii.gz --tissues p_wm.nii,grey.nii,p_csf.nii -o none
cp p.nii moved.nii && edit moved.nii 292 '\000\000\310\102' # srow_x[3] = 100 mm
evaluate 2 'mm apart by their headers' p.nii moved.nii -o none
# shellcheck disable=SC2086
phantom float.nii $small --datatype float32
edit float.nii 352 '\000\000\300\177'
evaluate 3 'float.nii: voxel (0, 0, 0) of volume 0 is nan' p.nii float.nii -o none
evaluate 3 'float.nii: voxel (0, 0, 0) of volume 0 is nan' float.nii p.nii -o none
evaluate 2 'every voxel is 0' empty.nii empty.nii -o none
[ ! -e none ] || fail "bad input left a folder: $(ls -A none)"
evaluate 2 'out/relative_error.nii.gz: exists already' p.nii q.nii.gz --no-diffusion -o out
evaluate 0 '' p.nii q.nii.gz --no-diffusion -o out --force
touch file
evaluate 2 'file' p.nii q.nii.gz -o file
mkdir mine && touch mine/notes
evaluate 2 'every voxel is 0' empty.nii empty.nii -o mine
[ "$(ls -A mine)" = notes ] || fail "a folder of others was changed: $(ls -A mine)"

# MRtrix3 is not there: skipped, and told why.
mkdir bin
for tool in sh cat sleep; do ln -s "$(command -v $tool)" bin/; done
programs=$folder/bin
evaluate 0 "skipped: MRtrix3's dwiextract is not on PATH" p.nii q.nii.gz -o absent
grep -q '"skipped":.*install MRtrix3' absent/evaluation.json || fail "absent: $(cat absent/evaluation.json)"

# Programs that stand in: mrinfo tells the shells, the others copy an image of the right grid to each output they name.
tool() { printf '#!/bin/sh\n%s\n' "$2" >"bin/$1" && chmod +x "bin/$1"; }
shells() { tool mrinfo "echo '$1'; echo '$2'"; }
cp p_fa.nii map.nii && gzip -n map.nii
copies='for word; do case $word in *.nii.gz) [ -e $word ] || cat '$folder'/map.nii.gz >$word ;; esac; done'
for name in dwiextract dwi2tensor tensor2metric amp2sh sh2power dwi2response dwi2fod; do tool $name "$copies"; done
shells '0 1000' '1 6'
evaluate 0 'rish0, rish2, fod skipped: no shell has the 15 volumes' p.nii q.nii.gz --mask p_mask.nii -o six
[ -s six/original_fa.nii.gz ] && [ -s six/md_relative_error.nii.gz ] && [ ! -e six/original_fod.nii.gz ] || fail "six: $(ls six)"
shells '0 1000' '1 5'
evaluate 0 'fa, md skipped: no shell has the 6 volumes' p.nii q.nii.gz -o five
shells '1000' '7'
evaluate 0 'skipped: no volume has b of at most 10' p.nii q.nii.gz -o weighted
shells '0 1000' '1 15'
evaluate 8 'rish2 failed: original_rish.nii.gz: MRtrix3 made only 1 volume' p.nii q.nii.gz -o one
evaluate 8 'rish2 failed' p.nii q.nii.gz --no-fod -o nofod
grep -q '"skipped":.*not asked for' nofod/evaluation.json && ! grep -q fod stderr.txt || fail "--no-fod: $(cat stderr.txt)"
tool dwi2tensor 'echo "dwi2tensor: [ERROR] no such luck" >&2; exit 3'
evaluate 8 'fa, md failed: dwi2tensor failed with exit code 3: dwi2tensor: [ERROR] no such luck' p.nii q.nii.gz -o failing
grep -q '"failed":.*no such luck' failing/evaluation.json && [ -s failing/ssim.nii.gz ] && [ -s failing/result_fod.nii.gz ] &&
    [ ! -e failing/result_fa.nii.gz ] || fail "failing: $(ls failing)"
tool dwi2fod 'sleep 60'
start=$SECONDS
evaluate 8 'fod failed: dwi2fod did not end within its time limit of 0.5 s' p.nii q.nii.gz --time-limit 0.5 -o hanging
[ $((SECONDS - start)) -lt 30 ] || fail "a program that hangs held the evaluation for $((SECONDS - start)) s"
shells 'Ambiguous' ''
evaluate 8 'mrinfo told no shells' p.nii q.nii.gz -o shells
tool mrinfo 'case "$*" in *shell*) printf "mrinfo: \033[01;31m[ERROR] no shells\033[0m\n" >&2; exit 1 ;; esac'
evaluate 0 'skipped: MRtrix3 finds no shells in the gradient table: mrinfo failed with exit code 1: mrinfo: [ERROR] no shells' p.nii q.nii.gz -o unshelled
tool mrinfo 'echo "mrinfo: [ERROR] broken" >&2; exit 1'
evaluate 8 'failed: mrinfo failed with exit code 1: mrinfo: [ERROR] broken' p.nii q.nii.gz -o mrinfo
rm p.bvec
evaluate 0 'skipped: no gradient table was given or lies beside' p.nii q.nii.gz -o tables

# An interruption leaves nothing, nor does a second one that does not wait.
cp q.bvec p.bvec
tool mrinfo 'sleep 60'
for signals in 1 2; do
    PATH=$programs "$sirencl" evaluate p.nii q.nii.gz -o interrupted >stdout.txt 2>stderr.txt &
    for _ in $(seq 6000); do grep -q MRtrix3 stderr.txt && break; sleep 0.01; done
    for _ in $(seq $signals); do kill -INT $! || true; done
    ends_with 130
    [ ! -e interrupted ] || fail "an interruption left $(ls -A interrupted)"
done

# What SIGKILL leaves goes with the next evaluation into the folder, but not while its process lives.
PATH=$programs "$sirencl" evaluate p.nii q.nii.gz -o killed --quiet >stdout.txt 2>stderr.txt &
for _ in $(seq 6000); do [ -n "$(ls -A killed 2>/dev/null)" ] && break; sleep 0.01; done
hidden=$(ls -Ad killed/.siren-*)
evaluate 0 '' p.nii q.nii.gz --no-diffusion --quiet -o killed
[ -d "$hidden" ] || fail "the folder of a living process was removed"
kill -KILL $!
ends_with 137
[ -d "$hidden" ] || fail "SIGKILL left nothing to remove: $(ls -A killed)"
evaluate 0 '' p.nii q.nii.gz --no-diffusion --quiet --force -o killed
[ "$(ls -A killed | wc -l)" = 4 ] || fail "leftovers of a killed process: $(ls -A killed)"

# scikit-image on real data.
image=${SIREN_TEST_DATA:-$root/../shared/data}/canon_b1500_pa/dwi.nii.gz
if [ ! -f "$image" ]; then
    skip_part "real data: there is no $image"
elif ! python_has nibabel,numpy,skimage; then
    skip_part "comparison with scikit-image: $python has none"
else
    "$python" - "$image" <<'PYTHON' || fail "no noisy image"
import sys
import nibabel, numpy
image = nibabel.load(sys.argv[1])
x = numpy.asarray(image.dataobj, dtype="f8")
y = x + numpy.random.default_rng(1).normal(0, 0.02 * x.max(), x.shape)
nibabel.save(nibabel.Nifti1Image(y.astype("f4"), image.affine), "noisy.nii")
PYTHON
    evaluate 0 '' "$image" noisy.nii --no-diffusion -o real
    "$python" - "$image" <<'PYTHON' || fail "scikit-image disagrees"
import json, sys
import nibabel, numpy
from skimage.metrics import structural_similarity
load = lambda name: numpy.asarray(nibabel.load(name).dataobj, dtype="f8")
x, y, got = load(sys.argv[1]), load("noisy.nii"), json.load(open("real/evaluation.json"))
for key, options in (("ssim", {}), ("ssim_gaussian", dict(gaussian_weights=True, sigma=1.5, use_sample_covariance=False))):
    means, local = numpy.zeros(x.shape[2:]), numpy.zeros(x.shape)
    for z, v in numpy.ndindex(means.shape):
        means[z, v], local[:, :, z, v] = structural_similarity(
            x[:, :, z, v], y[:, :, z, v], data_range=numpy.ptp(x), full=True, **options)
    assert abs(got[key] - means.mean()) < 1e-9, (key, got[key], means.mean())
    assert abs(load("real/%s.nii.gz" % key) - local.mean(axis=3)).max() < 1e-5
    print(key, got[key], "differs by", abs(got[key] - means.mean()))
PYTHON
fi
echo "all evaluate checks passed"
