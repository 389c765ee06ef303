# "-" for standard input and output: what comes through a pipe is what a file would be, ends that come early, readers that go away,
# temporary files that do not stay, and pipes with MRtrix3's own commands. The commands of docs/pipes.md are among them.
source "$(dirname "$0")/../common.sh"
export TMPDIR=$folder/tmp
mkdir tmp
phantom dwi.nii --dims 24x20x4 --shells 0:1,1000:6
gzip -k dwi.nii
clean() { [ -z "$(ls -A tmp)" ] || fail "$1 left $(ls -A tmp)"; }
piped() { bash -o pipefail -c "sirencl() { '$sirencl' \"\$@\"; }; $1"; } # a command line of the page
quietly_piped() { expect 0 '' piped "$1"; clean "$1"; }

# The archive of a pipe is that of a file, and what comes back through one is the file; beside an archive on standard output nothing
# is there but summaries on standard error.
run "$sirencl" compress --lossless dwi.nii file.siren --bval dwi.bval --bvec dwi.bvec
quietly_piped "cat dwi.nii | sirencl compress --lossless - pipe.siren --bval dwi.bval --bvec dwi.bvec"
cmp file.siren pipe.siren || fail "a pipe makes another archive"
quietly_piped "cat dwi.nii.gz | sirencl compress --lossless - - --bval dwi.bval --bvec dwi.bvec"
cmp stdout.txt file.siren || fail "not the archive alone on standard output"
grep -q '^standard output: .* bytes' stderr.txt || fail "no summary: $(cat stderr.txt)"
quietly_piped "cat dwi.nii | sirencl compress --quiet --lossless - >alone.siren --bval dwi.bval --bvec dwi.bvec"
cmp alone.siren file.siren && [ ! -s stderr.txt ] || fail "'-' alone, --quiet: $(cat stderr.txt)"
quietly_piped "sirencl decompress file.siren - --device host"
cmp stdout.txt dwi.nii || fail "not the image alone on standard output"
grep -q 'file.siren also holds .bval .bvec' stderr.txt || fail "no word of what a pipe leaves out: $(cat stderr.txt)"
quietly_piped "sirencl decompress - - --device host --format nii.gz <file.siren | gzip -dc | cmp - dwi.nii"
quietly_piped "cat file.siren | sirencl decompress --device host - back.nii"
cmp back.nii dwi.nii && cmp back.bval dwi.bval || fail "an archive from a pipe"
quietly_piped "cat dwi.nii | sirencl compress --ratio 8 - - | sirencl decompress --device host - - | sirencl compress --lossless - twice.siren"
quietly_piped "cat file.siren | sirencl info - | head -1 | grep -x 'standard input: .* bytes (.*)'"
quietly_piped "cat file.siren | sirencl verify --device host - | grep '^standard input: sound'"
quietly_piped "cat file.siren | sirencl decompress - --voxel 7,8,2 | wc -l | grep -x 7"
quietly_piped "sirencl info - --json <file.siren | grep '\"standard input\"'"

# The page's own commands, in a folder of their own.
mkdir page && cp dwi.nii dwi.b* file.siren page/
sed -n 's/^\$ //p' "$root/docs/pipes.md" | while read -r line; do
    [[ $line != *' mr'* ]] || has mrinfo || continue
    (cd page && MRTRIX_QUIET=1 bash -o pipefail -c "sirencl() { '$sirencl' \"\$@\"; }; $line" >/dev/null 2>"$folder/stderr.txt") || fail "docs/pipes.md: $line: $(cat stderr.txt)"
done
cmp page/pipe.siren file.siren && [ -e page/twice.siren ] || fail "the commands of docs/pipes.md: $(ls page)"
clean "the commands of docs/pipes.md"

# Where --format names what the name of an image does not.
run "$sirencl" decompress --device host file.siren pipe.siren -o formats --format nii
cmp formats/file.nii dwi.nii && [ "$(ls formats/*.nii* | wc -l)" = 2 ] || fail "--format of derived names: $(ls formats)"
expect 2 'back.nii: does not end in .nii.gz' "$sirencl" decompress file.siren back.nii --format nii.gz
expect 2 "--format is 'png' but must be" "$sirencl" decompress file.siren - --format png

