# No original is ever lost: an archive replaces nothing but an archive, whatever --force says, and takes no image's name.
source "$(dirname "$0")/../common.sh"
phantom sub1.nii.gz --dims 12x10x2 --shells 0:1,1000:2
phantom sub2.nii --dims 12x10x2 --shells 0:1,1000:2
cp sub2.nii sub2.NII.GZ
echo "a file of the user's" >notes
sha256sum ./* >before
refused() { # PART arguments...
    expect 2 "$1" "$sirencl" compress --lossless --quiet "${@:2}"
    sha256sum --quiet -c before || fail "$*: a file was changed"
    grep -q -- --force stderr.txt && fail "$*: --force is proposed: $(cat stderr.txt)" || true
}
for force in "" --force; do
    # shellcheck disable=SC2086
    {
        refused "new.nii.gz: is not there" sub1.nii.gz new.nii.gz $force
        for name in new.nrrd new.mgh new.nii.zst new.NII.bz2 new.dcm new.PAR new+orig.BRIK; do refused "$name: is not there" sub1.nii.gz $name $force; done
        refused "notes: exists and is no archive" sub1.nii.gz notes $force
    }
done
refused 'sub1.nii.gz' sub1.nii.gz sub1.nii.gz --force
[ -z "$(ls new* 2>/dev/null)" ] || fail "a refused archive is there"

# What a shell makes of *.nii* are images, whatever their number.
for force in "" --force; do
    # shellcheck disable=SC2086
    for second in sub2.nii sub2.NII.GZ; do
        run "$sirencl" compress --lossless --quiet sub1.nii.gz $second $force
        sha256sum --quiet -c before || fail "$second $force: a file was changed"
        rm sub1.siren sub2.siren
    done
done
refused "sub2.NII.GZ and sub2.nii would both become sub2.siren" sub2.NII.GZ sub2.nii

# An archive is replaced where that is asked for, and only then.
run "$sirencl" compress --lossless --quiet sub1.nii.gz a.siren
expect 2 'a.siren: exists already' "$sirencl" compress --lossless --quiet sub2.nii a.siren
run "$sirencl" compress --lossless --quiet --force sub2.nii a.siren
run "$sirencl" decompress --device host --quiet a.siren back.nii
cmp sub2.nii back.nii || fail "the archive was not replaced"
