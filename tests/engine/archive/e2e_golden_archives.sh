# Archives that version 0.1.0 and those after it made decode to the bytes that they decoded them to, on the host and on the device; and where the
# device that made them is at hand, the same options give the same archives.
# The series: phantom p.nii.gz --dims 24x20x4 --shells 0:1,1000:6 --seed 3; of restored.siren that of e2e_restoration.
source "$(dirname "$0")/../../common.sh"
golden=$root/tests/golden
for device in host cpu; do
    [ $device = host ] || has_device || continue
    for name in slices patches float32 lossless ratio coded quantisers restored; do
        "$sirencl" verify "$golden/$name.siren" --device $device --quiet || fail "$name does not verify on $device"
        "$sirencl" decompress "$golden/$name.siren" $name.nii --force --quiet --device $device
    done
    sha256sum --check --quiet "$golden/archives.sha256" || fail "decoded to other bytes on $device"
done

has_device || { skip_part "archives made anew: no OpenCL device"; exit 0; }
phantom p.nii.gz --dims 24x20x4 --shells 0:1,1000:6 --seed 3
small="--device cpu --layers 2 --width 16 --packing lzma --quiet"
# shellcheck disable=SC2086
{
    "$sirencl" compress p.nii.gz slices.siren $small --epochs 40 --mask p_mask.nii.gz
    "$sirencl" compress p.nii.gz patches.siren $small --model siren-3d --blocks patch:16x16x4 --epochs 30
    "$sirencl" compress p.nii.gz float32.siren $small --model mlp-siren --epochs 30 --weights float32
}
made_by() { "$sirencl" info "$1" | grep -E '^  (device|driver|platform) '; }
if [ "$(made_by slices.siren)" = "$(made_by "$golden/slices.siren")" ]; then
    for name in slices patches float32; do cmp $name.siren "$golden/$name.siren" || fail "$name.siren has other bytes than 0.1.0 gave it"; done
else
    skip_part "bytes of archives made anew: another device than the golden archives'"
fi
