# sirencl from a series to an archive and back, whole and in parts; interrupted and killed on the way.
source "$(dirname "$0")/../common.sh"
siren() { run "$sirencl" "$@" --quiet; }
refused() { expect "$1" '' "$sirencl" "${@:2}" --quiet; } # STATUS arguments...
milliseconds() { echo $(($(date +%s%N) / 1000000)); }

nx=30 ny=26 nz=4 nv=7
siren phantom p.nii --dims ${nx}x${ny}x$nz --shells 0:1,1000:6
printf '{"EchoTime": 0.08}\n' >p.json
small="--layers 2 --width 32 --epochs 150 --lr 2e-3"

# There and back: header, size and attachments byte for byte, and an image that resembles the original.
# shellcheck disable=SC2086
siren compress $small p.nii a.siren
siren verify a.siren
siren decompress a.siren out.nii
cmp -n 352 p.nii out.nii || fail "the header differs"
[ "$(stat -c %s p.nii)" = "$(stat -c %s out.nii)" ] || fail "the size differs"
for suffix in bval bvec; do cmp p.$suffix out.$suffix || fail "p.$suffix differs"; done
grep -q '"LossyImageCompressionMethod": "sirencl [0-9.]*, siren-2d"' out.json || fail "the sidecar tells nothing: $(cat out.json)"
grep -q '"EchoTime": 0.08' out.json || fail "the sidecar lost something: $(cat out.json)"
siren decompress a.siren plain.nii --plain-sidecar
cmp p.json plain.json || fail "--plain-sidecar changed something"
psnr() { "$sirencl" compare "$@" | sed -n 's/^PSNR *\([0-9.]*\) dB.*/\1/p'; }
awk -v psnr="$(psnr p.nii out.nii)" 'BEGIN { exit !(psnr > 20) }' || fail "PSNR $(psnr p.nii out.nii)"
! cmp -s p.nii out.nii || fail "the codec does nothing"

# The same options give the same archive, other ones another.
# shellcheck disable=SC2086
{
    siren compress $small p.nii again.siren
    siren compress $small --seed 1 p.nii seed.siren
    siren compress $small --weights float32 p.nii float32.siren
    siren compress $small --points-per-epoch 200 p.nii sampled.siren
    siren compress $small --points-per-epoch 200 p.nii sampled-again.siren
    siren compress $small --optimiser soap p.nii soap.siren
    siren compress $small --optimiser soap --schedule linear --warmup 20 p.nii soap-told.siren
    siren compress $small --schedule linear p.nii linear.siren
}
cmp soap.siren soap-told.siren || fail "what soap chooses is not what it is told"
for other in soap linear; do ! cmp -s $other.siren a.siren || fail "$other trains as the default"; done
siren verify soap.siren
tells 'optimiser *soap' "$sirencl" info soap.siren && tells 'schedule *linear' "$sirencl" info soap.siren || fail "info does not tell of the optimiser"
! tells 'optimiser\|schedule\|warmup' "$sirencl" info a.siren || fail "info tells of the published optimiser"
cmp sampled.siren sampled-again.siren || fail "the same samples made other bytes"
! cmp -s sampled.siren a.siren || fail "samples of points train as all of them do"
siren verify sampled.siren
tells 'points_per_epoch *200' "$sirencl" info sampled.siren || fail "info does not tell of the samples"
! tells points_per_epoch "$sirencl" info a.siren || fail "info tells of samples that were not taken"
cmp a.siren again.siren || fail "the same options made other bytes"
! cmp -s a.siren seed.siren || fail "another seed made the same archive"
[ "$(stat -c %s float32.siren)" -gt "$(stat -c %s a.siren)" ] || fail "float32 weights are not larger than the default's"
siren verify float32.siren

# .nii.gz holds the same file; it is read like .nii.
siren decompress a.siren out.nii.gz --force
gzip -dc out.nii.gz | cmp - out.nii || fail "out.nii.gz differs from out.nii"
gzip -c p.nii >zipped.nii.gz
cp p.bval zipped.bval && cp p.bvec zipped.bvec && cp p.json zipped.json
# shellcheck disable=SC2086
siren compress $small zipped.nii.gz zipped.siren
cmp a.siren zipped.siren || fail "the archive depends on how the image was stored"

