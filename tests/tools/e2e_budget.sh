# Networks sized for a ratio or a size fill it: within 1 % below and never above, whatever blocks, mask, weights and number of slices; each
# archive is sound, and a run that was killed ends with the same bytes.
source "$(dirname "${BASH_SOURCE[0]}")/../common.sh"
has_device || skip "there is no OpenCL device"

size() { stat -c %s "$1"; }
# fills MOST OPTION...: p.nii.gz to at most so many bytes
fills() {
    local most=$1
    shift
    run "$sirencl" compress --force --force-larger --size "$most" "$@" filled.siren
    awk -v n="$(size filled.siren)" -v m="$most" 'BEGIN { exit !(n <= m && n > 0.99 * m) }' || fail "$*: $(size filled.siren) of $most bytes"
    "$sirencl" verify --quiet filled.siren || fail "$*: does not decode to what was trained"
}

phantom p.nii.gz --dims 24x24x12 --shells 0:2,1000:10 --snr 30 --seed 2
fills 30000 --epochs 8 --model siren-2d p.nii.gz
fills 30000 --epochs 8 --model siren-2d --weights int12 --packing lzma --slices 3:9 p.nii.gz
fills 12000 --epochs 8 --model siren-2d-relu --weights int6 --slices 5 p.nii.gz
fills 20000 --epochs 4 --model siren-3d p.nii.gz
fills 40000 --epochs 4 --model siren-3d --blocks patch:16x16x6 p.nii.gz
fills 20000 --epochs 8 --model siren-2d --mask p_mask.nii.gz p.nii.gz
fills 12000 --model siren-2d --slices 4:8 --mask p_mask.nii.gz p.nii.gz # nothing said of training

# A run that was killed ends with the same bytes, unless it is asked for others (30 bytes less are two or three for each of 12 networks), though the width
# be the same.
long=(--epochs 150 --model siren-2d --mask p_mask.nii.gz p.nii.gz)
run "$sirencl" compress --size 20000 "${long[@]}" whole.siren
"$sirencl" compress --size 20000 --quiet "${long[@]}" again.siren &
for ((i = 0; i < 1000; i++)); do
    [ "$(grep -ao piece again.siren.part 2>/dev/null | wc -l)" -ge 2 ] && break # the first is whole then
    sleep 0.02
done
kill -KILL $!
wait $! 2>/dev/null || true
[ -e again.siren.part ] && [ ! -e again.siren ] || fail "the killed run left no journal"
expect 2 'budget' "$sirencl" compress --quiet --size 19970 "${long[@]}" again.siren
run "$sirencl" compress --size 20000 "${long[@]}" again.siren
grep -q 'goes on with' stderr.txt || fail "the killed run was not gone on with"
cmp whole.siren again.siren || fail "another archive after a kill"
run "$sirencl" decompress whole.siren on_device.nii
run "$sirencl" decompress --device host whole.siren on_host.nii
cmp on_device.nii on_host.nii || fail "the host decodes other bits than the device"
# Weights of float32 lose nothing: there is no more than a width to choose.
run "$sirencl" compress --force --size 60000 --epochs 4 --model siren-2d --weights float32 p.nii.gz float.siren
[ "$(size float.siren)" -le 60000 ] || fail "float32: $(size float.siren) of 60000 bytes"

# Where nothing is said of training, slices of 1,000 points or more are trained by halves in twice the steps, which the archive tells
# and which is what the options say by name. Fewer points, as inside a mask, are seen whole; what is said of points holds.
phantom q.nii.gz --dims 44x44x2 --shells 0:1,1000:7 --snr 30 --seed 3
sized=(--force --force-larger --model siren-2d --ratio 4 --weights float32)
provenance() { tells "^  $2\$" "$sirencl" info "$1"; } # ARCHIVE PATTERN
run "$sirencl" compress "${sized[@]}" q.nii.gz halves.siren
provenance halves.siren 'epochs  *1000' && provenance halves.siren 'minibatches  *2' || fail "halves: $("$sirencl" info halves.siren)"
width=$("$sirencl" info halves.siren | sed -n 's/^  network  *\([0-9]*\) .*/\1/p')
run "$sirencl" compress --force-larger --layers 5 --width "$width" --weights float32 --optimiser soap --epochs 1000 --minibatches 2 q.nii.gz said.siren
cmp halves.siren said.siren || fail "the default is not what its options say"
run "$sirencl" compress "${sized[@]}" --mask q_mask.nii.gz q.nii.gz whole.siren
provenance whole.siren 'epochs  *500' && ! provenance whole.siren 'minibatches .*' || fail "inside a mask: $("$sirencl" info whole.siren)"
run "$sirencl" compress "${sized[@]}" --points-per-epoch 700 q.nii.gz points.siren
provenance points.siren 'epochs  *500' && ! provenance points.siren 'minibatches .*' || fail "points said: $("$sirencl" info points.siren)"
