# Images as other readers take them: header fields that contradict the binding ones, and bytes after the voxels. A warning, and all
# that is stored comes back.
source "$(dirname "$0")/../common.sh"
# said N PART: the last command warned N times, once of PART
said() {
    [ "$(warnings | wc -l)" = "$1" ] || fail "not $1 warnings: $(cat stderr.txt)"
    [ "$(grep -cF -- "$2" stderr.txt)" = 1 ] || fail "'$2' is not in: $(cat stderr.txt)"
}
quiet() { run "$@"; [ -z "$(warnings)" ] || fail "$*: a warning: $(cat stderr.txt)"; }
patch() { printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; } # FILE OFFSET BYTES
zeros() { head -c "$1" /dev/zero; }
phantom --dims 12x12x3 --shells 0:1 p.nii
phantom --dims 12x12x3 --shells 0:1,1000:3 s.nii

cp p.nii axes.nii
patch axes.nii 40 '\4\0' && patch axes.nii 48 '\0\0\0\0\0\0\0\0'
cp s.nii bits.nii
patch bits.nii 72 '\0\0'
for name in axes bits; do
    part='dim[4] is 0, but dim[0] counts 4 axes'
    [ $name = axes ] || part='bitpix is 0, but a voxel of datatype'
    run "$sirencl" compress --lossless $name.nii $name.siren
    said 1 "$name.nii: $part"
    quiet "$sirencl" decompress --device host $name.siren $name-back.nii
    cmp $name.nii $name-back.nii || fail "$name: other bytes"
    quiet "$sirencl" verify $name.siren
    quiet "$sirencl" info $name.siren
    quiet "$sirencl" decompress --device host --slices 1:2 $name.siren $name-part.nii
    quiet "$sirencl" compress --lossless $name-part.nii $name-part.siren # the part's header contradicts nothing
    run "$sirencl" compare $name.nii $name-back.nii
    said 2 "$name-back.nii: $part"
done
quiet "$sirencl" decompress --device host --volumes 1:2 bits.siren volume.nii
[ "$(od -An -td2 -j72 -N2 volume.nii)" -eq $((8 * ($(stat -c %s volume.nii) - 352) / 432)) ] || fail "bitpix of a part"

# A header without the 4 bytes that tell of extensions, as MRtrix3 and nifti_clib read it. Less than the header is no place for voxels.
{ head -c 348 s.nii; tail -c +353 s.nii; } >bare.nii
patch bare.nii 108 '\0\0\256\103' # 348 as a little-endian float
gzip -nk bare.nii
for suffix in nii nii.gz; do
    run "$sirencl" compress --force --lossless bare.$suffix bare.siren
    said 1 "bare.$suffix: vox_offset is 348"
    quiet "$sirencl" decompress --force --device host bare.siren back.nii
    cmp bare.nii back.nii || fail "without an extender: other bytes"
    run "$sirencl" compare s.nii bare.$suffix
    grep -q '^maximal error *0$' stdout.txt || fail "without an extender: other voxels: $(cat stdout.txt)"
done
if has mrconvert; then
    mrconvert -quiet bare.nii mrtrix.nii || fail "mrconvert"
    run "$sirencl" compare mrtrix.nii bare.nii
    grep -q '^maximal error *0$' stdout.txt || fail "MRtrix3 reads other voxels: $(cat stdout.txt)"
fi
patch bare.nii 108 '\0\200\255\103' # 347
expect 3 'vox_offset is 347' "$sirencl" compress --lossless bare.nii none.siren

# Fields that others are read without: the right voxels are those that two readers of the field give. Where they differ, it is refused.
for name in size size_540 order fraction minus pair; do
    cp s.nii $name.nii
    case $name in
    size) patch $name.nii 0 '\0\0\0\0' && said="sizeof_hdr is 0," ;;
    order) patch $name.nii 0 '\0\0\1\134' && said="sizeof_hdr is 1543569408," ;;
    fraction) patch $name.nii 108 '\0\100\260\103' && said="vox_offset is 352.5; voxels are taken from byte 352 on" ;;
    size_540) patch $name.nii 0 '\34\2\0\0' && said="sizeof_hdr is 540," ;;
    minus) cp p.nii $name.nii && patch $name.nii 40 '\4\0' && patch $name.nii 48 '\377\377' && said="dim[4] is -1," ;;
    pair) patch $name.nii 344 'ni1' && said="has the mark of a .hdr/.img pair, but voxels from byte 352 on" ;;
    esac
    run "$sirencl" compress --lossless $name.nii $name.siren
    said 1 "$name.nii: $said"
    quiet "$sirencl" decompress --device host $name.siren $name-back.nii
    cmp $name.nii $name-back.nii || fail "$name: other bytes"
    quiet "$sirencl" decompress --device host --slices 1:3 $name.siren $name-part.nii
    quiet "$sirencl" compress --lossless $name-part.nii $name-part.siren # the part's header is right
    expect 2 "exists and is an image" "$sirencl" view $name.siren --device host --force -o $name.nii
    if [ $name != minus ] && python_has nibabel,numpy; then
        "$python" -c 'import nibabel, numpy, sys