# Parts equal those of the whole.
slice_bytes=$((nx * ny * 2))
piece() { bytes "$1" $((352 + ($2 * nz + $3) * slice_bytes)) $slice_bytes; } # FILE VOLUME SLICE
siren decompress a.siren part.nii --slices 1:3 --volumes 2:5
for v in 2 3 4; do for z in 1 2; do piece out.nii $v $z; done; done >expected
tail -c +353 part.nii | cmp - expected || fail "slices 1:3 of volumes 2:5 differ from the whole"
siren decompress a.siren one.nii --slices 3
for v in 0 1 2 3 4 5 6; do piece out.nii $v 3; done >expected
tail -c +353 one.nii | cmp - expected || fail "slice 3 differs from the whole"
siren decompress a.siren all.nii --slices : --volumes 0:
cmp all.nii out.nii || fail "all slices and volumes are not the whole"
# shellcheck disable=SC2086
siren compress $small --slices 2:4 p.nii sub.siren
siren decompress sub.siren sub.nii
for v in 0 1 2 3 4 5 6; do for z in 2 3; do piece out.nii $v $z; done; done >expected
tail -c +353 sub.nii | cmp - expected || fail "slices compressed alone differ from the whole"

# One voxel: a line for each volume, on the host, the values of the whole; --json has the same.
voxel_of() { for v in $(seq 0 $((nv - 1))); do od -An -t d2 -j $((352 + 2 * (((v * nz + $4) * ny + $3) * nx + $2))) -N 2 "$1" | tr -d ' '; done; } # FILE X Y Z
for at in 0,0,0 17,9,2 29,25,3; do
    "$sirencl" decompress a.siren --voxel $at >voxel.txt || fail "voxel $at: exit code $?"
    # shellcheck disable=SC2046
    voxel_of out.nii $(echo $at | tr , ' ') | cmp - voxel.txt || fail "voxel $at differs from the whole: $(cat voxel.txt)"
done
"$sirencl" decompress a.siren --voxel 17,9,2 --volumes 2:5 --json | tr -d ' \t\n' >voxel.txt
[ "$(cat voxel.txt)" = "{\"voxel\":[17,9,2],\"inside\":true,\"values\":[$(voxel_of out.nii 17 9 2 | sed -n 3,5p | paste -sd,)]}" ] || fail "voxel as JSON: $(cat voxel.txt)"
"$sirencl" decompress sub.siren --voxel 17,9,2 | cmp - <(voxel_of out.nii 17 9 2) || fail "a voxel of a range of slices"
while read -r text arguments; do
    # shellcheck disable=SC2086
    refused 2 decompress $arguments
    grep -qe "${text//_/ }" stderr.txt || fail "$arguments: $(cat stderr.txt)"
    [ ! -s stdout.txt ] || fail "$arguments: $(cat stdout.txt)"
done <<'EOF'
must_be_three a.siren --voxel 1,2
must_be_three a.siren --voxel 1,2,3,4
must_be_three a.siren --voxel -1,2,3
must_be_three a.siren --voxel 1,2,99999999999999999999
is_30_x_26_x_4 a.siren --voxel 30,0,0
which_holds_0:7 a.siren --voxel 0,0,0 --volumes 5:9
a_slice_that_sub.siren_does_not_hold;_it_has_2:4 sub.siren --voxel 0,0,1
leave_out_x.nii a.siren x.nii --voxel 0,0,0
leave_out_--slices a.siren --voxel 0,0,0 --slices 0:1
--json_is_for_--voxel a.siren x.nii --json
EOF

