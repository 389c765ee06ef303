# Drivers that fail in every way and at every moment: what decodes gives the same bytes on the host, with one warning, or names
# --device host where the device was asked for by name; what needs a device ends in one sentence. The driver is PoCL with a fault
# (faulty_driver.c).
source "$(dirname "$0")/../common.sh"
has_cpu || skip "no CPU device"
[[ $("$sirencl" devices 2>/dev/null) == *PoCL* ]] || skip "no PoCL, which the faulty driver stands before"
unset SIRENCL_DEVICE
phantom --dims 16x12x3 --shells 0:2,1000:4 p.nii
run "$sirencl" compress --quiet --layers 1 --width 16 --epochs 3 --device cpu p.nii a.siren
run "$sirencl" decompress --quiet --device host a.siren host.nii
mkdir vendors
echo "$built/libfaulty_driver.so" >vendors/faulty.icd
export OCL_ICD_VENDORS=$folder/vendors XDG_CACHE_HOME=$folder/cache
export OCL_ICD_FILENAMES=$built/libfaulty_driver.so # Khronos's loader
ulimit -c 0
export ASAN_OPTIONS=detect_leaks=0:use_sigaltstack=0 # a process that exits in the middle leaks
unset FAULT
run "$sirencl" verify a.siren
[[ $(cat stdout.txt) != *"the host"* ]] || fail "the faulty driver, without a fault: $(cat stdout.txt stderr.txt)"

# told FAULT PART: decoding of all kinds under a fault
told() {
    export FAULT=$1
    rm -rf restored.nii cache
    run "$sirencl" decompress a.siren restored.nii --force
    cmp host.nii restored.nii || fail "$FAULT: other voxels"
    [ "$(grep -c warning stderr.txt)" = 1 ] && tells "$2" grep warning stderr.txt || fail "$FAULT: a warning of '$2': $(cat stderr.txt)"
    tells 'on the host' cat stdout.txt || fail "$FAULT: $(cat stdout.txt)"
    [ "$(ls -A | grep -c '^\.')" = 0 ] || fail "$FAULT: left behind: $(ls -A)"
    code=0
    "$sirencl" decompress --device cpu a.siren named.nii >stdout.txt 2>stderr.txt || code=$?
    [[ $code =~ ^[567]$ ]] && tells '--device host' tail -n 1 stderr.txt && [ ! -e named.nii ] ||
        fail "$FAULT, with a device by name: exit code $code: $(cat stderr.txt)"
    run "$sirencl" info a.siren
    [ ! -s stderr.txt ] || fail "$FAULT: info: $(cat stderr.txt)"
    export FAULT=
}
crash='the OpenCL driver crashed (Aborted)'
opening=' while it was loaded and its devices were listed' building=' while it compiled kernels' running=' while it ran kernels'
for place in load platforms devices context; do told $place-abort "$crash$opening"; done
is_sanitized || told load-crash "crashed (Segmentation fault)$opening"
told devices-exit "ended the program (exit code 0)$opening"
told platforms-_exit "ended the program (exit code 3)$opening"
told build-_exit "ended the program (exit code 3)$building"
told build-killed "crashed (Killed)$building"
told build-abort "$crash$building"
told run-abort "$crash$running"
told read-exit "ended the program (exit code 0)$running"
told release-abort "$crash"
told platforms-fails 'no OpenCL platform was found'
told devices-fails 'none has a device'
told units-fails 'does not tell what it is: CL_OUT_OF_RESOURCES'
told context-fails 'creating a context failed'
told build-fails 'does not build'
told run-fails 'CL_OUT_OF_RESOURCES'
told read-fails 'CL_OUT_OF_RESOURCES'
told read-wrong 'decodes to other voxels'

# One that tells of no compute unit has at least one.
FAULT=units-none run "$sirencl" compress --layers 1 --width 16 --epochs 3 --device cpu p.nii none.siren
FAULT=units-none run "$sirencl" verify none.siren
[[ $(cat stdout.txt) != *"the host"* ]] || fail "no compute units: $(cat stdout.txt stderr.txt)"

