# A sweep as a Slurm array (tools/slurm/sweep.sbatch) on two nodes, real daemons on this machine: tasks are requeued, told of their
# time limit, killed and requeued, and a node dies; the run is that of one process, byte for byte.
source "$(dirname "$0")/../common.sh"
needs slurmctld slurmd munged sbatch scontrol python3
sweep() { run "$sirencl" sweep --quiet --device cpu "$@"; }
script=$root/tools/slurm/sweep.sbatch

# ---- the script, without a cluster ----
cat >echo.sh <<'SH'
#!/bin/sh
echo "$@"
SH
chmod +x echo.sh
array() { SIRENCL=$PWD/echo.sh SLURM_ARRAY_TASK_ID=3 SLURM_ARRAY_TASK_MIN=$1 SLURM_ARRAY_TASK_MAX=$2 SLURM_ARRAY_TASK_COUNT=$3 bash "$script" x.json 'my run' --device gpu; }
[ "$(array 1 8 8)" = "sweep x.json -o my run --part 3/8 --device gpu" ] || fail "an array: $(array 1 8 8)"
[ "$(PARTS=9 array 3 5 2)" = "sweep x.json -o my run --part 3/9 --device gpu" ] || fail "a part of an array"
[ "$(SIRENCL=$PWD/echo.sh bash "$script" x.json run)" = "sweep x.json -o run --finish" ] || fail "no array"
expect 2 'say by PARTS=N how many parts' array 3 5 2
expect 2 'usage: sbatch' bash "$script" x.json