# A device that computes wrongly is found, by the checksum of the whole or, of a part, by the host.
if has_cpu; then
    cp -r "$root/cl" wrong
    sed -i 's/h\[row \* PITCH(out) + j\];/& y[0] += 1e-3f;/' wrong/decode.cl
    ! cmp -s wrong/decode.cl "$root/cl/decode.cl" || fail "decode.cl does not look as this test expects"
    for part in "" "--volumes 2:5"; do
        # shellcheck disable=SC2086
        SIRENCL_KERNEL_DIR=$folder/wrong refused 5 decompress a.siren wrong.nii --device cpu $part
        [ ! -e wrong.nii ] || fail "an image by a device that computes wrongly ($part)"
    done
    grep -q 'other values than the host' stderr.txt || fail "a wrong device: $(cat stderr.txt)"
fi

# Types, byte orders, versions and extensions of the golden files come back.
for golden in "$root"/tests/golden/*.nii "$root"/tests/golden/*.nii.gz; do
    name=$(basename "$golden")
    siren compress --force-larger --layers 1 --width 16 --epochs 5 "$golden" "$name.siren"
    siren decompress "$name.siren" "back_$name"
    plain() { case $1 in *.gz) gzip -dc "$1" ;; *) cat "$1" ;; esac; }
    plain "$golden" >one && plain "back_$name" >two
    [ "$(stat -c %s one)" = "$(stat -c %s two)" ] || fail "$name: the size differs"
    voxels=$("$sirencl" info --json "$name.siren" | sed -n 's/.*"series_bytes":[^0-9]*\([0-9]*\).*/\1/p')
    cmp -n $(($(stat -c %s one) - voxels)) one two || fail "$name: the header or its extensions differ"
done

# Damage is found, and nothing is restored from it.
size=$(stat -c %s a.siren)
for at in 3 40 $((size / 2)) $((size - 20)); do
    cp a.siren bad.siren
    byte=$(od -An -t u1 -j "$at" -N 1 bad.siren)
    # shellcheck disable=SC2059
    printf "\\x$(printf %02x $((byte ^ 16)))" | dd of=bad.siren bs=1 seek="$at" conv=notrunc status=none
    refused 3 verify bad.siren
    refused 3 decompress bad.siren bad.nii
    [ ! -e bad.nii ] && [ ! -e bad.bval ] || fail "an image of a damaged archive (byte $at)"
done
head -c $((size - 1)) a.siren >bad.siren
refused 3 info bad.siren

# Progress: plain lines where stderr is no terminal, a bar where it is one.
# shellcheck disable=SC2086
"$sirencl" compress $small --force p.nii p.siren >/dev/null 2>stderr.txt || fail "$(cat stderr.txt)"
grep -q '100 %' stderr.txt && ! grep -q '\[' stderr.txt || fail "progress: $(cat stderr.txt)"
if has script; then
    # shellcheck disable=SC2086
    TERM=xterm script -qec "'$sirencl' compress $(echo $small) --force p.nii p.siren" /dev/null >bar.txt </dev/null || fail "$(cat bar.txt)"
    grep -q '\[#*-*\] .*%' bar.txt || fail "no bar on a terminal: $(cat bar.txt)"
fi

