# sirencl where the machine fails it: closed streams, files that cannot be written or only in part, names that cannot be,
# signals at awkward moments. One sentence, the exit code, nothing left behind, nothing lost.
source "$(dirname "$0")/../common.sh"
# refused CODE PART arguments...: the exit code, PART on stderr, and work/ as empty as before
refused() {
    expect "$1" "$2" "$sirencl" "${@:3}"
    [ -z "$(ls -A work)" ] || fail "$*: left behind: $(ls -A work)"
}
small="--layers 1 --width 16 --epochs 3"
mkdir work
phantom --dims 12x12x3 --shells 0:1,1000:3 p.nii
# shellcheck disable=SC2086
"$sirencl" compress --quiet $small p.nii a.siren || fail "compress"
"$sirencl" decompress --quiet --device host a.siren restored.nii || fail "decompress"

# A closed stream's number goes to no file that is being written: no message lands in it.
# shellcheck disable=SC2086
"$sirencl" compress $small p.nii closed.siren 2>&- >stdout.txt || fail "compress with stderr closed"
cmp a.siren closed.siren || fail "messages in the archive"
rm -f closed.siren
# shellcheck disable=SC2086
code=0
"$sirencl" compress $small p.nii closed.siren <&- >&- 2>&- || code=$?
[ $code = 1 ] || fail "a closed standard output is no error"
cmp a.siren closed.siren || fail "messages in the archive"
"$sirencl" decompress --device host a.siren closed.nii <&- 2>&- >stdout.txt || fail "decompress with closed streams"
cmp restored.nii closed.nii || fail "messages in the image"
"$sirencl" phantom --dims 12x12x3 --shells 0:1,1000:3 closed.nii --force <&- 2>&- >stdout.txt || fail "phantom with closed streams"
for suffix in .nii .bval .bvec _mask.nii _wm.nii _gm.nii _csf.nii _fa.nii _md.nii; do
    cmp "p$suffix" "closed$suffix" || fail "messages in closed$suffix"
done

# Names that no file can get are refused before the work, here of hours.
long="--layers 1 --width 16 --epochs 10000000"
# shellcheck disable=SC2086
refused 2 "is empty" compress $long p.nii ""
# shellcheck disable=SC2086
refused 2 "work/new/: names a folder" compress $long p.nii work/new/
name=$(printf 'x%.0s' $(seq 300))
# shellcheck disable=SC2086
refused 1 "File name too long" compress $long p.nii "work/$name.siren"
refused 1 "File name too long" decompress --device host a.siren "work/$name.nii"

# No output replaces its own input, not even with --force.
for alias in p.nii ./p.nii link.siren; do
    ln -sf p.nii link.siren
    before=$(cksum <p.nii)
    # shellcheck disable=SC2086
    refused 2 '' compress --force $small p.nii "$alias"
    [ "$(cksum <p.nii)" = "$before" ] || fail "the image was lost"
done
cp a.siren a.nii
refused 2 "is the archive itself" decompress --device host --force a.nii a.nii
cmp a.siren a.nii || fail "the archive was lost"

# A limit on the size of files stands for a full disk: the image fits, an attachment does not.
printf '{"Note": "%40000s"}' '' >q.json
cp p.nii q.nii
# shellcheck disable=SC2086
"$sirencl" compress --quiet $small q.nii q.siren || fail "compress with a sidecar"
(
    ulimit -f 16
    refused 1 "work/q.json: writing failed" decompress --device host q.siren work/q.nii
    refused 1 "work/q.json: writing failed" decompress --device host q.siren work/q.nii.gz
    refused 1 "writing failed" phantom --dims 24x24x12 --shells 0:1,1000:5 work/p.nii
    refused 1 "writing failed" phantom --dims 24x24x12 --shells 0:1,1000:5 work/p.nii.gz
) || exit 1
(
    ulimit -f 1
    refused 1 "work/r.nii: writing failed" decompress --device host a.siren work/r.nii
) || exit 1

