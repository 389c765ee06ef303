# An experiment with evaluations, configs/table1.json scaled down: evaluation.json and evaluation.csv agree with sirencl
# evaluate, a run goes on after damage and interruption, what is impossible is refused. Diffusion metrics are looked at where
# MRtrix3 is installed; the run without it goes everywhere.
source "$(dirname "$0")/../../common.sh"
sweep() { run "$sirencl" sweep --device cpu "$@"; }
config=$root/configs/table1.json

scaled() { # EXTRA: table1.json in small, without our own coders
    grep -v 'transform\|predictive"' "$config" |
        sed -e 's/\[64, 64, 8\]/[20, 20, 6]/; s/\[\[0, 5\], \[1000, 64\]\]/[[0, 2], [1000, 16]]/; s/\[128, 256\]/[32, 48]/' \
        -e 's/"epochs": 2000,/"epochs": 40, "blocks": {"range": [2, 5]}, '"$1"'/' -e '/"\$schema"/d'
}
scaled '' >with.json
scaled '' | grep -v 'mppca\|smooth' >without.json

# ---- a machine without MRtrix3: intensities, and one word of the rest ----
mkdir bin && ln -s "$(command -v ld)" bin/ # which OpenCL links kernels with
poor() { run env PATH="$folder/bin:/nowhere" "$sirencl" sweep --device cpu "$@"; }
poor without.json -o without
[ "$(grep -c 'not on PATH' stderr.txt)" = 1 ] || fail "MRtrix3's absence is to be said once: $(cat stderr.txt)"
[ "$(ls without/trials/*/evaluation.json | wc -l)" = 4 ] || fail "4 evaluations expected: $(ls without/trials/*)"
[ "$(head -1 without/evaluation.csv)" = \
    trial,input,model,layers,width,weights,seed,lr,w0,epochs,parameters,metric,region,mean,std,median,p95,voxels,excluded ] ||
    fail "columns: $(head -1 without/evaluation.csv)"
! grep -q ',fa,' without/evaluation.csv || fail "FA without MRtrix3"
for region in brain wm gm csf; do
    [ "$(grep -c ",intensity,$region," without/evaluation.csv)" = 4 ] || fail "$region: $(cat without/evaluation.csv)"
done
checked without
for trial in without/trials/*/; do
    tells '  evaluation.json$' tail -1 "$trial/SHA256SUMS" || fail "$trial: evaluation.json has no checksum"
done

# ---- the same figures as of sirencl evaluate on the same slices ----
archive=$(echo without/trials/siren-2d-3x32-*/archive.siren)
"$sirencl" decompress --quiet --device host "$archive" result.nii || fail "decompress"
mean() { awk -F, -v m="$2" -v r="$3" '$1 ~ /^siren-2d-3x32/ && $12 == m && $13 == r { print $14 }' "$1"/evaluation.csv; }
if python_has nibabel,numpy; then
    "$python" - "$(mean without intensity wm)" <<'PYTHON' || fail "the relative error in white matter"
import sys
import nibabel, numpy
load = lambda path: numpy.asarray(nibabel.load(path).dataobj, float)
x, wm = (load(f"without/inputs/phantom{part}.nii.gz")[:, :, 2:5] for part in ("", "_wm"))
x, y = x[wm > 0], load("result.nii")[wm > 0]
expected = numpy.mean(abs(x - y)[x != 0] / x[x != 0])
assert abs(float(sys.argv[1]) / expected - 1) < 1e-6, (sys.argv[1], expected)
PYTHON
fi

# ---- the page: a row for each method and region with the table's numbers, and the claims ----
"$sirencl" report --quiet without -o page.html || fail "report"
sed -n '/id="table1"/,/<\/table>/p' page.html >table1.html
[ "$(grep -c '<tr><td>' table1.html)" = 16 ] || fail "16 rows expected: $(cat table1.html)"
grep -q ">$(printf %.3g "$(mean without intensity wm)") ± " table1.html ||
    fail "the page lacks the mean of evaluation.csv"
[ "$(head -1 without/figures/claims.csv)" = claim,figure,unit,lowest,highest,pairs,verdict ] || fail "claims.csv: $(head -1 without/figures/claims.csv)"
grep -q '^above-jpeg2000,[-0-9.e]*,dB,.*hold' without/figures/claims.csv || fail "above-jpeg2000: $(cat without/figures/claims.csv)"
grep -q '^decoding,[0-9.e-]*,s,[0-9.e-]*,[0-9.e-]*,1,.*hold' without/figures/claims.csv || fail "decoding: $(cat without/figures/claims.csv)"
grep -q 'id="claims"' page.html || fail "no claims in the page"
rm -r without/figures

# ---- what a killed evaluation left goes, even where nothing is left to do ----
mkdir without/.siren-aBc123 without/.siren-backup && touch without/.siren-aBc123/{original.nii,.made-by-sirencl-and-removed-by-it}
touch without/.siren-backup/original.nii without/.sirencl-notes.tmp # a user's own
sweep without.json -o without
[ ! -e without/.siren-aBc123 ] || fail "a hidden folder is left: $(ls -A without)"
rm without/.siren-backup/original.nii without/.sirencl-notes.tmp || fail "a user's own files are gone"
rmdir without/.siren-backup

# ---- what is damaged or missing is judged again, and nothing is trained ----
cp -r without again
damaged=$(echo again/trials/siren-2d-3x32-*/evaluation.json)
printf x >>"$damaged"
rm again/trials/siren-2d-3x48-*/evaluation.json again/evaluation.csv
poor without.json -o again
grep -q 'judged again' stderr.txt || fail "no word of the damage: $(cat stderr.txt)"
grep -q '4 trials, 4 of them complete before' stdout.txt || fail "trials were done again: $(cat stdout.txt)"
same_run without again

# ---- with MRtrix3: all metrics of the table, by all methods; its images of the original are made once ----
if has dwi2tensor && has dwidenoise; then
    sweep --verbose with.json -o with
    for metric in fa md rish0 rish2; do
        for region in wm gm csf; do
            [ "$(grep -c ",$metric,$region," with/evaluation.csv)" = 6 ] || fail "$metric in $region: $(cat with/evaluation.csv)"
        done
    done
    [ "$(grep -c 'dwi2tensor original_low.mif' stderr.txt)" = 1 ] || fail "the original's tensors were not kept"
    [ "$(grep -c 'dwi2tensor result_low.mif' stderr.txt)" = 6 ] || fail "6 results expected"

    [ "$(mean with intensity wm)" = "$(mean without intensity wm)" ] || fail "intensities depend on MRtrix3"
else
    skip_part "diffusion metrics: MRtrix3 is not installed"
fi

# ---- impossible wishes ----
refused_as_it_is() { expect 2 "$1" "$sirencl" sweep --device cpu bad.json -o bad; } # PART
refused() { # PART EXTRA
    scaled "$2" >bad.json
    refused_as_it_is "$1"
    [ ! -e bad ] || fail "$2: left something behind"
}
refused 'evaluations decode archives' '"outputs": {"archives": false},'
sed 's/"range": \[2, 5\]/"axis": "x"/' with.json >bad.json
refused_as_it_is 'evaluate needs slices along z'
sed 's/"evaluate": {}/"evaluate": {"tissue": true}/' with.json >bad.json
refused_as_it_is tissues
# ---- the page on screens of two widths ----
source "$root/tests/shared/browser.sh"
fit page.html
