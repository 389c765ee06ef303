# Transform archives with a context network: smaller than without, and the same values from them; by slices, and by a second reader written from
# the pages alone; a ratio is met with a finer step; a changed network is noticed. Efforts below 4 give one quantiser, 4 and 5 two, in fewer
# bytes.
source "$(dirname "$0")/../../common.sh"
source "$root/tests/engine/encode/network_checks.sh"
needs_python numpy
"$python" "$root/tests/engine/encode/tissue.py" in.nii 36 31 14 9 12 16 14 .9 .4
compress() { run "$sirencl" compress --quiet --force --model transform "$@"; }

for effort in 1 3 4 5; do compress --psnr 40 --effort $effort in.nii $effort.siren; done
cmp 1.siren 3.siren || fail "efforts 1 and 3 give different archives"
cmp 4.siren 5.siren || fail "efforts 4 and 5 give different archives"
awk "BEGIN { exit !($(size 5.siren) < .98 * $(size 3.siren) && $(psnr 5.siren) >= 40) }" ||
    fail "two quantisers: $(size 5.siren) bytes and $(psnr 5.siren) dB, one: $(size 3.siren)"

# Finely enough for a network to be worth its bytes.
for effort in 5 6; do compress --psnr 52 --effort $effort in.nii $effort.siren; done
[ "$(size 6.siren)" -lt "$(size 5.siren)" ] || fail "$(size 6.siren) bytes, without a network $(size 5.siren)"
for effort in 5 6; do run "$sirencl" decompress --quiet --device host $effort.siren $effort.nii; done
cmp 5.nii 6.nii || fail "a network gives other values"
run "$sirencl" verify --quiet 6.siren
second_reader_agrees 6.siren 6.nii

# A slice alone, and some volumes.
part_is_of_whole 6.siren 6.nii 1:2 2:5

# With a bound, corrections and all; and no more bytes than without, of no lower PSNR.
compress --max-error 6 --effort 6 in.nii bound.siren
run "$sirencl" decompress --quiet --device host bound.siren bound.nii
keeps_bound in.nii bound.nii 6
no_worse_at_size "$(size 5.siren)" 0

# Another network, with right checksums.
other_network_noticed 6.siren 17 'context network\|coefficients'