# A kernel that does not build: one sentence with its error, and the whole log, longer than a sentence, with --verbose.
cp -r "$root/cl" kernels
{
    echo '#error the beginning of a long log'
    seq -f '#error number %g of many, with words enough to fill a message' 15
    cat kernels/decode.cl
} >broken && mv broken kernels/decode.cl
export SIRENCL_KERNEL_DIR=$folder/kernels
for verbose in "" --verbose; do
    # shellcheck disable=SC2086
    code=0
    "$sirencl" decompress $verbose --device cpu a.siren work/k.nii >stdout.txt 2>stderr.txt || code=$?
    [ $code = 7 ] && [ -z "$(ls -A work)" ] || fail "a broken kernel: $(cat stderr.txt)"
    grep '^sirencl' stderr.txt >messages.txt || true # PoCL speaks as well
    tail -n 1 messages.txt | grep -q 'does not build .* the beginning of a long log; --verbose' || fail "a broken kernel: $(cat stderr.txt)"
    n_parts=0
    grep -v 'does not build' messages.txt >log.txt || true
    for part in 'number 1 ' 'number 15 ' 'the beginning of a long log'; do
        if grep -q "$part" log.txt; then n_parts=$((n_parts + 1)); fi
    done
    case "$verbose $n_parts $(wc -l <messages.txt)" in
        " 0 1" | "--verbose 3 "*) ;;
        *) fail "'$verbose': $n_parts of 3 parts of the log in: $(cat stderr.txt)" ;;
    esac
done
unset SIRENCL_KERNEL_DIR

# Interrupted while the OpenCL implementation starts: its confusion is not reported as a failing device. LeakSanitizer's
# tracer can crash among that implementation's threads.
export ASAN_OPTIONS=detect_leaks=0
for wait in 0.01 0.02 0.03 0.04 0.06 0.08; do
    # shellcheck disable=SC2086
    "$sirencl" compress $long p.nii work/c.siren >stdout.txt 2>stderr.txt &
    sleep $wait
    kill -TERM $!
    ends_with 130 143
    [ -z "$(ls -A work)" ] || fail "SIGTERM after $wait s: left behind: $(ls -A work)"
done

# Interrupted when the child that tries the driver has passed, and nobody knows it yet.
child=
for wait in 0.01 0.02 0.04 0.08; do
    rm -rf verdicts # of former children
    # shellcheck disable=SC2086
    XDG_CACHE_HOME=$folder/verdicts "$sirencl" compress $long p.nii work/c.siren >stdout.txt 2>stderr.txt &
    parent=$!
    sleep $wait
    kill -STOP $parent
    read -r child <"/proc/$parent/task/$parent/children" || true
    if [ -n "$child" ]; then
        for _ in $(seq 6000); do
            grep -q '^State:.*zombie' "/proc/$child/status" && break
            sleep 0.01
        done
    fi
    kill -TERM $parent
    kill -CONT $parent
    ends_with 130 143
    [ -z "$(ls -A work)" ] || fail "SIGTERM beside a child: left behind: $(ls -A work)"
    [ -z "$child" ] || break
done
[ -n "$child" ] || fail "no child that tries the driver was met"

# Interrupted while the files of a phantom are completed: all of them or none.
"$sirencl" phantom --dims 96x96x40 --shells 0:1,1000:15 work/big.nii.gz >stdout.txt 2>stderr.txt &
for _ in $(seq 6000); do
    grep -q finishing stderr.txt && break
    kill -0 $! 2>stdout.txt || break
    sleep 0.01
done
grep -q finishing stderr.txt || fail "the phantom tells nothing of its finishing: $(cat stderr.txt)"
kill -TERM $!
code=0
wait $! || code=$?
n=$(find work -type f | wc -l)
[ "$code $n" = "130 0" ] || [ "$code $n" = "0 9" ] || fail "SIGTERM while finishing: exit code $code, left behind: $(ls -A work)"
echo "all checks passed"
