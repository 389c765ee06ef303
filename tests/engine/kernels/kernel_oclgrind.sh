# The kernels of both families under Oclgrind on tiny shapes: no data race, no invalid access.
set -eu
rt=
for folder in /usr/lib/oclgrind /usr/lib/*/oclgrind /usr/local/lib /usr/lib /usr/lib/*-linux-gnu; do
    [ -e "$folder/liboclgrind-rt-icd.so" ] && rt=$folder/liboclgrind-rt-icd.so && break
done
[ -n "$rt" ] || { echo "skipped: Oclgrind is not installed"; exit 77; }
# Loaded as a vendor library and not by the oclgrind command, whose preloading AddressSanitizer refuses; unoptimised,
# because Oclgrind 21.10 does not know LLVM's freeze instruction.
log=$(mktemp)
trap 'rm -f "$log"' EXIT
for test in kernel_layer kernel_matrix; do
    OCL_ICD_VENDORS=$rt OCLGRIND_DATA_RACES=1 OCLGRIND_CHECK_API=1 \
        OCLGRIND_BUILD_OPTIONS=-cl-opt-disable OCLGRIND_LOG=$log ./$test tiny
done
if [ -s "$log" ]; then
    head -50 "$log"
    exit 1
fi
