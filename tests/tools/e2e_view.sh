# sirencl view, and compare --html: pages whose pictures and figures are those that nibabel and numpy make of the same files, that are
# safe whatever files are called, and that a browser shows at two widths without anything running out of them.
source "$(dirname "$0")/../common.sh"
view() { "$sirencl" view --device host --quiet "$@" 2>stderr.txt || fail "view $*: $(cat stderr.txt)"; }
phantom dwi.nii.gz --dims 22x26x5 --shells 0:2,1000:4,2000:3 --seed 5
run "$sirencl" compress dwi.nii.gz a.siren --ratio 12 --model transform --quiet
run "$sirencl" compress dwi.nii.gz exact.siren --lossless --quiet
run "$sirencl" compress dwi.nii.gz part.siren --lossless --slices 2:4 --quiet
for name in a exact part; do run "$sirencl" decompress --device host $name.siren $name.nii --quiet; done

# ---- pages and what they replace ----
view a.siren dwi.nii.gz -o both.html
view a.siren -o alone.html
view exact.siren dwi.nii.gz -o exact.html
view part.siren dwi.nii.gz -o part.html
run "$sirencl" compare dwi.nii.gz a.nii --html compare.html --quiet
[[ $(cat stdout.txt) == MSE* ]] || fail "compare --html: $(cat stdout.txt)"
view a.siren dwi.nii.gz -o again.html
cmp both.html again.html || fail "the same view is another page"
expect 2 'exists already' "$sirencl" view a.siren -o alone.html --device host
view a.siren -o alone.html --force
cp a.siren archive
view archive -o renamed.html
echo '<!DOCTYPE html><p>mine' >mine.html
expect 2 'mine.html: exists and is a file of another kind' "$sirencl" view a.siren -o mine.html --force --device host
expect 2 'dwi.nii.gz: exists and is an image' "$sirencl" view a.siren -o dwi.nii.gz --force --device host
expect 2 'a.siren: exists and is an archive' "$sirencl" compare dwi.nii.gz a.nii --html a.siren --force
expect 2 'no page was named' "$sirencl" view a.siren
expect 2 'has no volume 9, only 0 to 8' "$sirencl" view a.siren -o no.html --volume 9 --device host
expect 2 'give the original, too' "$sirencl" view a.siren -o no.html --mask dwi_mask.nii.gz --device host
expect 3 'dwi.nii.gz' "$sirencl" view dwi.nii.gz -o no.html --device host
phantom other.nii.gz --dims 20x26x5 --shells 0:2,1000:4,2000:3
expect 2 'other.nii.gz' "$sirencl" view a.siren other.nii.gz -o no.html --device host
[ ! -e no.html ] || fail "a page of a view that failed"
# Names are text, whatever they hold.
cp a.siren '<img src=x onerror=alert(1)>&".siren'
view '<img src=x onerror=alert(1)>&".siren' -o names.html
view a.siren dwi.nii.gz --mask dwi_mask.nii.gz --volume 3 -o masked.html
grep -q 'volume 3, b = 1000' masked.html || fail "--volume 3 is not shown"
grep -q 'only inside the mask' masked.html || fail "the mask is not told"
"$sirencl" compare dwi.nii.gz a.nii --mask dwi_mask.nii.gz >stdout.txt
grep -qF "<td>$(awk '/^PSNR/ { printf "%.2f", $2 }' stdout.txt) dB" masked.html || fail "PSNR inside the mask: $(cat stdout.txt)"

# An archive of the voxels inside a mask tells how many these are.
phantom small.nii.gz --dims 16x14x3 --shells 0:2 --seed 5
run "$sirencl" compress small.nii.gz --mask small_mask.nii.gz inside.siren --lossless --quiet
view inside.siren -o inside.html
grep -qE '<th scope="row">inside its mask</th><td>[0-9]+\.[0-9] % of the voxels</td>' inside.html ||
    fail "inside its mask: $(grep -o 'inside its mask.*' inside.html)"
# Beside an original without contrast an error has no PSNR, and none of "exact".
gzip -dc small.nii.gz >flat.nii && truncate -s 352 flat.nii && truncate -s $((352 + 16 * 14 * 3 * 2 * 2)) flat.nii
run "$sirencl" compress small.nii.gz small.siren --lossless --quiet
view small.siren flat.nii -o flat.html
grep -q '<th scope="row">PSNR</th><td>none, as the peak is 0</td>' flat.html || fail "PSNR of a flat original: $(grep -o 'PSNR</th>.*' flat.html)"
! grep -q '<title>slice [0-9]*: exact' flat.html || fail "slices that differ are called exact"

# Voxels of a header's nonsense, here 2 by 1e-30 mm without a place in the world, and the other way.
zeros='\0\0\0\0'
for sizes in '1 \0\0\0\100\140\102\242\015' '8192 \140\102\242\015\0\0\0\100'; do
    gzip -dc small.nii.gz >thin.nii
    printf %b "${sizes#* }" | dd of=thin.nii bs=1 seek=80 conv=notrunc status=none
    printf %b "$zeros" | dd of=thin.nii bs=1 seek=252 conv=notrunc status=none
    run "$sirencl" compress thin.nii thin.siren --lossless --quiet --force
    view thin.siren -o thin.html --force
    grep -q "<img [^>]* height=\"${sizes%% *}\"" thin.html || fail "the height of thin voxels: $(grep -o '<img [^>]\{,200\}' thin.html)"
done

# ---- what is on them ----
if python_has numpy,nibabel; then
    page() { PYTHONPATH=$root/tests/tools "$python" "$root/tests/tools/view_page.py" dwi.bval "$@" || fail "the page $1"; }
    page both.html a.nii dwi.nii.gz
    page alone.html a.nii ''
    page names.html a.nii ''
    page exact.html exact.nii dwi.nii.gz
    page part.html part.nii dwi.nii.gz 2
    page compare.html a.nii dwi.nii.gz
else
    skip_part "$python has no numpy and nibabel"
fi
needs python3
PYTHONPATH=$root/tests/tools python3 - "$(stat -c %s a.siren)" "$(stat -c %s dwi.nii.gz)" <<'PYTHON' || fail "facts of a page"
import sys
from view_page import Page
archive, image = map(int, sys.argv[1:])
page = Page("both.html")
stored = 22 * 26 * 5 * 9 * 2
ratios = {row[0]: row[2] for row in page.rows if len(row) == 4}
assert ratios["voxels as stored"] == "1.00" and ratios["this archive"] == f"{stored / archive:.2f}"
assert ratios["gzip: the original's file"] == f"{stored / image:.2f}", ratios
assert {f"{n} bytes" for n in (stored, image, archive)} <= set(page.titles)
assert page.fact("image") == "22 × 26 × 5 voxels, 9 volumes, int16" and page.fact("sirencl")
assert Page("exact.html").fact("PSNR") == "exact"
assert Page("names.html").text.count("<img src=x onerror=alert(1)>&\".siren") == 2
PYTHON
if has_cpu; then
    run "$sirencl" compress dwi.nii.gz net.siren --device cpu --width 16 --layers 1 --epochs 3 --quiet --force-larger
    view net.siren -o net.html
    grep -q '16 sine (w0 30) → 9 identity' net.html || fail "the network is not told"
else
    skip_part "networks: there is no OpenCL device of the CPU"
fi

# ---- in a browser ----
source "$root/tests/shared/browser.sh"
fit both.html alone.html names.html compare.html
