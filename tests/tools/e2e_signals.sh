# Signals that ask a process to end, at a training of hours whose output has a hidden name, as where the file system has no nameless
# files: 130 and nothing left. And readers that go away.
source "$(dirname "$0")/../common.sh"
export ASAN_OPTIONS=detect_leaks=0 # LeakSanitizer's tracer can crash among the threads of OpenCL
# shellcheck disable=SC2054
small=(compress --layers 1 --width 16 --epochs 3) long=(compress --layers 1 --width 16 --epochs 10000000)
signals=(INT TERM HUP QUIT USR1 USR2 PIPE XCPU XFSZ ALRM VTALRM PROF IO PWR STKFLT RTMIN RTMIN+5 RTMAX)
default=(env "--default-signal=$(IFS=, && echo "${signals[*]:0:15}")") # bash ignores some in the background
mkdir work
phantom --dims 12x12x3 --shells 0:1,1000:3 p.nii
"$sirencl" "${small[@]}" --quiet p.nii a.siren || fail "compress"

# Without /proc the program gives its output a hidden name.
hidden=()
for unshare in "unshare -m" "unshare -rm"; do
    # shellcheck disable=SC2206
    try=($unshare bash -c 'umount -l /proc || mount -t tmpfs none /proc; exec "$@"' bash)
    [ ${#hidden[@]} = 0 ] && "${try[@]}" test ! -e /proc/self 2>/dev/null && hidden=("${try[@]}")
done
! is_sanitized || hidden=() # a sanitizer reads its options, and much else, in /proc
[ ${#hidden[@]} -gt 0 ] || skip_part "hidden names, which need unshare's mounts and a program without sanitizers"

# start COMMAND...: trains in the background
start() {
    "$@" "$sirencl" "${long[@]}" p.nii work/c.siren >stdout.txt 2>stderr.txt &
    for _ in $(seq 6000); do
        grep -q ' %' stderr.txt && break
        kill -0 $! 2>/dev/null || fail "$*: ended: $(cat stderr.txt)"
        sleep 0.01
    done
}
# The output is opened some time after the first that is told, on a loaded machine.
appears() {
    for _ in $(seq 6000); do
        [ -z "$(ls -A work)" ] || return 0
        kill -0 $! 2>/dev/null || fail "ended without a hidden name: $(cat stderr.txt)"
        sleep 0.01
    done
    fail "no hidden name"
}
for signal in "${signals[@]}"; do
    start "${hidden[@]}" "${default[@]}"
    [ ${#hidden[@]} = 0 ] || appears
    kill -"$signal" $!
    ends_with 130
    [ -z "$(ls -A work)" ] || fail "SIG$signal: left behind: $(ls -A work)"
done
for signal in QUIT HUP USR1 PIPE; do
    start env --ignore-signal="$signal"
    kill -"$signal" $!
    sleep 1
    kill -TERM $! || fail "SIG$signal, which was ignored, ended the training: $(cat stderr.txt)"
    ends_with 130
done

# Nobody reads the messages: the same archive. Nobody reads the results: the end of a program that catches nothing.
messages() { sleep 0.5; "${default[@]}" "$sirencl" "${small[@]}" p.nii messages.siren 2>&1 >stdout.txt && echo 0 >code.txt; }
results() { sleep 0.5; local code=0; "${default[@]}" "$sirencl" "${small[@]}" p.nii results.siren 2>stderr.txt || code=$?; echo $code >code.txt; }
for reader in messages results; do
    { $reader || true; } | true
    expected=0
    [ $reader = messages ] || expected=141
    [ "$(cat code.txt)" = $expected ] || fail "$reader that nobody reads: exit code $(cat code.txt)"
    cmp a.siren $reader.siren || fail "$reader that nobody reads: another archive"
    rm code.txt
done
echo "all checks passed"