a, b = (numpy.asarray(nibabel.load(path).dataobj) for path in sys.argv[1:])
assert numpy.array_equal(a, b)' s.nii $name.nii || fail "$name: nibabel reads other voxels"
    fi
    if [[ $name != size* && $name != order ]] && has mrconvert; then
        mrconvert -quiet $name.nii mrtrix-$name.nii || fail "$name: mrconvert"
        run "$sirencl" compare mrtrix-$name.nii $name.nii
        grep -q '^maximal error *0$' stdout.txt || fail "$name: MRtrix3 reads other voxels: $(cat stdout.txt)"
    fi
done
cp s.nii minus.nii && patch minus.nii 48 '\374\377'
expect 3 'dim[4] is -4' "$sirencl" compress --lossless minus.nii none.siren

for tail in zeros text; do
    for name in s p_mask; do
        { cat $name.nii; zeros 500; [ $tail = zeros ] || echo text; } >$name-$tail.nii
        gzip -nc $name-$tail.nii >$name-$tail.nii.gz
    done
    for suffix in nii nii.gz; do
        run "$sirencl" compare s.nii s-$tail.$suffix --mask p_mask-$tail.$suffix
        said 2 "p_mask-$tail.$suffix: 50"
        run "$sirencl" compress --force --lossless --mask p_mask-$tail.$suffix s.nii masked.siren
        said 1 "p_mask-$tail.$suffix: 50"
        quiet "$sirencl" verify masked.siren
    done
done
# Of a series they are kept, zeros or not; a part and what is compared with it have none; --no-tail leaves them out.
for tail in zeros text; do
    for suffix in nii nii.gz; do
        for coding in "--lossless" "--psnr 30" "--layers 1 --width 16 --epochs 2"; do
            # shellcheck disable=SC2086
            run "$sirencl" compress --force $coding s-$tail.$suffix tail.siren
            said 1 "s-$tail.$suffix: 50"
            grep -q 'after the voxels kept' stderr.txt || fail "kept: $(cat stderr.txt)"
            quiet "$sirencl" verify tail.siren
            for back in back.nii back.nii.gz; do
                quiet "$sirencl" decompress --force --device host tail.siren $back
                gzip -dcf $back >back
                cmp <(tail -c +5537 s-$tail.nii) <(tail -c +5537 back) || fail "$coding, $tail in .$suffix: other bytes after the voxels"
            done
            [ "$coding" != --lossless ] || cmp s-$tail.nii back || fail "lossless, $tail: other bytes"
        done
    done
    quiet "$sirencl" decompress --force --device host --slices 1:3 tail.siren part.nii
    [ "$(stat -c %s part.nii)" = $((352 + 2 * 12 * 12 * 4 * 2)) ] || fail "a part with a tail"
    run "$sirencl" compress --force --lossless --no-tail s-$tail.nii without.siren
    said 1 "s-$tail.nii: 50"
    grep -q 'after the voxels left out' stderr.txt || fail "left out: $(cat stderr.txt)"
    quiet "$sirencl" decompress --force --device host without.siren without.nii
    cmp s.nii without.nii || fail "$tail left out: other bytes"
done
{ cat s.nii; zeros 17000000; } >huge.nii
expect 4 'more than 16777216 bytes follow the voxels' "$sirencl" compress --lossless huge.nii huge.siren
run "$sirencl" compress --lossless --no-tail huge.nii huge.siren
said 1 "huge.nii: 17000000 bytes after the voxels left out"
quiet "$sirencl" decompress --device host huge.siren huge-back.nii
cmp s.nii huge-back.nii || fail "many bytes left out: other bytes"

# What follows a gzip stream and is none: asked to, it is left out, and then the stream's own checks still hold.
{ gzip -nc s.nii && echo text; } >foreign.nii.gz
expect 3 'foreign.nii.gz: 5 bytes after the compressed image that would be lost' "$sirencl" compress --lossless foreign.nii.gz foreign.siren
run "$sirencl" compress --lossless --no-tail foreign.nii.gz foreign.siren
said 1 "foreign.nii.gz: 5 bytes after the voxels left out"
quiet "$sirencl" decompress --device host foreign.siren foreign.nii
cmp s.nii foreign.nii || fail "without what follows a gzip stream: other bytes"
for tail in 'head -c 100' 'head -c 3000000'; do
    { cat s.nii; $tail /dev/zero; } | gzip -nc >spoilt.nii.gz
    patch spoilt.nii.gz $(($(stat -c %s spoilt.nii.gz) - 8)) '\1\2\3\4'
    expect 3 'spoilt.nii.gz: the gzip stream is damaged' "$sirencl" compress --lossless --no-tail spoilt.nii.gz spoilt.siren
done

# Packed by another program than the name says: its name helps more than what a header should begin with.
for packer in xz bzip2 zstd gzip; do
    has $packer || continue
    if [ $packer = gzip ]; then gzip -nc s.nii | gzip -n; else $packer -c s.nii; fi >packed.nii.gz
    expect 3 "packed.nii.gz: is packed by $packer" "$sirencl" compress --lossless packed.nii.gz packed.siren
done
expect 3 'foreign.siren: is packed by sirencl' "$sirencl" compress --lossless foreign.siren packed.siren
gzip -nc /dev/null >nothing.nii.gz
expect 3 'nothing.nii.gz: is not a NIfTI file: nothing is in it' "$sirencl" compress --lossless nothing.nii.gz packed.siren
echo "all checks passed"