# A data set: every image once, bad ones told and left out, what is there kept.
compress() { SIRENCL=$sirencl SLURM_ARRAY_TASK_ID=$1 SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_MAX=3 SLURM_ARRAY_TASK_COUNT=3 bash "$root/tools/slurm/compress.sbatch" "${@:2}"; }
mkdir 'in'
for i in 1 2 3 4 5 6 7; do phantom --dims 8x8x3 --shells 0:1,1000:2 --seed $i "in/sub $i.nii.gz"; done
echo bad >'in/sub 8.nii.gz'
for i in 1 2 3 4 5 6 7 8; do echo "in/sub $i.nii.gz"; done >list
run compress 1 list out --lossless
run compress 3 list out --lossless
expect 8 'compress.sbatch: failed: in/sub 8.nii.gz' compress 2 list out --lossless
[ "$(ls out | wc -l)" = 7 ] || fail "7 archives expected: $(ls out)"
before=$(stat -c %Y.%Z out/*)
run compress 1 list out --lossless
[ "$before" = "$(stat -c %Y.%Z out/*)" ] || fail "what is there was made again"
run "$sirencl" verify --quiet --device host out/*
printf '%s\n' a/x.nii b/x.nii.gz >list
expect 2 'has several images named x' compress 1 list out --lossless

# ---- the cluster ----
# Daemons leave our session: each has a file with its number. Slurm's own processes of a job end with it.
stop() {
    local file pid
    for file in "$folder"/slurm/*.pid; do
        pid=$(cat "$file" 2>/dev/null) || continue
        kill "$pid" 2>/dev/null || true
    done
    for file in $(seq 100); do
        ls "$folder"/slurm/*.pid >/dev/null 2>&1 || break
        sleep 0.05
    done
    for file in "$folder"/slurm/*.pid; do
        pid=$(cat "$file" 2>/dev/null) || continue
        kill -KILL "$pid" 2>/dev/null || true
    done
}
trap 'stop; rm -rf "$folder"' EXIT
test_pid=$$
(   # a test that is killed has no trap
    trap '' INT TERM
    while kill -0 $test_pid 2>/dev/null; do sleep 1; done
    [ ! -d "$folder" ] || { stop; rm -rf "$folder"; }
) </dev/null >/dev/null 2>&1 &
mkdir -p slurm/state slurm/spool
chmod 755 "$folder" slurm
port=$(python3 - <<'PY'
import socket
held = []
for base in range(21000, 31000, 7):
    try:
        for port in range(base, base + 3):
            held.append(socket.socket())
            held[-1].bind(("", port))
        print(base)
        break
    except OSError:
        held.clear()
PY
)
[ -n "$port" ] || skip "no ports are free"
host=$(hostname -s)
cat >slurm/slurm.conf <<CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
AuthType=auth/munge
AuthInfo=socket=$folder/slurm/munge.socket
CredType=cred/munge
StateSaveLocation=$folder/slurm/state
SlurmdSpoolDir=$folder/slurm/spool/%n
SlurmctldPidFile=$folder/slurm/slurmctld.pid
SlurmdPidFile=$folder/slurm/slurmd-%n.pid
SlurmctldLogFile=$folder/slurm/slurmctld.log
SlurmdLogFile=$folder/slurm/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
ReturnToService=2
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
KillWait=2
SchedulerParameters=batch_sched_delay=0,sched_min_interval=50000
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 1)) CPUs=1
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=$((port + 2)) CPUs=1
PartitionName=all Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP
CONF
export SLURM_CONF=$folder/slurm/slurm.conf
(umask 077; head -c 1024 /dev/urandom >slurm/key)
munged --force --key-file="$folder/slurm/key" --socket="$folder/slurm/munge.socket" --pid-file="$folder/slurm/munged.pid" \
    --log-file="$folder/slurm/munged.log" --seed-file="$folder/slurm/seed" >start.txt 2>&1 || skip "munged does not start: $(head -1 start.txt)"
slurmctld -c >start.txt 2>&1 || skip "slurmctld does not start: $(head -1 start.txt)"
for node in n1 n2; do slurmd -N $node >start.txt 2>&1 || skip "slurmd does not start: $(head -1 start.txt)"; done
for try in $(seq 100); do
    [ "$(sinfo -h -o %D -t idle 2>/dev/null)" != 2 ] || break
    sleep 0.1
done
[ "$(sinfo -h -o %D -t idle)" = 2 ] || skip "Slurm's nodes do not come up: $(sinfo -h 2>&1 | head -1)"

# ---- an array of 8 ----
cat >some.json <<'JSON'
{
  "name": "some",
  "input": {"phantom": {"dims": [24, 20, 8], "shells": [[0, 1], [1000, 7]], "snr": 30, "seed": 3}},
  "grid": [
    {"model": "siren-2d", "layers": 2, "width": [16, 32], "weights": ["int8", "float32"]},
    {"model": "siren-3d", "layers": 2, "width": 16}
  ],
  "epochs": 1000,
  "log_interval": 100,
  "outputs": {"restored": true},
  "baselines": [{"method": "jpeg2000", "match": "trials"}],
  "evaluate": {"tissues": true, "diffusion": false}
}
JSON
sweep some.json -o whole
# The program; of parts 1 to 6 it stands still in the middle of its first attempt, until its fate has come.
cat >slow.sh <<SH
#!/bin/bash
[[ "\$*" =~ --part\ ([1-6])/8 ]] && part=\${BASH_REMATCH[1]} && mkdir "tried-\$part" 2>/dev/null &&
    (for try in {1..2000}; do [ ! -e "run/parts/\$part-of-8.json" ] || { sleep 0.05; kill -STOP \$\$; exit; }; sleep 0.01; done) >/dev/null 2>&1 &
exec "$sirencl" "\$@"
SH
chmod +x slow.sh
export SIRENCL=$PWD/slow.sh
job=$(sbatch --parsable --output=task-%a.txt --array=1-8 "$script" some.json run --device cpu)
claim() { ls run/claims/part-"$1"-of-8.* 2>/dev/null | tail -1; } # I: its claim's last generation
holder() { sed -n 's/^+\([0-9]*\) .*/\1/p' "$(claim "$1")" 2>/dev/null; }
state() { squeue -h -r -j "${job}_$1" -o %T 2>/dev/null || true; }
now() { scontrol update JobId="${job}_$1" StartTime=now 2>/dev/null || true; } # a requeued task would wait for two minutes
requeue() { scontrol requeue "${job}_$1" 2>/dev/null; }
script_of() { ps -o ppid= -p "$(holder "$1")" | tr -d ' '; }
near_its_limit() { # as slurmstepd does it: it stops, and asks to be requeued; what is about to stand still must go on as well
    local pid try
    pid=$(holder "$1")
    kill -USR1 "$(script_of "$1")" || return 1
    for try in $(seq 400); do kill -CONT "$pid" 2>/dev/null || break; sleep 0.05; done
}
fail_and_requeue() {
    local try
    kill -KILL "$(holder "$1")" 2>/dev/null || return 1
    for try in $(seq 200); do [ "$(state "$1")" = RUNNING ] || break; sleep 0.05; done
    scontrol requeue "${job}_$1"
}
lose_node() { # with all that runs there; once Slurm has it down, Slurm itself requeues; it comes back
    local node task script_pid stepd
    node=$(squeue -h -r -j "${job}_$1" -o %N)
    task=$(holder "$1")
    [ -n "$node" ] && script_pid=$(script_of "$1") && stepd=$(ps -o ppid= -p "$script_pid" | tr -d ' ') || return 1
    [[ $(ps -o comm= -p "$stepd") == slurmstepd* ]] || return 1
    kill -KILL "$(cat "slurm/slurmd-$node.pid")" "$stepd" "$script_pid" "$task"
    rm -f "slurm/slurmd-$node.pid"
    scontrol update NodeName="$node" State=DOWN Reason=lost
    slurmd -N "$node"
    scontrol update NodeName="$node" State=RESUME 2>/dev/null || true # it may be up by itself
}
fates=(requeue fail_and_requeue near_its_limit lose_node requeue fail_and_requeue)
killed=0
caught=' '
for try in $(seq 1200); do
    [ $killed -lt ${#fates[@]} ] && [ -n "$(squeue -h -o %i)" ] || break
    for i in $(seq 8); do
        [[ $caught != *" $i "* ]] && [ $killed -lt ${#fates[@]} ] && [ -e "run/parts/$i-of-8.json" ] && [ -n "$(holder "$i")" ] || continue
        caught+="$i "
        ! ${fates[killed]} "$i" || killed=$((killed + 1))
        now "$i"
    done
    sleep 0.05
done
[ "$killed" -ge 4 ] || fail "only $killed tasks were caught at work"
finish=$(sbatch --parsable --output=finish.txt --dependency=afterany:"$job" "$script" some.json run --device cpu)
for try in $(seq 1200); do
    [ -n "$(squeue -h -o %i)" ] || break
    for i in $caught; do now "$i"; done
    for i in $(seq 8); do kill -CONT "$(holder "$i")" 2>/dev/null || true; done # whom no fate has met
    sleep 0.2
done
[ -z "$(squeue -h -o %i)" ] || fail "jobs do not end: $(squeue; tail -n 3 task-*.txt)"
grep -q '^run: 1[0-9] trials' finish.txt || fail "finishing: $(cat finish.txt; tail -n 3 task-*.txt)"
same_run whole run
checked run
echo "ok: $killed of 8 tasks were killed"
