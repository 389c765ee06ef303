# What is installed serves programs that know nothing of the source tree: the examples, by pkg-config and by find_package, in C
# and in C++; the libraries export what their header declares and need no more than they say.
source "$(dirname "$0")/../common.sh"
needs cc c++ pkg-config cmake
! is_sanitized || skip "a sanitized library needs a sanitized program"
prefix=$folder/prefix
run cmake --install "$(dirname "$sirencl")" --prefix "$prefix"
lib=$(dirname "$(find "$prefix" -name libsirencl.so)")
PKG_CONFIG_PATH=$lib/pkgconfig
export PKG_CONFIG_PATH LD_LIBRARY_PATH=$lib
read -r -a all <<<"$(pkg-config --cflags --libs sirencl)"
read -r -a decode <<<"$(pkg-config --cflags --libs sirencl-decode)"
[ "$(find "$prefix/include" -type f)" = "$prefix/include/sirencl.h" ] || fail "other headers: $(find "$prefix/include" -type f)"

# Each command's page is there, and completion.
for command in $("$sirencl" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]\+\) .*/\1/p'); do
    "$sirencl" "$command" --help=man | cmp - "$prefix/share/man/man1/sirencl-$command.1" || fail "the page of $command"
done
"$sirencl" --help=man | cmp - "$prefix/share/man/man1/sirencl.1" || fail "the page of the program"
"$sirencl" --help=bash | cmp - "$prefix/share/bash-completion/completions/sirencl" || fail "completion of bash"
"$sirencl" --help=zsh | cmp - "$prefix/share/zsh/site-functions/_sirencl" || fail "completion of zsh"

# By pkg-config; the decoder's library also as a part of the program.
cp "$root"/examples/* . # nothing of the tree is beside them
run cc -std=c11 -Wall -Wextra -Werror simple.c "${all[@]}" -o simple
run c++ -Wall -Wextra -Werror -x c++ simple.c "${all[@]}" -o simple++
run cc -std=c11 -Wall -Wextra -Werror region.c "${decode[@]}" -o region
run cc region.c "-I$prefix/include" "$lib/libsirencl-decode.a" -llzma -lz -lpthread -lm -o region_static

# What is exported is what the header declares.
nm -D --defined-only "$lib/libsirencl.so" | awk '{ print $3 }' | sort >exported.txt
grep -o 'siren_[a-z_]*(' "$prefix/include/sirencl.h" | tr -d '(' | sort -u >named.txt
comm -23 exported.txt named.txt >more.txt
[ ! -s more.txt ] || fail "exported beside the header: $(cat more.txt)"
sed -n 's/^[a-z_ *]*[ *]\(siren_[a-z_]*\)(.*/\1/p' "$prefix/include/sirencl.h" | grep -v _fn$ | sort -u >declared.txt
comm -23 declared.txt exported.txt >missing.txt
[ ! -s missing.txt ] || fail "declared but not exported: $(cat missing.txt)"
nm -D --defined-only "$lib/libsirencl-decode.so" | awk '{ print $3 }' | sort >exported_decode.txt
[ -z "$(comm -23 exported_decode.txt declared.txt)" ] || fail "the decoder exports $(comm -23 exported_decode.txt declared.txt)"

# What they need.
! ldd "$lib/libsirencl.so" | grep -E 'openjp2|zfp|cairo|libpng' || fail "libsirencl needs what only the laboratory uses"
ldd "$lib/libsirencl-decode.so" | grep -vE 'linux-vdso|ld-linux|/lib(z|lzma|m|c|pthread)\.so' >needed.txt || true
[ ! -s needed.txt ] || fail "libsirencl-decode needs $(cat needed.txt)"
! ldd ./region_static | grep -q sirencl || fail "region_static is not static"

# What they do. The version is that of the program.
cat >version.c <<'C'
#include <sirencl.h>
#include <stdio.h>
int main(void) {
    printf("%s %d\n", siren_version(), siren_version_number() == SIREN_VERSION_NUMBER);
    return 0;
}
C
run cc version.c "${decode[@]}" -o version
[ "sirencl $(./version)" = "$("$prefix/bin/sirencl" --version) 1" ] || fail "versions: $(./version)"
if has_device; then
    phantom p.nii --dims 20x24x3 --shells 0:1,1000:3
    run ./simple p.nii a.siren
    run ./simple++ p.nii b.siren
    cmp a.siren b.siren || fail "C and C++ make other archives"
    cp a.siren c.siren
    [ "$(grep -c 'was' stdout.txt)" = 1 ] && [ -s restored.bval ] || fail "simple: $(cat stdout.txt)"
else
    cp "$root/tests/golden/slices.siren" c.siren
fi
run ./region c.siren 7 8 2
"$sirencl" decompress c.siren --voxel 7,8,2 >voxel.txt
awk 'NR > 1 { print $2 }' stdout.txt | diff - <(awk '{ printf "%g\n", $1 }' voxel.txt) || fail "region and --voxel differ"
cp stdout.txt region.txt
run ./region_static c.siren 7 8 2
cmp stdout.txt region.txt || fail "the static decoder differs"
expect 2 'is not in the archive' ./region c.siren 7 8 99

# By find_package.
run cmake -S . -B by_cmake "-DCMAKE_PREFIX_PATH=$prefix"
run cmake --build by_cmake
run by_cmake/method
run by_cmake/region c.siren 7 8 2
cmp stdout.txt region.txt || fail "region by CMake differs"

# Every key of the options stands in docs/api.md.
cat >keys.c <<'C'
#include <sirencl.h>
#include <stdio.h>
static void show(void *user, const char *key, const char *value, const char *help) {
    (void)user;
    printf("| `%s` | %s | %s |\n", key, value, help);
}
int main(void) {
    siren_options *options;
    return siren_options_create(&options) != SIREN_OK || siren_options_visit(options, show, NULL) != SIREN_OK;
}
C
run cc keys.c "${decode[@]}" -o keys
./keys >keys.txt
grep '^| `' "$root/docs/api.md" | grep -v '^| `siren_' | diff - keys.txt || fail "the options of docs/api.md are not these: $(cat keys.txt)"

# Nothing is left of it, and nothing else is removed.
touch "$prefix/bin/another"
run cmake "-DMANIFEST=$(dirname "$sirencl")/install_manifest.txt" -P "$root/cmake/uninstall.cmake"
[ "$(find "$prefix" -type f -o -type l)" = "$prefix/bin/another" ] || fail "left after uninstall: $(find "$prefix" -type f -o -type l)"
[ -z "$(find "$prefix" -name sirencl)" ] || fail "folders left: $(find "$prefix" -name sirencl)"
! cmake -DMANIFEST=none.txt -P "$root/cmake/uninstall.cmake" 2>stderr.txt && grep -q 'nothing was installed' stderr.txt || fail "uninstall of nothing: $(cat stderr.txt)"
