# sirencl panel: what it writes, its pictures and figures against numpy where Python has it, and bad input.
source "$(dirname "$0")/../common.sh"
panel() { expect "$1" "$2" "$sirencl" panel --quiet "${@:3}"; } # STATUS PART arguments...
phantom p.nii --dims 18x14x4 --shells 0:1,1000:6 --snr 0
phantom q.nii.gz --dims 18x14x4 --shells 0:1,1000:6 --snr 40
phantom other.nii --dims 18x14x5 --shells 0:1,1000:6

# Without gnuplot nothing is made.
mkdir empty
expect 1 gnuplot-nox env PATH="$folder/empty" "$sirencl" panel --quiet p.nii q.nii.gz -o none
[ ! -e none ] || fail "a folder without gnuplot"
needs gnuplot

panel 0 '' p.nii q.nii.gz p.nii --slice 2 --volume 3 --mask p_mask.nii --labels "it's \`ls\`,b" -o out
[ "$(cd out && echo *)" = "panel-data.gp panel.f32 panel.gp panel.png panel.svg" ] || fail "files: $(ls -A out)"
grep -q "^label_1 = 'it''s \`ls\`'$" out/panel-data.gp || fail "label: $(cat out/panel-data.gp)"
grep -qF "it's \`ls\`" out/panel.svg || fail "the label is not in the picture as it is"
[ "$(od -An -tx1 -N8 out/panel.png | tr -d ' ')" = 89504e470d0a1a0a ] || fail "panel.png is no PNG"
grep -q "^error_2 = '0'$" out/panel-data.gp && grep -q "^ssim_2 = '1.0000'$" out/panel-data.gp ||
    fail "an image beside itself: $(cat out/panel-data.gp)"
# A tile of 10 x 7 cubic voxels is as wide as it should be: the picture is 2 (x + 8) + 84 by 40 + 3 (y + 8) units.
phantom cubic.nii --dims 16x16x2 --shells 0:1
panel 0 '' cubic.nii cubic.nii --x 3:13 --y 2:9 -o part
sed -n 's/^ *width="\([0-9]*\)" height="\([0-9]*\)".*/\1 \2/p' part/panel.svg | awk 'NR == 1 { x = ($1 - 84) / 2 - 8; y = ($2 - 40) / 3 - 8; sound = x / y > 1.41 && x / y < 1.45 } END { exit !sound }' ||
    fail "a tile has another shape than its voxels: $(head -n 5 part/panel.svg)"
(cd out && rm panel.png && gnuplot -e "formats = 'png'" panel.gp && [ -s panel.png ]) || fail "the script alone"

# An archive, of all slices or of some, gives the picture of what it decodes to.
"$sirencl" compress p.nii p.siren --width 16 --layers 1 --epochs 5 --quiet &&
    "$sirencl" compress p.nii part.siren --slices 2:3 --width 16 --layers 1 --epochs 5 --quiet &&
    "$sirencl" decompress p.siren r.nii --quiet || fail "compress, decompress"
for result in p.siren r.nii part.siren; do
    panel 0 '' p.nii $result --slice 2 --volume 3 --labels a -o "from_$result"
    cmp from_p.siren/panel.f32 "from_$result/panel.f32" || fail "$result differs from p.siren"
done

# evaluate draws the same panel beside its maps.
"$sirencl" evaluate p.nii q.nii.gz --mask p_mask.nii --no-diffusion --quiet --panel 2,3 -o evaluation >evaluate.txt ||
    fail "evaluate --panel"
panel 0 '' p.nii q.nii.gz --slice 2 --volume 3 --mask p_mask.nii -o beside
cmp evaluation/panel.png beside/panel.png && [ -s evaluation/evaluation.json ] || fail "evaluate's panel differs"
for panel in '' , 1, ,1 1,2,3 -1 a 1:2 4,0; do
    expect 2 '' "$sirencl" evaluate p.nii q.nii.gz --no-diffusion --quiet --panel="$panel" -o bad
    [ ! -e bad ] || fail "evaluate --panel=$panel left a folder"
done
expect 2 '' "$sirencl" evaluate p.nii other.nii --no-diffusion --quiet --panel 1 -o bad

# Bad input leaves nothing behind.
panel 2 'add -o DIR' p.nii q.nii.gz
panel 2 'no slice 4' p.nii q.nii.gz --slice 4 -o bad
panel 2 'one slice' p.nii q.nii.gz --slice 1:3 -o bad
panel 2 'no volume 7' p.nii q.nii.gz --volume 7 -o bad
panel 2 'no voxels 3:19' p.nii q.nii.gz --x 3:19 -o bad
panel 2 '2 parts' p.nii q.nii.gz --labels a,b -o bad
panel 2 'other.nii' p.nii other.nii -o bad
panel 2 'holds 2:3' p.nii part.siren --slice 1 -o bad
[ ! -e bad ] || fail "something was left: $(ls -A bad)"
panel 2 'exists' p.nii q.nii.gz -o out
panel 0 '' p.nii q.nii.gz -o out --force

python_has nibabel,numpy || { skip_part "comparison with numpy: $python has no nibabel"; exit 0; }
panel 0 '' p.nii q.nii.gz --slice 1 --volume 2 --mask p_mask.nii --x 3:17 --y 2:12 -o numpy
"$python" - <<'PYTHON' || fail "pictures differ from numpy's"
import nibabel, numpy as np, re
def shown(path, volume=2):  # rows from the bottom up, radiological order
    image = nibabel.load(path)
    data = image.get_fdata()
    data = data[..., 1, volume] if data.ndim == 4 else data[..., 1]
    picture = data[3:17, 2:12].T
    affine = image.affine
    assert np.allclose(affine[:3, :3], np.diag(np.diag(affine[:3, :3])))
    picture = picture[:, ::-1] if affine[0, 0] > 0 else picture
    return picture[::-1] if affine[1, 1] < 0 else picture
pictures = np.fromfile("numpy/panel.f32", "<f4").reshape(4, 10, 14)
x, other, mask = shown("p.nii"), shown("q.nii.gz"), shown("p_mask.nii") > 0
assert np.array_equal(pictures[0], x.astype("f4")) and np.array_equal(pictures[1], other.astype("f4"))
errors = np.where(mask, np.abs(x - other) / np.where(mask, np.abs(x), 1), np.nan)
assert np.allclose(pictures[2], errors, rtol=1e-6, equal_nan=True)
assert np.array_equal(np.isnan(pictures[3]), ~mask)
said = dict(re.findall(r"^(\w+) = '?([^'\n]*)", open("numpy/panel-data.gp").read(), re.M))
assert said["error_1"] == "%.3g" % np.nanmean(errors), said
assert said["ssim_1"] == "%.4f" % np.nanmean(pictures[3].astype("f8")), said
PYTHON
