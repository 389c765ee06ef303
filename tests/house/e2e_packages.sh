# The Debian packages that CPack makes of this build: what is in which, what each depends on. tools/debian-chroot installs and tries them.
source "$(dirname "$0")/../common.sh"
needs cpack dpkg-deb dpkg-shlibdeps
! is_sanitized || skip "packages are of what is released"
[ "$(dpkg --print-architecture)" = amd64 ] || skip "the names below are of amd64"
run cpack -G DEB -B "$folder/made" --config "$(dirname "$sirencl")/CPackConfig.cmake"
version=$("$sirencl" --version | sed 's/sirencl //')
package() { echo "$folder/made/$1_${version}_${2-amd64}.deb"; } # NAME [ARCHITECTURE]
[ "$(ls made/*.deb | wc -l)" = 5 ] || fail "not 5 packages: $(ls made)"
files() { dpkg-deb -c "$1" | awk '!/^d/ { print $6 }' | sed 's/^\.//'; }

# has_files PACKAGE PATTERN...: exactly so many files, one for each pattern.
has_files() {
    local deb=$1 pattern
    shift
    files "$deb" | grep -v '/share/doc/' | sort >files.txt
    for pattern; do grep -q "^/usr/$pattern\$" files.txt || fail "$deb has no $pattern: $(cat files.txt)"; done
    for pattern; do sed -i "\\|^/usr/$pattern\$|d" files.txt; done
    [ ! -s files.txt ] || fail "$deb has others, too: $(cat files.txt)"
}
lib='lib[^ ]*'
has_files "$(package libsirencl-decode0)" "$lib/libsirencl-decode.so.0" "$lib/libsirencl-decode.so.$version"
has_files "$(package libsirencl0)" "$lib/libsirencl.so.0" "$lib/libsirencl.so.$version"
has_files "$(package libsirencl-dev)" include/sirencl.h "$lib/libsirencl.so" "$lib/libsirencl-decode.so" "$lib/libsirencl-decode.a" "$lib/pkgconfig/sirencl.pc" \
    "$lib/pkgconfig/sirencl-decode.pc" "$lib/cmake/sirencl/sirencl-[a-z-]*.cmake"
has_files "$(package sirencl)" bin/sirencl 'share/man/man1/sirencl[a-z-]*.1.gz' share/bash-completion/completions/sirencl 'share/zsh/[a-z-]*/_sirencl'
python_files=lib/python3/dist-packages
has_files "$(package python3-sirencl all)" "$python_files/sirencl/[a-z_]*.py" "$python_files/sirencl/py.typed" \
    "$python_files/sirencl-$version.dist-info/METADATA" "$python_files/sirencl-$version.dist-info/entry_points.txt"
(cd "$root/python/src" && find sirencl -name '*.py') | while read -r name; do
    files "$(package python3-sirencl all)" | grep -qx "/usr/$python_files/$name" || fail "python3-sirencl has no $name"
done
for deb in made/*.deb; do
    name=$(dpkg-deb -f "$deb" Package)
    files "$deb" | grep -qx "/usr/share/doc/$name/copyright" || fail "$name has no copyright"
    files "$deb" | grep -qx "/usr/share/doc/$name/changelog.gz" || fail "$name has no changelog"
    files "$deb" >>all.txt
done
[ -z "$(sort all.txt | uniq -d)" ] || fail "in two packages: $(sort all.txt | uniq -d)"

# Pages are those of the build, packed; the changelog is one to dpkg, of this version.
dpkg-deb -x "$(package sirencl)" program
for page in program/usr/share/man/man1/*.gz; do
    gzip -dc "$page" | cmp - "$(dirname "$sirencl")/documents/$(basename "$page" .gz)" || fail "$page is another page"
done
gzip -dc program/usr/share/doc/sirencl/changelog.gz >changelog
grep -q "^sirencl ($version) unstable; urgency=medium$" changelog || fail "changelog: $(cat changelog)"
if has dpkg-parsechangelog; then
    [ "$(dpkg-parsechangelog -l changelog -S Version 2>&1)" = "$version" ] || fail "dpkg-parsechangelog: $(dpkg-parsechangelog -l changelog 2>&1)"
fi

depends() { dpkg-deb -f "$1" Depends; }
depends "$(package libsirencl0)" | grep -q 'libopencl1' || fail "libsirencl0 depends on no OpenCL: $(depends "$(package libsirencl0)")"
! depends "$(package libsirencl-decode0)" | grep -qi 'opencl\|cjson\|openjp2' || fail "the decoder depends on $(depends "$(package libsirencl-decode0)")"
depends "$(package libsirencl-dev)" | grep -q "libsirencl0 (= $version), libsirencl-decode0 (= $version)" || fail "libsirencl-dev depends on $(depends "$(package libsirencl-dev)")"
depends "$(package python3-sirencl all)" | grep -q "python3-nibabel, libsirencl0 (= $version)" || fail "python3-sirencl depends on $(depends "$(package python3-sirencl all)")"

# Entry points as pip would write them.
dpkg-deb -x "$(package python3-sirencl all)" tree
needs python3
PYTHONPATH=tree/usr/$python_files python3 - "$version" <<'PYTHON' || fail "the package's metadata"
import importlib.metadata, sys
found = importlib.metadata.distribution("sirencl")
assert found.version == sys.argv[1]
assert {(e.group, e.name, e.value) for e in found.entry_points} == {("numcodecs.codecs", "sirencl", "sirencl.chunks:Siren"), ("zarr.codecs", "sirencl", "sirencl.zarr:SirenCodec")}
PYTHON