# A driver that computes is slow and not hung, however few seconds one that sleeps has: it is waited for, and nothing is remembered.
for slow in "load 1.3" "build 3.3"; do
    rm -rf cache
    FAULT=${slow% *}-slow FAULT_SECONDS=${slow#* } SIRENCL_DRIVER_LIMIT=1 run "$sirencl" verify a.siren
    ! grep -q warning stderr.txt && [ -z "$(ls cache/sirencl/driver-* 2>/dev/null)" ] || fail "$slow: $(cat stderr.txt; ls cache/sirencl)"
    [[ $(cat stdout.txt) != *"the host"* ]] || fail "$slow: $(cat stdout.txt)"
done

# A driver that hangs is waited for once a day.
export SIRENCL_DRIVER_LIMIT=0.5
for fault in load-hang build-hang run-hang; do
    told $fault "the OpenCL driver hung"
    [ $fault != load-hang ] || told load-loop "the OpenCL driver hung"
done
rm -rf cache
FAULT=build-loop SIRENCL_DRIVER_LIMIT=0.2 run "$sirencl" verify a.siren
tells 'the OpenCL driver hung' cat stderr.txt || fail "$(cat stderr.txt)"
began=$SECONDS
FAULT=build-loop SIRENCL_DRIVER_LIMIT=100 run "$sirencl" verify a.siren
tells 'hung less than a day ago' cat stderr.txt || fail "not remembered: $(cat stderr.txt)"
[ $((SECONDS - began)) -lt 60 ] || fail "waited for a driver that is known to hang"
export SIRENCL_DRIVER_LIMIT=100
touch -d '2 days ago' cache/sirencl/driver-*.txt
FAULT= run "$sirencl" verify a.siren
! grep -q warning stderr.txt || fail "remembered for two days: $(cat stderr.txt)"

# What is beyond the last use of the device concerns nobody, and what a driver prints is no result.
FAULT=unload-abort run "$sirencl" verify a.siren
! grep -q warning stderr.txt || fail "unloading: $(cat stderr.txt)"
for place in load devices build read; do
    FAULT=$place-prints run "$sirencl" evaluate --json --no-diffusion --force p.nii a.siren -o judged
    "$python" -m json.tool stdout.txt >json.txt || fail "$place-prints: $(cat stdout.txt)"
    tells 'asked for this' cat stderr.txt || fail "$place-prints: not on standard error"
done
for fault in devices-abort run-abort read-wrong; do
    FAULT=$fault run "$sirencl" evaluate --no-diffusion --force p.nii a.siren -o judged
    tells 'decoding on the host' cat stderr.txt || fail "evaluate with $fault: $(cat stderr.txt)"
done
FAULT=devices-prints run "$sirencl" devices --json
"$python" -m json.tool stdout.txt >json.txt || fail "devices: $(cat stdout.txt)"

# A plan goes on without what it would train, but for a device by name, or where nothing else was asked for.
for fault in platforms-_exit context-fails build-abort run-abort run-fails; do
    rm -rf cache
    FAULT=$fault run "$sirencl" plan --psnr 30 p.nii
    tells 'networks are left out' grep warning stderr.txt && ! tells 'decoding' cat stderr.txt && tells '^transform ' cat stdout.txt && ! tells '^siren' cat stdout.txt ||
        fail "plan with $fault: $(cat stdout.txt stderr.txt)"
done
for asked in "--device cpu" "--model siren-2d"; do
    # shellcheck disable=SC2086
    expect 7 '--device host' env FAULT=build-abort "$sirencl" plan --psnr 30 $asked p.nii
done

# What needs a device ends in a sentence.
for fault in load-abort platforms-_exit devices-hang context-abort build-abort build-hang run-abort run-exit; do
    SIRENCL_DRIVER_LIMIT=100
    [[ $fault != *-hang ]] || SIRENCL_DRIVER_LIMIT=0.5
    rm -rf cache b.siren
    code=0
    FAULT=$fault "$sirencl" compress --layers 1 --width 16 --epochs 3 p.nii b.siren >stdout.txt 2>stderr.txt || code=$?
    [ $code = 7 ] && tells '^sirencl compress: the OpenCL driver .*--device.*--lossless and --model transform do without' tail -n 1 stderr.txt && [ ! -e b.siren ] ||
        fail "compress with $fault: exit code $code: $(cat stderr.txt)"
    case $fault in context* | build* | run*) continue ;; esac
    expect 7 'the OpenCL driver ' env FAULT=$fault "$sirencl" devices
done
SIRENCL_DRIVER_LIMIT=100
# Also where the driver has come through before.
run "$sirencl" compress --layers 1 --width 16 --epochs 3 p.nii b.siren
for fault in load-abort devices-crash run-abort; do
    code=0
    FAULT=$fault "$sirencl" compress --force --layers 1 --width 16 --epochs 3 p.nii b.siren >stdout.txt 2>stderr.txt || code=$?
    is_sanitized || { [ $code = 7 ] && tells '^sirencl compress: the OpenCL driver crashed' tail -n 1 stderr.txt; } ||
        fail "compress with $fault after all went well: exit code $code: $(cat stderr.txt)"
done

