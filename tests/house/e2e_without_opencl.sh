# -DSIREN_OPENCL=OFF builds where no package of OpenCL is to be found, and its sirencl decodes to the same bytes.
source "$(dirname "$0")/../common.sh"
needs cmake cc
! is_sanitized || skip "the build without OpenCL is tested once, without sanitizers"
# Packages and headers of OpenCL and of what only training or the laboratory needs are hidden from pkg-config and from the compiler.
mkdir hidden
for package in OpenCL libopenjp2 zfp; do echo "Name: broken" >"hidden/$package.pc"; done
run env PKG_CONFIG_PATH="$folder/hidden" cmake -S "$root" -B small -DSIREN_OPENCL=OFF \
    -DCMAKE_C_FLAGS=-D__OPENCL_CL_H
run cmake --build small
! ldd small/sirencl small/libsirencl-decode.so | grep -iE 'opencl|clblast|openjp2|zfp' || fail "it needs OpenCL's packages"
for archive in "$root"/tests/golden/*.siren; do
    name=$(basename "$archive" .siren)
    run small/sirencl verify --device host --quiet "$archive"
    run small/sirencl decompress --device host --quiet "$archive" "$name.nii"
    run "$sirencl" decompress --device host --quiet "$archive" "${name}_all.nii"
    cmp "$name.nii" "${name}_all.nii" || fail "$name: other bytes"
    run small/sirencl compare "$name.nii" "${name}_all.nii"
    small/sirencl info --json "$archive" | diff - <("$sirencl" info --json "$archive") || fail "$name: info"
done
expect 4 'compress needs OpenCL' small/sirencl compress slices.nii x.siren
expect 6 'without OpenCL' small/sirencl decompress --device cpu "$root/tests/golden/slices.siren" x.nii
