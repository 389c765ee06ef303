# Mesa's OpenCL on the CPU, rusticl on llvmpipe (Debian: mesa-opencl-icd), which emulates fma and, before Mesa 25, ends
# loops after 65,535 passes.
# SIREN_RUSTICL names its library elsewhere.
source "$(dirname "$0")/../../common.sh"
source "$root/tests/shared/other_driver.sh"
use_driver rusticl ${SIREN_RUSTICL:+"$SIREN_RUSTICL"} /usr/lib/*/libRusticlOpenCL.so.1
export RUSTICL_ENABLE=llvmpipe
on_driver "$sirencl" devices
grep -q llvmpipe driver.txt || skip "rusticl finds no llvmpipe: $(head -3 driver.txt)"
check_driver
# llvmpipe compiles the chain family's kernel for many minutes of processor time.
[ -n "${SIREN_RUSTICL_CHAIN-}" ] || { skip_part "the chain family on rusticl, unless SIREN_RUSTICL_CHAIN is set"; exit 0; }
on_driver "$built/kernel_layer" tiny
! grep -q '^skipped' driver.txt || fail "$(cat driver.txt)"
