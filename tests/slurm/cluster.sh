# shellcheck shell=sh disable=SC2154 # `folder` is set by who reads this
# A cluster of one node on loopback, by Slurm's own daemons, in a folder of its own: to be read by a shell that has set
# `folder`. Nothing outside of that folder is read or written but the daemons' programs, and any user may start it.
# Debian: slurm-wlm munge.

# A TCP port that nobody listens on; two calls may give the same one.
free_port() {
    port=$((20000 + $(od -An -N2 -tu2 /dev/urandom) % 10000))
    while grep -qi ":$(printf %04X $port) " /proc/net/tcp /proc/net/tcp6 2> /dev/null; do port=$((port + 1)); done
    echo $port
}

# Programs in sbin are not on everybody's PATH.
need_slurm() {
    PATH=$PATH:/usr/sbin:/sbin
    for program in munged slurmctld slurmd sbatch squeue scontrol scancel; do
        command -v $program > /dev/null || {
            echo "test-slurm: $program is needed (Debian: apt-get install slurm-wlm munge)" >&2
            exit 1
        }
    done
}

write_slurm_conf() {
    host=$(hostname -s) user=$(id -un)
    controller=$(free_port) node=$(free_port)
    while [ "$node" = "$controller" ]; do node=$(free_port); done
    cat > "$folder/slurm.conf" << CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$controller
SlurmdPort=$node
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$folder/munge/socket
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_min_interval=100000,bf_interval=1
MaxArraySize=$1
ReturnToService=2
BatchStartTimeout=300
MessageTimeout=60
MinJobAge=36000
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=main Nodes=$host Default=YES State=UP
PartitionName=other Nodes=$host State=UP
CONF
    SLURM_CONF=$folder/slurm.conf
    export SLURM_CONF
}

start_munge() {
    mkdir -m 700 "$folder/munge"
    head -c 1024 /dev/urandom > "$folder/munge/key"
    chmod 400 "$folder/munge/key"
    munged --force --key-file="$folder/munge/key" --socket="$folder/munge/socket" --pid-file="$folder/munge/pid" \
        --log-file="$folder/munge/log" --seed-file="$folder/munge/seed" --num-threads=2
}

# start_cluster MAX_ARRAY_SIZE
start_cluster() {
    mkdir "$folder/state" "$folder/spool"
    write_slurm_conf "$1"
    start_munge
    slurmctld > "$folder/slurmctld.out" 2>&1
    slurmd > "$folder/slurmd.out" 2>&1
    for _ in $(seq 100); do
        sinfo -h -o %T 2> /dev/null | grep -q idle && return
        sleep 0.2
    done
    echo "test-slurm: the cluster did not start:" >&2
    tail "$folder"/*.out "$folder"/*.log >&2
    return 1
}

# Waits until nothing is in the queue, some minutes at most: Slurm lets a job that it starts again wait for two.
wait_for_queue() {
    for _ in $(seq 1200); do
        [ -n "$(squeue --noheader)" ] || return 0
        sleep 0.25
    done
    echo "test-slurm: jobs are still in the queue:" >&2
    squeue >&2
    tail -n 40 "$folder/slurmctld.log" "$folder/slurmd.log" >&2
    return 1
}

# Ends the jobs, and then the daemons, by their own files of process ids.
stop_cluster() {
    if [ -f "$folder/slurmctld.pid" ]; then
        scancel --quiet --user="$(id -un)"
        wait_for_queue
    fi
    for file in slurmd.pid slurmctld.pid munge/pid; do
        [ -f "$folder/$file" ] || continue
        pid=$(cat "$folder/$file")
        kill "$pid" 2> /dev/null
        for _ in $(seq 100); do
            kill -0 "$pid" 2> /dev/null || break
            sleep 0.1
        done
        kill -9 "$pid" 2> /dev/null
    done
    true
}
