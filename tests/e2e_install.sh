# The installed library and headers serve a program that knows nothing of the source tree.
set -eu
sirencl=$1
build=$(dirname "$sirencl")
command -v pkg-config > /dev/null && command -v cc > /dev/null || { echo "skipped: no compiler or pkg-config"; exit 77; }
if nm -D "$sirencl" | grep -q __asan_init; then echo "skipped: a sanitized library needs a sanitized program"; exit 77; fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
DESTDIR="$folder" cmake --install "$build" > /dev/null
pc=$(dirname "$(find "$folder" -name sirencl.pc)")
cat > "$folder/user.c" <<'C'
#include <sirencl.h>
#include <stdio.h>
#include <string.h>
int main(int argc, char **argv) {
    siren_archive_info info;
    if (siren_compress(NULL, "a.nii", "a.siren", NULL, NULL, NULL, NULL) != SIREN_USAGE ||
        siren_decompress(NULL, "a.siren", "a.nii", NULL, NULL, NULL) != SIREN_USAGE)
        return 1;
    if (argc != 2 || siren_info(argv[1], &info) != SIREN_OK) {
        printf("%s: %s\n", siren_version(), siren_message());
        return siren_exit_code(SIREN_CORRUPT) == 3 && strstr(siren_message(), "not") ? 0 : 1;
    }
    siren_archive_info_free(&info);
    return 1;
}
C
export PKG_CONFIG_PATH=$pc PKG_CONFIG_SYSROOT_DIR=$folder
cc -Wall -Werror "$folder/user.c" $(pkg-config --cflags --libs sirencl) -o "$folder/user"
lib=$(dirname "$(find "$folder" -name 'libsirencl.so')")
echo "no archive" > "$folder/text"
LD_LIBRARY_PATH=$lib "$folder/user" "$folder/text"
# The same program in C++.
if command -v c++ > /dev/null; then
    c++ -x c++ -Wall -Werror "$folder/user.c" $(pkg-config --cflags --libs sirencl) -o "$folder/user++"
    LD_LIBRARY_PATH=$lib "$folder/user++" "$folder/text"
fi
# Of the laboratory nothing is in the library, nor what it links.
! ldd "$lib/libsirencl.so" | grep -E 'openjp2|zfp' || { echo "FAILED: libsirencl needs what only the laboratory uses"; exit 1; }
! nm "$lib/libsirencl.so" | grep -E ' [Tt] siren_(sweep|experiment|evaluate|phantom|baseline)' || { echo "FAILED: the laboratory is in libsirencl"; exit 1; }
# It exports what its headers declare for users, and nothing of the project's own.
! nm -D --defined-only "$lib/libsirencl.so" | awk '{print $3}' | grep -vE '^siren_' || { echo "FAILED: exported names without siren_"; exit 1; }
! nm -D --defined-only "$lib/libsirencl.so" | grep -E ' siren_(fail|log|allocate|add|mul|clock|processors|device_inject_failure|device_limit_room)$' ||
    { echo "FAILED: exported names that are the project's own"; exit 1; }
