# One compression in parts, and 'sirencl join': the bytes of a compression that was not divided, and errors in one sentence.
source "$(dirname "$0")/../common.sh"
phantom --dims 24x20x6 --shells 0:1,1000:7 dwi.nii.gz
compress() { run "$sirencl" compress --quiet --force-larger --device cpu --width 16 --layers 2 --epochs 30 "$@"; }
divided() { # NAME N ORDER OPTIONS...: in parts, of which the last one is killed in between, against one process
    local name=$1 n=$2 i
    compress "${@:4}" dwi.nii.gz "$name-whole.siren"
    for i in $3; do compress --part "$i/$n" "${@:4}" dwi.nii.gz "$name.siren"; done
    [ ! -e "$name.siren" ] || fail "a part is called as the whole"
    run "$sirencl" join "$name".part-*-of-"$n".siren "$name.siren"
    cmp "$name-whole.siren" "$name.siren" || fail "$name: divided by $n it is another archive"
    run "$sirencl" verify --quiet --device host "$name.siren"
}
divided slices 4 "3 1 4 2"
divided one 1 1
divided patches 5 "1 2 3 4 5" --model siren-3d --blocks patch:16x16x4
divided masked 3 "2 3 1" --mask dwi_mask.nii.gz --slices 1:5 --weights float32
divided exact 2 "2 1" --packing lzma --seed 7
for i in 2 1; do compress --part $i/2 dwi.nii.gz -o folder; done
run "$sirencl" join --json folder/dwi.part-2-of-2.siren folder/dwi.part-1-of-2.siren folder/dwi.siren
cmp slices-whole.siren folder/dwi.siren || fail "-o and parts"
[ "$(number stdout.txt parts)" = 2 ] || fail "$(cat stdout.txt)"

# ---- killed, and gone on with ----
code=0
{ timeout -s KILL 2 "$sirencl" compress --quiet --force-larger --device cpu --width 32 --layers 2 --epochs 30000 --part 1/2 dwi.nii.gz killed.siren || code=$?; } 2>stderr.txt
[ $code = 137 ] || fail "nothing was killed: exit code $code"
[ ! -e killed.part-1-of-2.siren ] || fail "a part that was killed appeared"
compress dwi.nii.gz again-whole.siren --epochs 60
for i in 1 2; do compress --epochs 60 --part $i/2 dwi.nii.gz again.siren; done
run "$sirencl" join again.part-* again.siren
cmp again-whole.siren again.siren || fail "again"

# ---- what cannot be ----
join() { expect "$1" "$2" "$sirencl" join "${@:3}"; } # STATUS PART arguments...
join 2 "slices.part-1-of-4.siren: is part 1 of 4, but 3 files were given" slices.part-[123]-of-4.siren x.siren
join 2 "slices.part-2-of-4.siren: is part 2, as slices.part-2-of-4.siren is; give each part once" slices.part-[124]-of-4.siren slices.part-2-of-4.siren x.siren
join 2 "is of another compression than again.part-1-of-2.siren: section" again.part-1-of-2.siren exact.part-2-of-2.siren x.siren
join 2 "slices.siren: is a whole archive and no part" slices.siren x.siren
join 2 "slices.siren: exists already" slices.part-*-of-4.siren slices.siren
join 2 "is a part and is not replaced" --force slices.part-*-of-4.siren slices.part-1-of-4.siren
join 2 "is an image's name" slices.part-*-of-4.siren x.nii
# Parts that were forged or mixed up: each block must be in one of them.
forge() { python3 "$root/tests/faults/forge.py" "$@"; }
forge graft slices.part-1-of-4.siren slices.part-2-of-4.siren 16 twice.siren
join 3 "twice.siren: holds block 0, as slices.part-1-of-4.siren does; make both parts again" slices.part-1-of-4.siren twice.siren slices.part-[34]-of-4.siren x.siren
forge drop slices.part-2-of-4.siren 0 lacks.siren
join 3 "x.siren: cannot be made: no part holds block" slices.part-1-of-4.siren lacks.siren slices.part-[34]-of-4.siren x.siren
forge add slices.part-2-of-4.siren 511 strange.siren
join 2 "of another compression than slices.part-1-of-4.siren: unknown section 0x1ff differs" slices.part-1-of-4.siren strange.siren slices.part-[34]-of-4.siren x.siren
echo precious >precious
join 2 "exists and is no archive" --force slices.part-*-of-4.siren precious
cp slices.part-2-of-4.siren kept
size=$(stat -c %s kept)
for at in 200 $((size / 2)) $((size - 30)); do
    cp kept slices.part-2-of-4.siren
    printf '\xff\x00\xff' | dd of=slices.part-2-of-4.siren bs=1 seek="$at" conv=notrunc status=none
    cmp -s kept slices.part-2-of-4.siren || join 3 "slices.part-2-of-4.siren" slices.part-*-of-4.siren x.siren
done
head -c $((size / 2)) kept >slices.part-2-of-4.siren
join 3 "slices.part-2-of-4.siren" slices.part-*-of-4.siren x.siren
mv kept slices.part-2-of-4.siren
[ ! -e x.siren ] && [ "$(cat precious)" = precious ] || fail "something appeared"
run "$sirencl" join --force slices.part-*-of-4.siren slices.siren
cmp slices-whole.siren slices.siren || fail "replaced"
for use in info "verify --device host" "decompress --device host"; do
    out=()
    [ "${use%% *}" != decompress ] || out=(x.nii)
    expect 4 "is part 1 of 4 of an archive; 'sirencl join' makes the whole of all parts" "$sirencl" $use slices.part-1-of-4.siren "${out[@]}"
done
refused() { expect 2 "$1" "$sirencl" compress --quiet --device cpu "${@:2}"; }
refused "a target is met by all blocks together" --part 1/2 dwi.nii.gz x.siren
refused "a target is met by all blocks together" --part 1/2 --ratio 10 --model siren-2d dwi.nii.gz x.siren
refused "without networks there is nothing to divide" --part 1/2 --lossless dwi.nii.gz x.siren
refused "has 6 slices, which cannot be divided into 7 parts" --width 16 --force-larger --part 1/7 dwi.nii.gz x.siren
refused "or for patches, as by --blocks" --width 16 --force-larger --model siren-3d --part 1/2 dwi.nii.gz x.siren
refused "--part: '3/2' is no part" --width 16 --part 3/2 dwi.nii.gz x.siren