# Ctrl-C ends within a second, during training as during kernel compilation, and leaves nothing.
mkdir work cache
# LeakSanitizer's tracer crashed once in about fifty of these exits, among the OpenCL implementation's threads; that
# cancelling leaks nothing is tested in process.
export ASAN_OPTIONS=detect_leaks=0
interrupt() { # WAIT SIGNAL: starts compress, waits with WAIT, sends the signal; sets $elapsed
    : >stderr.txt # of the last run
    "$sirencl" compress --epochs 1000000 --force-larger p.nii work/c.siren >/dev/null 2>stderr.txt &
    local begin
    $1
    begin=$(milliseconds)
    kill -"$2" $!
    ends_with 130
    elapsed=$(($(milliseconds) - begin))
    [ -z "$(ls -A work)" ] || fail "SIG$2 during $1 left $(ls -A work)"
}
training() { for _ in $(seq 3000); do grep -q '^epochs' stderr.txt && return; sleep 0.01; done; fail "training never began"; }
compilation() { sleep 0.3; }
for case in "training INT" "training TERM" "compilation INT"; do
    for attempt in 1 2 3; do # the machine may be busy
        # shellcheck disable=SC2086
        POCL_CACHE_DIR=$folder/cache interrupt $case
        rm -rf cache/*
        [ "$elapsed" -ge 1000 ] || break
        [ "$attempt" -lt 3 ] || fail "$case: took $elapsed ms to end"
    done
done

# Killed at any moment, an archive is there and whole, or not there; one that was there stays.
cp seed.siren kept.siren
present=0
for delay in 0.01 0.05 0.1 0.2 0.3 0.4 0.5 0.6 0.8 1.2; do
    rm -f k.siren
    # shellcheck disable=SC2086
    "$sirencl" compress $small --quiet p.nii k.siren 2>/dev/null &
    first=$!
    # shellcheck disable=SC2086
    "$sirencl" compress $small --quiet --force p.nii kept.siren 2>/dev/null &
    second=$!
    sleep $delay
    kill -KILL $first $second 2>/dev/null || true
    wait $first $second 2>/dev/null || true
    if [ -e k.siren ]; then
        present=$((present + 1))
        cmp -s k.siren a.siren || fail "killed after $delay s: a partial archive"
    fi
    cmp -s kept.siren seed.siren || cmp -s kept.siren a.siren || fail "killed after $delay s: the old archive is damaged"
done
echo "all checks passed ($present of 10 finished before they were killed)"

# Every byte, without a network and without a device; no error above a bound; both at once are refused, and so is what is no bound.
export SIRENCL_DEVICE=nothing
siren compress --lossless p.nii exact.siren
siren decompress --device host exact.siren exact.nii
cmp p.nii exact.nii || fail "--lossless lost something"
[ "$(stat -c %s exact.siren)" -lt "$(gzip -c p.nii | wc -c)" ] || fail "--lossless is larger than gzip"
siren compress --max-error 8 p.nii near.siren
siren decompress --device host near.siren near.nii
"$sirencl" compare p.nii near.nii | awk '/maximal error/ { exit !($3 > 0 && $3 <= 8) }' || fail "--max-error 8"
[ "$(stat -c %s near.siren)" -lt "$(stat -c %s exact.siren)" ] || fail "--max-error saves nothing"
tells 'every bit is kept' "$sirencl" info exact.siren || fail "info of a lossless archive"
tells 'at most 8 stored units' "$sirencl" info near.siren || fail "info of a bounded archive"
refused 2 compress --lossless --max-error 3 p.nii refused.siren
refused 2 compress --max-error -1 p.nii refused.siren
[ ! -e refused.siren ] || fail "a refused archive is there"

# A file of at most a size, slices of at least a PSNR; what is out of reach leaves nothing.
voxel_bytes=$((nx * ny * nz * nv * 2))
for ratio in 4 9.5; do
    siren compress --ratio $ratio p.nii ratio.siren --force
    siren verify --device host ratio.siren
    awk -v n="$(stat -c %s ratio.siren)" -v v=$voxel_bytes -v r=$ratio 'BEGIN { exit !(n * r <= v && n * r > 0.95 * v) }' ||
        fail "--ratio $ratio: $(stat -c %s ratio.siren) bytes of $voxel_bytes"
done
siren compress --psnr 33 p.nii psnr.siren
tells 'PSNR *33\.' "$sirencl" info psnr.siren || fail "--psnr 33: $("$sirencl" info psnr.siren)"
siren decompress --device host psnr.siren psnr.nii
siren decompress --device host psnr.siren psnr_part.nii --slices 1:3 --volumes 2:5
for v in 2 3 4; do for z in 1 2; do piece psnr.nii $v $z; done; done >expected
tail -c +353 psnr_part.nii | cmp - expected || fail "a part of a transform differs from the whole"
refused 9 compress --ratio 100000 p.nii refused.siren
refused 2 compress --ratio 5 --psnr 30 p.nii refused.siren
[ ! -e refused.siren ] || fail "an archive out of reach is there"

