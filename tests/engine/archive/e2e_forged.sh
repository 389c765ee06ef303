# Archives whose sections and records are whole, each for itself, and cannot be together: one sentence, exit code 3, and nothing is written.
source "$(dirname "$0")/../../common.sh"
needs python3
forge() { python3 "$root/tests/faults/forge.py" "$@"; }
phantom p.nii --dims 8x8x3 --shells 0:1,1000:2
echo '{"a": 1}' >p.json
"$sirencl" compress p.nii lossless.siren --lossless --quiet
"$sirencl" compress p.nii transform.siren --psnr 30 --quiet

# refused STATUS SENTENCE FILE: by whatever reads it.
refused() {
    expect "$1" "$2" "$sirencl" verify --device host "$3"
    expect "$1" "$2" "$sirencl" decompress --device host --volumes 0:1 "$3" forged.nii
    expect "$1" "$2" "$sirencl" view --device host "$3" -o forged.html
    [ ! -e forged.nii ] && [ ! -e forged.html ] || fail "something was written of $3"
}
forge double lossless.siren $((5 | 0x100)) twice.siren
refused 3 "has two attachments of the name .bv" twice.siren
forge drift transform.siren 8 bound.siren # half of CODING's bytes are the largest error
refused 3 "which only a section ERROR gives" bound.siren
forge graft lossless.siren transform.siren 9 basis.siren
refused 3 "has a section BASIS beside records that do without" basis.siren
forge graft transform.siren "$root/tests/golden/slices.siren" 3 network.siren
refused 3 "has a section NETWORK beside records that do without" network.siren
forge drop lossless.siren 1 lacks.siren
refused 3 "its geometry does not agree with its header and index" lacks.siren

# So many volumes that the products of their numbers come round to small ones.
refused 3 "its coordinates of volumes cannot be" "$root/tests/fuzz/corpus/archive/volumes-beyond-coordinates"
refused 4 "needs more than the memory limit" "$root/tests/fuzz/corpus/archive/volumes-beyond-memory"

# What is exact is called so, and its sidecar no lossy one.
"$sirencl" compress p.nii exact.siren --model transform --max-error 0.4 --quiet
"$sirencl" info exact.siren >info.txt
grep -q "exact: no value differs" info.txt || fail "$(cat info.txt)"
"$sirencl" decompress exact.siren back.nii --device host --quiet
cmp p.nii back.nii && cmp p.json back.json || fail "an exact archive of a transform"