# Ends that come early, and what is none: refused, at once where the beginning tells it.
size=$(stat -c %s dwi.nii)
expect 3 'standard input: is truncated' piped "head -c $((size - 1)) dwi.nii | sirencl compress --lossless - none.siren"
expect 3 'standard input: ends after 300 bytes' piped "head -c 300 dwi.nii | sirencl compress --lossless - none.siren"
expect 3 'standard input: is truncated' piped "head -c 3000 dwi.nii.gz | sirencl compress --lossless - none.siren"
expect 3 'standard input: is empty' piped ": | sirencl compress --lossless - none.siren"
expect 3 'standard input: ' piped "head -c 1000 file.siren | sirencl decompress --device host - none.nii"
expect 3 'standard input: is no archive' piped "cat dwi.nii | sirencl info -"
# Those that never end would be read for ever, or fill the disk.
endless() { expect "$1" "$2" timeout 60 bash -c "$3"; clean "$3"; }
endless 3 'standard input: is not a NIfTI file' "yes | '$sirencl' compress --lossless - none.siren"
endless 3 'standard input: does not end where its image does' "cat dwi.nii /dev/zero | '$sirencl' compress --lossless - none.siren"
if ! is_sanitized; then
    phantom large.nii --dims 96x96x16 --shells 0:1,1000:6
    endless 4 'standard input: needs 2064736 bytes of memory, more than the limit' "cat large.nii /dev/zero | '$sirencl' compress --memory 1M --lossless - none.siren"
fi
# A disk that is full: a limit on the size of files stands for it.
expect 1 'standard input: cannot be kept in' bash -c "ulimit -f 4; cat dwi.nii | '$sirencl' compress --lossless - none.siren"
TMPDIR=$folder/nowhere expect 1 'name a folder in TMPDIR' piped "cat dwi.nii | sirencl compress --lossless - none.siren"
[ ! -e none.siren ] && [ ! -e none.nii ] || fail "something was made of what is none"
clean "what was refused"

# A reader that goes away: a sentence and exit code 1.
phantom wide.nii --dims 128x128x8 --shells 0:1,1000:3
run "$sirencl" compress --lossless --effort 3 wide.nii wide.siren
{ "$sirencl" decompress --quiet --device host wide.siren - 2>stderr.txt || echo $? >status.txt; } | head -c 100 >/dev/null
[ "$(cat status.txt)" = 1 ] && grep -q 'standard output: its reader went away' stderr.txt || fail "a reader went away: $(cat status.txt stderr.txt)"
clean "a reader that went away"
expect 1 'standard output: cannot be written' bash -c "'$sirencl' decompress --quiet --device host file.siren - >/dev/full"
expect 1 'standard output: ' bash -c "'$sirencl' decompress --quiet --device host file.siren - >&-"

# Interrupted while it waits for more.
mkfifo held
"$sirencl" compress --lossless - none.siren <held 2>stderr.txt &
exec 9>held
head -c 2000 dwi.nii >&9
for _ in $(seq 100); do kill -INT $! 2>/dev/null && sleep 0.1 || break; done # one that comes before the program listens is lost
ends_with 130
exec 9>&-
grep -q interrupted stderr.txt || fail "not interrupted: $(cat stderr.txt)"
clean "an interruption"

# What cannot be meant.
expect 2 "'-' is standard input or output" "$sirencl" compress --lossless - dwi.nii more.siren
expect 2 "'-' is standard input or output" "$sirencl" compress --lossless - -o out
expect 2 "'-' is standard input, and stands alone" "$sirencl" info file.siren -
expect 2 '--mask auto: MRtrix3 reads no pipe' "$sirencl" compress --mask auto - none.siren
expect 2 'is the name of an MRtrix file' bash -c "echo /tmp/mrtrix-tmp-abc.mif | '$sirencl' compress --lossless - none.siren"
expect 2 "is an image's name, but an archive is written" bash -c "cat dwi.nii | '$sirencl' compress --lossless - none.nii"
expect 2 "goes with neither --bids nor '-'" bash -c "'$sirencl' compress --width 16 --part 1/2 dwi.nii - | cat; exit \${PIPESTATUS[0]}"
if has script; then
    script -qec "'$sirencl' decompress file.siren -" /dev/null >said.txt </dev/null && fail "to a terminal"
    grep -q 'standard output: is a terminal' said.txt || fail "a terminal: $(cat said.txt)"
fi
[ ! -e more.siren ] && [ ! -e out ] || fail "something was made"

