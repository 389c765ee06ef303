# What lies beside an image, before and after: tables that are there already, sidecars, links; images that lie apart; parts.
source "$(dirname "$0")/../common.sh"
phantom p.nii --dims 16x14x4 --shells 0:1,1000:6
printf '{\n  "EchoTime": 0.08\n}\n' >p.json
transform() { run "$sirencl" compress --ratio 8 "$@"; }
restore() { run "$sirencl" decompress --device host "$@"; }
transform p.nii p.siren

# An image that is gone comes back beside its own tables and sidecar, which are left as they are; others are not replaced.
cp p.json json && mv p.nii gone.nii
restore p.siren p.nii
grep -q 'p.json: is there already and left as it is' stderr.txt || fail "the sidecar: $(cat stderr.txt)"
cmp p.json json || fail "the sidecar was changed"
rm p.nii && echo 5 >>p.bval
expect 2 'p.bval: exists already' "$sirencl" decompress --device host p.siren p.nii
[ ! -e p.nii ] || fail "an image beside a table that is another's"

# The sidecar tells of what was lost, be it restored from a part, and not of what was not.
restore p.siren back.nii
restore p.siren part.nii --volumes 0:3
for json in back.json part.json; do
    grep -q '^  "EchoTime": 0.08,$' $json && grep -q '"LossyImageCompressionRatio": 8' $json || fail "$json: $(cat $json)"
    ! python_has json || "$python" -m json.tool $json >/dev/null || fail "$json is no JSON: $(cat $json)"
done
cp json gone.json
run "$sirencl" compress --lossless gone.nii exact.siren
restore exact.siren exact.nii
cmp gone.json exact.json || fail "a lossless archive left a trace"
restore p.siren plain.nii --plain-sidecar
cmp json plain.json || fail "--plain-sidecar left a trace"

# Directions without b-values are spoken of.
cp back.nii alone.nii && cp back.bvec alone.bvec
transform alone.nii alone.siren
grep -q 'warning: alone.nii: has directions (.bvec) without b-values' stderr.txt || fail "no word: $(cat stderr.txt)"

# A link is replaced itself, with --force; what it leads to stays.
ln -s exact.siren link.siren && ln -s nowhere dangling.siren && cp exact.siren kept
for link in link dangling; do
    expect 2 "$link.siren: exists already" "$sirencl" compress --ratio 8 gone.nii $link.siren
    transform --force gone.nii $link.siren
    [ ! -L $link.siren ] && cmp $link.siren <(cat link.siren) || fail "the link $link"
done
cmp exact.siren kept && [ ! -e nowhere ] || fail "what a link led to was changed"

# info of a part says which; images that lie apart are compared with a warning.
run "$sirencl" compress --lossless --slices 1:3 gone.nii middle.siren
tells '^  slices *1:3, a part of the image.s 0:4$' "$sirencl" info middle.siren || fail "info of a part: $("$sirencl" info middle.siren)"
! tells '^  slices' "$sirencl" info p.siren || fail "info of the whole"
"$sirencl" phantom --quiet far.nii --dims 16x14x4 --shells 0:1,1000:6 --voxel 3
run "$sirencl" compare gone.nii far.nii
grep -q 'warning: gone.nii and far.nii lie up to .* mm apart' stderr.txt || fail "no word of another place: $(cat stderr.txt)"
run "$sirencl" compare gone.nii back.nii
! grep -q warning stderr.txt || fail "a warning: $(cat stderr.txt)"

# A comment begins with "#", here and for other readers; "%" is a number for none of them, and the table is neither cut nor restored changed.
for sign in '#' %; do
    cp gone.nii remark.nii
    { echo "$sign b-values" && cat back.bval; } >remark.bval && cp back.bvec remark.bvec
    run "$sirencl" compress --force --lossless remark.nii remark.siren
    restore remark.siren remark-back.nii
    cmp remark.bval remark-back.bval || fail "$sign: another table"
    run "$sirencl" decompress --device host --force remark.siren remark-part.nii --volumes 0:3
    taken=0 theirs=0 numpys=0 written=0
    [ ! -e remark-part.bval ] || written=1
    grep -q "remark-part.bval is not written .* \"$sign\" on line 1" stderr.txt || taken=1
    [ $written = $taken ] || fail "$sign: $(cat stderr.txt)"
    if has mrinfo; then
        mrinfo -quiet remark.nii -fslgrad remark.bvec remark.bval -dwgrad >mrtrix.txt 2>&1 && theirs=1
        [ $theirs = $taken ] || fail "'$sign' is a comment for one of MRtrix3 ($theirs) and sirencl ($taken): $(cat mrtrix.txt)"
    fi
    if python_has numpy; then
        "$python" -c 'import numpy, sys; numpy.loadtxt(sys.argv[1])' remark.bval 2>/dev/null && numpys=1
        [ $numpys = $taken ] || fail "'$sign' is a comment for one of numpy ($numpys) and sirencl ($taken)"
    fi
    rm -f remark*
done
echo "all checks passed"
