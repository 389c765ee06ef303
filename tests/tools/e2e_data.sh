# sirencl on real series, where SIREN_TEST_DATA is the folder of them: NAME/dwi.nii.gz with dwi.bval, dwi.bvec, dwi.json.
source "$(dirname "$0")/../common.sh"
data=${SIREN_TEST_DATA:-$root/../shared/data}
[ -f "$data/canon_b1500_pa/dwi.nii.gz" ] || skip "real data: there is no $data/canon_b1500_pa/dwi.nii.gz"
siren() { run "$sirencl" "$@" --quiet; }

# NAME FIRST_SLICE N_SLICES LEAST_PSNR
round_trip() {
    local name=$1 first=$2 n=$3 least=$4 image=$data/$1/dwi.nii.gz suffix dims psnr
    [ -f "$image" ] || return 0
    siren compress "$image" "$name.siren" --slices "$first:$((first + n))" --width 64 --epochs 60 --lr 1e-3
    siren verify "$name.siren"
    siren verify "$name.siren" --device host
    "$sirencl" info --json "$name.siren" >info.txt || fail "info $name.siren"
    [ "$(grep -c '"slice":' info.txt)" = "$n" ] || fail "$name: $(cat info.txt)"
    siren decompress "$name.siren" "$name.nii" --plain-sidecar
    siren decompress "$name.siren" "$name.nii.gz" --force --plain-sidecar
    gzip -dc "$name.nii.gz" | cmp - "$name.nii" || fail "$name: .nii.gz differs from .nii"
    for suffix in bval bvec json; do
        [ ! -f "$data/$name/dwi.$suffix" ] || cmp "$data/$name/dwi.$suffix" "$name.$suffix" || fail "$name: dwi.$suffix differs"
    done

    # The original's slices behind the part's header, cut out of the file by hand.
    gzip -dc "$image" >image.nii
    read -r -a dims <<<"$(od -An -t d2 -j 42 -N 8 image.nii)"
    local slice=$((dims[0] * dims[1] * 2)) volume
    local start=$(($(stat -c %s image.nii) - slice * dims[2] * dims[3]))
    head -c $start "$name.nii" >part.nii
    for ((volume = 0; volume < dims[3]; volume++)); do
        bytes image.nii $((start + (volume * dims[2] + first) * slice)) $((n * slice)) >>part.nii
    done
    [ "$(stat -c %s part.nii)" = "$(stat -c %s "$name.nii")" ] || fail "$name: the size differs"
    ! cmp -s part.nii "$name.nii" || fail "$name: nothing was compressed"
    "$sirencl" compare --json part.nii "$name.nii" >compare.txt || fail "compare $name.nii"
    psnr=$(number compare.txt psnr)
    awk -v psnr="$psnr" -v least="$least" 'BEGIN { exit !(psnr > least) }' || fail "$name: PSNR $psnr dB, expected more than $least"
    echo "$name: $psnr dB on intensities, $(number info.txt psnr) dB on scaled targets"
}
round_trip canon_b1500_pa 20 2 25
round_trip philips_dti_2mm 30 1 25
round_trip xa30_b2500_pa_ap 20 1 25
