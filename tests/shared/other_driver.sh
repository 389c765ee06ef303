# Sourced by the tests of one driver each, after common.sh.

# use_driver NAME LIBRARY...: the first of these that exists; on_driver runs a program with it alone.
use_driver() {
    local name=$1
    shift
    for library; do [ ! -e "$library" ] || break; done
    [ -e "$library" ] || skip "$name is not installed"
    has_device || skip "there is no other device to compare $name with"
    mkdir vendors
    echo "$library" >vendors/other.icd
}
on_driver() {
    local path
    path=$(dirname "$library")${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
    env OCL_ICD_VENDORS="$folder/vendors" LD_LIBRARY_PATH="$path" "$@" \
        >driver.txt 2>&1 || fail "$*: $(tail -5 driver.txt)"
}

# Known answers; bits of what the usual device made, and the other way round; and a training that comes as far.
check_driver() {
    local small="--layers 2 --width 20 --epochs 12 --lr 2e-3 --quiet"
    phantom p.nii --dims 16x14x2 --shells 0:1,1000:4 --snr 20 --seed 1
    # shellcheck disable=SC2086
    {
        run "$sirencl" compress p.nii usual.siren $small
        on_driver "$sirencl" selftest
        on_driver "$sirencl" compress p.nii theirs.siren $small --allow-failed-device
    }
    on_driver "$sirencl" verify usual.siren
    run "$sirencl" verify theirs.siren
    run "$sirencl" decompress usual.siren usual.nii --device host --quiet
    run "$sirencl" decompress theirs.siren theirs.nii --device host --quiet
    on_driver "$sirencl" decompress usual.siren same.nii --quiet
    cmp usual.nii same.nii || fail "the driver decodes to other bits"
    local ours theirs
    ours=$("$sirencl" compare p.nii usual.nii | sed -n 's/^PSNR *\([0-9.]*\) dB.*/\1/p')
    theirs=$("$sirencl" compare p.nii theirs.nii | sed -n 's/^PSNR *\([0-9.]*\) dB.*/\1/p')
    awk -v a="$ours" -v b="$theirs" 'BEGIN { exit !(a > 10 && a - b < 0.05 && b - a < 0.05) }' ||
        fail "trained to $theirs dB, and to $ours dB on the usual device"
}