# MRtrix3 reads neither NIfTI nor gzip from a pipe: its commands take names of files of its own, which --format mif makes.
has mrinfo || { skip_part "MRtrix3 is not installed"; exit 0; }
export MRTRIX_QUIET=1
cat dwi.nii | mrinfo - >said.txt 2>&1 && fail "MRtrix3 reads NIfTI from a pipe: docs/pipes.md says it does not"
quietly_piped "sirencl decompress --device host file.siren - --format mif | mrconvert - mrtrix.nii"
run "$sirencl" compare dwi.nii mrtrix.nii
grep -q '^maximal error *0$' stdout.txt && ! warnings | grep . || fail "through MRtrix3's pipe: $(cat stdout.txt stderr.txt)"
quietly_piped "sirencl decompress --quiet --device host file.siren - --format mif | mrinfo - -dwgrad"
sed 's/ *$//' stdout.txt >piped.txt
mrinfo dwi.nii -fslgrad dwi.bvec dwi.bval -dwgrad | awk '{ for (i = 1; i <= 4; i++) printf "%.6f ", $i; print "" }' >expected.txt
awk '{ for (i = 1; i <= 4; i++) printf "%.6f ", $i; print "" }' piped.txt | sed 's/-0\.000000/0.000000/g' | diff - <(sed 's/-0\.000000/0.000000/g' expected.txt) ||
    fail "gradients in MRtrix3's pipe"
expect 2 '--format mif is for a pipe' "$sirencl" decompress file.siren other.nii --format mif

# Any orientation, type and scaling, held to what MRtrix3 makes of the .nii.
python_has nibabel,numpy || { skip_part "$python has no nibabel"; exit 0; }
"$python" - <<'PY'
import nibabel, numpy
rng = numpy.random.default_rng(1)
for nth, (dtype, order) in enumerate([("u1", "<"), ("i2", ">"), ("f4", "<"), ("f8", ">"), ("u2", "<"), ("i4", "<")]):
    q, _ = numpy.linalg.qr(rng.normal(size=(3, 3)))
    affine = numpy.eye(4)
    affine[:3, :3] = q @ numpy.diag([2.0, 1.5, 3.0]) * (-1 if nth % 2 else 1)
    affine[:3, 3] = [-11, 7, 3.5]
    header = nibabel.Nifti1Header(endianness=order)
    header.set_data_dtype(numpy.dtype(order + dtype))
    image = nibabel.Nifti1Image(rng.integers(0, 200, (7, 6, 5, 4)).astype(order + dtype), affine, header)
    if nth == 1:
        image.header.set_slope_inter(0.5, 3)
    nibabel.save(image, f"turned{nth}.nii")
    numpy.savetxt(f"turned{nth}.bval", [[0, 700, 1000, 2000]], "%d")
    v = rng.normal(size=(3, 4))
    numpy.savetxt(f"turned{nth}.bvec", v / numpy.linalg.norm(v, axis=0), "%.9f")
PY
for image in turned*.nii; do
    run "$sirencl" compress --lossless "$image" turned.siren --force
    quietly_piped "sirencl decompress --quiet --device host turned.siren - --format mif | mrinfo - -transform -spacing -size -datatype -multiplier -offset"
    mrinfo "$image" -transform -spacing -size -datatype -multiplier -offset | tr -s ' ' >expected.txt
    tr -s ' ' <stdout.txt | "$python" -c '
import sys
a, b = (text.split() for text in (sys.stdin.read(), open("expected.txt").read()))
def near(x, y):
    try: return abs(float(x) - float(y)) < 1e-5
    except ValueError: return x == y
sys.exit(len(a) != len(b) or not all(map(near, a, b)))' || fail "$image: $(cat stdout.txt; echo; cat expected.txt)"
    quietly_piped "sirencl decompress --quiet --device host turned.siren - --format mif | mrinfo - -dwgrad"
    "$python" - "$image" <<'PY' || fail "$image: gradients $(cat stdout.txt)"
import subprocess, sys, numpy
name = sys.argv[1][:-4]
wanted = subprocess.run(["mrinfo", name + ".nii", "-fslgrad", name + ".bvec", name + ".bval", "-dwgrad"], capture_output=True, text=True, check=True)
wanted = numpy.array(wanted.stdout.split(), float).reshape(-1, 4)
got = numpy.loadtxt("stdout.txt").reshape(-1, 4)
assert numpy.allclose(got[1:], wanted[1:], atol=1e-5, rtol=1e-5), (got, wanted)
PY
    rm -f z.nii
    quietly_piped "sirencl decompress --quiet --device host turned.siren - --format mif | mrconvert - z.nii -strides 1,2,3,4"
    mrconvert "$image" w.nii -strides 1,2,3,4 -force
    "$python" -c 'import nibabel, numpy; a, b = (nibabel.load(n).get_fdata() for n in ("z.nii", "w.nii")); assert a.shape == b.shape and (a == b).all()' || fail "$image: voxels"
done
echo "all checks passed"
