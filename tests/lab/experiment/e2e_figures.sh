# configs/fig3.json and fig4.json scaled down: slices that a sweep keeps for figures are those of the original and of the
# results, the report draws them as sirencl panel and glyphs do, a run goes on after damage, and what cannot be drawn is said.
# Glyphs are looked at where MRtrix3 is installed, pictures where gnuplot is; the runs without them go everywhere.
source "$(dirname "$0")/../../common.sh"
sweep() { run "$sirencl" sweep --device cpu "$@"; }
report() { run "$sirencl" report "$@"; }
scaled() { # NAME
    sed -e 's/\[140, 140, 96\]/[20, 18, 6]/; s/\[\[0, 5\], \[1000, 64\]\]/[[0, 2], [1000, 12]]/; s/"range": \[48, 49\]/"range": [2, 5]/' \
        -e 's/"epochs": 2000/"epochs": 30/; s/256/32/g; s/\[128, 32, 512\]/[16, 24]/; s/{"fod": true}/{}/' \
        -e 's/"x": \[[0-9, ]*\], "y": \[[0-9, ]*\]/"x": [6, 12], "y": [7, 12]/' -e '/"\$schema"/d' "$root/configs/$1.json" >"$1.json"
}
scaled fig3
scaled fig4
mkdir bin && ln -s "$(command -v ld)" bin/ # which OpenCL links kernels with

# ---- the panel's slices: of the results listed, as archives decode ----
sweep fig3.json -o fig3
checked fig3
[ "$(ls -d fig3/trials/*/panel | wc -l)" = 6 ] || fail "6 results expected: $(ls -d fig3/trials/*/panel)"
siren=$(echo fig3/trials/siren-2d-3x32-*)
grep -q '"slice":[[:space:]]*3,' "$siren/panel/panel.json" || fail "facts: $(cat "$siren/panel/panel.json")"
"$sirencl" decompress --quiet --device host "$siren/archive.siren" slice.nii.gz --slices 3:4 --volumes 0:1 &&
    cmp slice.nii.gz "$siren/panel/result.nii.gz" || fail "the slice is not what the archive decodes to"
if python_has nibabel,numpy; then
    "$python" - fig3 "$siren" <<'PYTHON' || fail "slices"
import glob, sys
import nibabel, numpy
run, siren = sys.argv[1:]
load = lambda path: (lambda image: (numpy.asarray(image.dataobj, float).squeeze(), image.affine))(nibabel.load(path))
original, affine = load(f"{run}/inputs/phantom.nii.gz")
restored, _ = load(glob.glob(f"{run}/trials/jpeg2000-slice-like-siren-2d-3x32-*/restored.nii.gz")[0])
jpeg = glob.glob(f"{run}/trials/jpeg2000-slice-like-siren-2d-3x32-*/panel")[0]
for path, values in ((f"{siren}/panel/original.nii.gz", original[:, :, 3, 0]), (f"{jpeg}/original.nii.gz", original[:, :, 3, 0]),
                     (f"{jpeg}/result.nii.gz", restored[:, :, 1, 0])):
    found, place = load(path)
    assert numpy.array_equal(found, values), path
    assert numpy.allclose(place @ [1, 2, 0, 1], affine @ [1, 2, 3, 1]), path
PYTHON
fi

# ---- damage costs the slice only ----
cp -r fig3 again
printf x >>again/"${siren#fig3/}"/panel/result.nii.gz
rm again/trials/mlp-relu-*/panel/original.nii.gz
expect 3 'panel/result.nii.gz: is not the file that was written; run the sweep again' "$sirencl" report again
sweep fig3.json -o again
grep -q 'the slice is kept again' stderr.txt || fail "no word of the damage: $(cat stderr.txt)"
grep -q '10 trials, 10 of them complete before' stdout.txt || fail "trials were done again: $(cat stdout.txt)"
same_run fig3 again

# A file of another grid in the place of what a baseline restored, with sums that are right.
cp -r fig3 foreign
jpeg=$(echo foreign/trials/jpeg2000-slice-like-siren-2d-3x32-*)
foreign() { # SHELLS DIMS WHAT
    phantom "$jpeg/restored.nii.gz" --dims "$2" --shells "$1" --force
    rm -rf "$jpeg"/panel "$jpeg"/restored[._]*[!z] "$jpeg"/restored_*
    (cd "$jpeg" && sha256sum config.json result.json restored.nii.gz >SHA256SUMS)
    expect 8 "$jpeg/restored.nii.gz: is not what the trial restored, for it has $3 instead of 20 x 18 x 3 in 14;" "$sirencl" sweep --device cpu fig3.json -o foreign
}
foreign 0:1 20x18x3 '20 x 18 x 3 voxels in 1 volume'
foreign 0:14 18x20x3 '18 x 20 x 3 voxels in 14 volumes'

