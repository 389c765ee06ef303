# The kernels of both families under Oclgrind on tiny shapes: no data race, no invalid access.
source "$(dirname "$0")/../../common.sh"
rt=
for lib in /usr/lib/oclgrind /usr/lib/*/oclgrind /usr/local/lib /usr/lib /usr/lib/*-linux-gnu; do
    [ -e "$lib/liboclgrind-rt-icd.so" ] && rt=$lib/liboclgrind-rt-icd.so && break
done
[ -n "$rt" ] || skip "Oclgrind is not installed"
# Loaded as a vendor library and not by the oclgrind command, whose preloading AddressSanitizer refuses; unoptimised,
# because Oclgrind 21.10 does not know LLVM's freeze instruction.
for test in kernel_layer kernel_matrix kernel_features; do
    OCL_ICD_VENDORS=$rt OCLGRIND_DATA_RACES=1 OCLGRIND_CHECK_API=1 \
        OCLGRIND_BUILD_OPTIONS=-cl-opt-disable OCLGRIND_LOG=$folder/log "$built/$test" tiny
done
[ ! -s log ] || fail "$(head -50 log)"
