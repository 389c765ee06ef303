# An archive made on the default device decodes to the same bits under Oclgrind, an independent OpenCL implementation
# that also watches memory accesses and races.
source "$(dirname "$0")/../../common.sh"
needs oclgrind
! is_sanitized || skip "Oclgrind cannot be preloaded into a sanitized program"
phantom p.nii --dims 12x10x2 --shells 0:1,1000:6 --snr 20 --seed 1
"$sirencl" compress p.nii p.siren --width 20 --layers 2 --epochs 20 --quiet
oclgrind --data-races --uninitialized "$sirencl" verify p.siren --device 0:0 >log 2>&1 || fail "verify: $(cat log)"
grep "Oclgrind Simulator" log || fail "another device: $(cat log)"
! grep -Eq "uninitialized|data race|Invalid|error" log || fail "$(cat log)"