# ---- a page without gnuplot, and one with it ----
run env PATH="$folder/bin" "$sirencl" report --quiet fig3 -o page.html --figures none
grep -q 'gnuplot is missing' page.html || fail "the page does not say that gnuplot is missing"
if has gnuplot; then
    report --force fig3 -o page.html
    grep -q '<figure class="panel">' page.html || fail "no panel in the page"
    grep -q 'phantom, slice 3, volume 0, both counted from 0, of the original and 6 of 10 results' page.html || fail "caption"
    [ "$(sed -n "s/^label_[0-9] = '\(.*\)'$/\1/p" fig3/figures/panel-data.gp | paste -sd,)" = \
        "siren-2d 3x32,jpeg2000,siren-2d-relu 3x32,mlp-siren 3x32,mlp-relu 3x32,mlp-tanh 3x32" ] ||
        fail "labels: $(cat fig3/figures/panel-data.gp)"
    grep -q "^note_1 = 'ratio [0-9.]*, [0-9.]* dB'$" fig3/figures/panel-data.gp || fail "notes: $(cat fig3/figures/panel-data.gp)"
    "$sirencl" panel --quiet --device host fig3/inputs/phantom.nii.gz "$siren/archive.siren" fig3/trials/mlp-tanh-*/archive.siren \
        --slice 3 --mask fig3/inputs/phantom_mask.nii.gz -o direct || fail "panel"
    # the original, then values, errors and SSIM of each result
    n=$((4 * 20 * 18))
    cmp -n $((4 * n)) direct/panel.f32 fig3/figures/panel.f32 || fail "the report's panel is not that of sirencl panel"
    tail -c $((3 * n)) direct/panel.f32 >last.f32 && tail -c $((3 * n)) fig3/figures/panel.f32 | cmp - last.f32 ||
        fail "the last result of the panel"
    sed -i 's/relative error/my error/' fig3/figures/panel.gp
    report --force fig3 -o page.html
    grep -q 'panel.gp: is not the built-in script' stderr.txt && grep -q 'my error' page.html || fail "an edited script was not used"
else
    skip_part "pictures: gnuplot is not installed"
fi

# ---- glyphs without MRtrix3: evaluations without baselines, and a word in the page ----
run env PATH="$folder/bin:/nowhere" "$sirencl" sweep --device cpu fig4.json -o fig4
checked fig4
[ "$(ls fig4/trials/*/evaluation.json | wc -l)" = 2 ] || fail "networks without baselines were not judged"
for made in fig4/trials/*/glyphs; do
    [ "$(ls "$made")" = glyphs.json ] || fail "glyphs without MRtrix3: $(ls "$made")"
done
report fig4
grep -q 'The figure of the glyphs lacks tensors (.*not on PATH.*) and fibre orientations' fig4/report.html || fail "the page does not say what is missing"
! grep -q '<figure class="glyphs">' fig4/report.html || fail "a picture of nothing"

if has dwi2tensor; then
    sweep fig4.json -o mrtrix
    checked mrtrix
    cp -r mrtrix again4
    printf x >>again4/trials/siren-2d-3x16-*/glyphs/result_tensor.nii.gz
    sweep fig4.json -o again4
    grep -q 'result_tensor.nii.gz: is not the file that was written; the trial is judged again' stderr.txt || fail "damage: $(cat stderr.txt)"
    grep -q '2 trials, 2 of them complete before' stdout.txt || fail "trials were done again: $(cat stdout.txt)"
    same_run mrtrix again4
    if has gnuplot; then
        report mrtrix
        grep -q '<figure class="glyphs">' mrtrix/report.html || fail "no glyphs in the page"
        grep -q "^rows = 'colours tensor'$" mrtrix/figures/glyphs-data.gp && grep -q '^region_nx = 6$' mrtrix/figures/glyphs-data.gp ||
            fail "glyphs: $(cat mrtrix/figures/glyphs-data.gp)"
        grep -q 'The figure of the glyphs lacks fibre orientations (fibre orientation distributions were not asked for)' mrtrix/report.html ||
            fail "the page does not say what is missing"
    fi
else
    skip_part "glyphs: MRtrix3 is not installed"
fi

# ---- impossible wishes: refused before anything is trained ----
refused() { # PART KEYS
    echo '{"input": "fig3/inputs/phantom.nii.gz", "epochs": 1, "grid": {"model": "siren-2d", "width": 16}, '"$2"'}' >bad.json
    expect 2 "$1" "$sirencl" sweep --device cpu bad.json -o bad
    [ ! -e bad/trials ] || fail "$2: something was trained"
}
refused 'panel.slice asks for 6, but fig3/inputs/phantom.nii.gz has only 0 to 5 there' '"panel": {"slice": 6}'
refused 'panel.volume asks for 14, but' '"panel": {"volume": 14}'
refused 'panel.x asks for 20, but' '"panel": {"x": [3, 21]}'
refused 'glyphs.y asks for 18, but' '"evaluate": {}, "glyphs": {"y": [3, 19]}'
echo "figures 3 and 4 in small are well"