# One that fails beside one that works: the other one is used, for training, too, with a warning that names the first; found out once.
mkdir two
{ cat /etc/OpenCL/vendors/pocl.icd || echo libpocl.so.2; } >two/pocl.icd 2>/dev/null
echo "$built/libfaulty_driver.so" >two/faulty.icd
unset OCL_ICD_FILENAMES FAULT
export OCL_ICD_VENDORS=$folder/two
rm -rf cache b.siren
small=(compress --force --layers 1 --width 16 --epochs 3 --device cpu p.nii b.siren)
beside() { # FAULT PART: what the last command warned of
    [ "$(grep -c "warning: $folder/two/faulty.icd: the OpenCL driver .*$2.*left out" stderr.txt)" = 1 ] ||
        fail "$1 beside another driver: $(cat stderr.txt)"
}
for fault in load-abort platforms-_exit devices-exit load-hang; do
    [[ $fault != *-hang ]] || export SIRENCL_DRIVER_LIMIT=3
    rm -rf cache
    FAULT=$fault run "$sirencl" "${small[@]}"
    beside $fault '' && cmp a.siren b.siren || fail "$fault beside another driver: another archive"
    export SIRENCL_DRIVER_LIMIT=100 # nobody waits again
    FAULT=$fault run "$sirencl" verify b.siren
    beside $fault ''
    tells 'remembers it' cat stderr.txt || fail "$fault: not remembered: $(cat stderr.txt)"
    [[ $(cat stdout.txt) != *"the host"* ]] || fail "$fault beside another driver: $(cat stdout.txt)"
    FAULT=$fault run "$sirencl" devices
    beside $fault '' && tells PoCL cat stdout.txt || fail "$fault: devices: $(cat stdout.txt)"
done
rm -rf cache
FAULT=load-abort run "$sirencl" verify --device cpu b.siren
beside load-abort 'crashed'
FAULT=load-abort XDG_CACHE_HOME=/proc/nowhere run "$sirencl" "${small[@]}"
tells 'found out again' cat stderr.txt || fail "a choice that cannot be kept: $(cat stderr.txt)"
FAULT=load-abort HOME= XDG_CACHE_HOME= run "$sirencl" "${small[@]}"
beside load-abort ''
touch -d '2 days ago' cache/sirencl/driver-*.txt
run "$sirencl" devices
! grep -q warning stderr.txt || fail "a driver that works again: $(cat stderr.txt)"

# A driver that hangs is remembered where it was asked for by name, too, and where it cannot be remembered that is said.
export OCL_ICD_VENDORS=$folder/vendors SIRENCL_DRIVER_LIMIT=0.5
FAULT=load-hang run "$sirencl" verify b.siren
export SIRENCL_DRIVER_LIMIT=100
touch -d '1 hour' cache/sirencl/driver-*.txt # another machine's clock
expect 7 'remembers it; without that file' env FAULT=load-hang "$sirencl" verify --device cpu b.siren
FAULT=load-hang SIRENCL_DRIVER_LIMIT=0.5 XDG_CACHE_HOME=/proc/nowhere run "$sirencl" verify b.siren
tells 'SIRENCL_DEVICE=host decodes without' cat stderr.txt || fail "a verdict that cannot be kept: $(cat stderr.txt)"

# PoCL's own faults: kernels in its cache that are damaged; a cache that cannot be written, or has no room.
unset OCL_ICD_VENDORS OCL_ICD_FILENAMES FAULT SIRENCL_DRIVER_LIMIT
export POCL_CACHE_DIR=$folder/kernels
mkdir kernels
run "$sirencl" verify a.siren
find kernels -name '*.so' | while read -r kernel; do truncate -s 100 "$kernel"; done
run "$sirencl" verify a.siren
tells 'on the host' cat stdout.txt || fail "damaged kernels: $(cat stdout.txt stderr.txt)"
expect 7 '--device host' bash -c '"$1" verify --device cpu a.siren 2>&1 >stdout.txt | grep "^sirencl" >&2; exit "${PIPESTATUS[0]}"' bash "$sirencl"
rm -rf kernels && mkdir kernels
(
    ulimit -f 20
    run "$sirencl" decompress --force a.siren restored.nii
    tells 'warning: .*does not build' cat stderr.txt || fail "a full cache: $(cat stderr.txt)"
) || exit 1
cmp host.nii restored.nii || fail "a full cache: other voxels"
POCL_CACHE_DIR=/proc/nowhere run "$sirencl" verify a.siren
tells 'on the host' cat stdout.txt || fail "a cache that cannot be written: $(cat stdout.txt stderr.txt)"

# The child is no longer there than the command, and gets its signals.
"$sirencl" verify --device cpu a.siren >stdout.txt 2>stderr.txt || fail "verify"
FAULT=run-hang OCL_ICD_VENDORS=$folder/vendors SIRENCL_DRIVER_LIMIT=100 "$sirencl" verify a.siren >stdout.txt 2>stderr.txt &
for _ in $(seq 600); do
    child=$(pgrep -P $! || true)
    [ -z "$child" ] || break
    sleep 0.01
done
sleep 0.5
kill -TERM $!
ends_with 130
! kill -0 "$child" 2>/dev/null || fail "the child goes on"
FAULT=run-hang OCL_ICD_VENDORS=$folder/vendors SIRENCL_DRIVER_LIMIT=100 "$sirencl" verify a.siren >stdout.txt 2>stderr.txt &
for _ in $(seq 600); do
    child=$(pgrep -P $! || true)
    [ -z "$child" ] || break
    sleep 0.01
done
sleep 0.3
kill -KILL $!
ends_with 137
for _ in $(seq 100); do
    kill -0 "$child" 2>/dev/null || break
    sleep 0.05
done
! kill -0 "$child" 2>/dev/null || fail "the child goes on after SIGKILL"
echo "all checks passed"
