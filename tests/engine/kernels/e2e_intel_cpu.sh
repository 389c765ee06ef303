# Intel's OpenCL on the CPU (intel-opencl-rt, of Intel or PyPI). SIREN_INTEL_OPENCL names its library elsewhere.
source "$(dirname "$0")/../../common.sh"
source "$root/tests/shared/other_driver.sh"
use_driver "Intel's CPU runtime" ${SIREN_INTEL_OPENCL:+"$SIREN_INTEL_OPENCL"} \
    /opt/intel/oneapi/compiler/latest/lib/libintelocl.so \
    /opt/intel/oneapi/lib/intel64/libintelocl.so
check_driver
on_driver "$built/kernel_layer" tiny
! grep -q '^skipped' driver.txt || fail "$(cat driver.txt)"
