# sirencl glyphs: what it writes, of series that stand for tensors (6 volumes) and distributions (15), and bad input.
source "$(dirname "$0")/../common.sh"
glyphs() { expect "$1" "$2" "$sirencl" glyphs --quiet "${@:3}"; } # STATUS PART arguments...
needs gnuplot
make() { phantom "$1" --dims 12x10x3 --shells "1000:$2" --snr "$3"; }
mkdir a b c d
make a/original_tensor.nii.gz 6 0
make a/original_fod.nii.gz 15 0
make a/result_tensor.nii.gz 6 30
make a/result_fod.nii.gz 15 30
cp a/original_*.nii.gz b/
cp a/original_tensor.nii.gz b/result_tensor.nii.gz
cp a/original_fod.nii.gz b/result_fod.nii.gz
cp a/*_tensor.nii.gz c/
cp a/*.nii.gz d/
make other.nii.gz 6 20
cp other.nii.gz d/original_tensor.nii.gz

# Tiles of all rows; equal images give equal tiles.
glyphs 0 '' a b --slice 1 --x 2:8 --y 3:9 --labels 'A,it'"'"'s B' -o out
for row in colours tensor fod; do
    [ -s out/$row-1.png ] && cmp out/$row-0.png out/$row-2.png || fail "$row: an image beside itself differs"
    ! cmp -s out/$row-0.png out/$row-1.png || fail "$row: another image gives the same picture"
    [ ! -e out/$row-3.png ] || fail "$row: more tiles than results"
done
grep -q "^rows = 'colours tensor fod'$" out/glyphs-data.gp && [ -s out/glyphs.svg ] && [ -s out/glyphs.png ] ||
    fail "figure: $(ls out)"
grep -q "^region_nx = 6$" out/glyphs-data.gp || fail "region: $(cat out/glyphs-data.gp)"

# Fewer rows and columns: what an earlier figure had more is gone.
glyphs 0 '' c --force -o out
[ "$(cd out && echo *)" = "colours-0.png colours-1.png glyphs-data.gp glyphs.gp glyphs.png glyphs.svg tensor-0.png tensor-1.png" ] ||
    fail "files: $(ls out)"
(cd out && rm glyphs.png && gnuplot -e "formats = 'png'" glyphs.gp && [ -s glyphs.png ]) || fail "the script alone"

# Bad input leaves nothing behind.
glyphs 2 'add -o DIR' a
glyphs 2 'neither original_tensor.nii.gz nor' . -o bad
glyphs 1 'original_fod.nii.gz' a c -o bad
glyphs 2 'another original' a d -o bad
glyphs 2 'no slice 3' a --slice 3 -o bad
glyphs 2 'no voxels 8:13' a --x 8:13 -o bad
glyphs 2 '1 part' a b --labels x -o bad
cp a/original_fod.nii.gz d/original_tensor.nii.gz
glyphs 3 'tensors have 6 elements' d -o bad
[ ! -e bad ] || fail "something was left: $(ls -A bad)"
glyphs 2 'exists' a -o out
