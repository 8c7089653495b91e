#!/usr/bin/env bash
# What it costs to sample N containers once a second: runner, netdata and `docker stats`, one after
# the other, on the same containers. CPU time is the kernel's account in /proc, so that a busy machine
# changes it little. docs/cost.md tells the method and has figures.
#
# usage: run.sh [-n CONTAINERS] [-s SECONDS] [-i INTERVAL] [-b BRIDGE|none] [-w WAKES]
#               [-t TOOLS] [-r RUNNER]
#
#   -n  containers (80)             -s  seconds that are measured of each tool (60)
#   -i  the runner's interval (1s)  -b  the containers' network (none; bridge: an interface each)
#   -w  how often a second a container's process wakes and touches its memory (0: it only sleeps)
#   -t  of idle,floor,runner,all,netdata,docker (all); "all" is the runner with every source, "floor" a
#       program that reads CPU time, memory and memory.stat of each container and does nothing with them
#   -r  the program (target/release/runner)
#
# NETDATA names netdata's program (netdata), NETDATA_LIB a folder of its libraries and NETDATA_PLUGINS
# one with its plugins, for a package that was only unpacked. KEEP=FOLDER keeps the runs' folders.
# Needs docker, gcc with a static libc, curl, awk, and the right to read what the runner reads.
set -euo pipefail

count=80 seconds=60 interval=1s network=none wakes=0 tools=idle,floor,runner,all,netdata,docker
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
runner=$here/../../target/release/runner
while getopts n:s:i:b:w:t:r: option; do
    case $option in
    n) count=$OPTARG ;; s) seconds=$OPTARG ;; i) interval=$OPTARG ;; b) network=$OPTARG ;;
    w) wakes=$OPTARG ;;
    t) tools=$OPTARG ;; r) runner=$OPTARG ;; *) exit 2 ;;
    esac
done
runner=$(realpath "$runner")
mark=side-by-side-$$
image=$mark:latest
work=$(mktemp -d)
warm=15 # Seconds that a tool runs before it is measured.
started=()

cleanup() {
    trap - EXIT INT TERM
    for pid in "${started[@]}"; do kill "$pid" 2>/dev/null || true; done
    docker ps -aq --filter "label=side-by-side=$mark" | xargs -r -n 50 docker rm -f >/dev/null 2>&1 || true
    docker rmi -f "$image" >/dev/null 2>&1 || true
    if [ -n "${KEEP:-}" ]; then mkdir -p "$KEEP" && cp -r "$work"/run-* "$KEEP" 2>/dev/null || true; fi
    rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

# ---------------------------------------------------------------- accounting

# A process and all below it.
tree() {
    local pid
    for pid in "$@"; do
        echo "$pid"
        # shellcheck disable=SC2046
        tree $(cat /proc/"$pid"/task/*/children 2>/dev/null)
    done
}

# CPU milliseconds of processes so far, their threads that ended included (proc_pid_stat(5)).
cpu_ms() {
    local pid
    for pid in "$@"; do cat "/proc/$pid/stat" 2>/dev/null || true; done |
        sed 's/^.*) //' | awk -v hz="$(getconf CLK_TCK)" '{ s += $12 + $13 } END { printf "%.0f", 1000 * s / hz }'
}

# CPU milliseconds of the threads with one of these names, to the nanosecond as the scheduler says.
threads_ms() {
    local pid=$1 names=$2 task
    for task in /proc/"$pid"/task/*; do
        if grep -qxE "$names" "$task/comm" 2>/dev/null; then cat "$task/schedstat"; fi
    done | awk '{ s += $1 } END { printf "%.1f", s / 1e6 }'
}

rss_mb() {
    local pid
    for pid in "$@"; do grep VmRSS "/proc/$pid/status" 2>/dev/null || true; done |
        awk '{ s += $2 } END { printf "%.1f", s / 1024 }'
}

# The engine: its daemon, containerd and every shim.
engine() { pgrep -x 'dockerd|containerd|containerd-shim.*' || true; }

# Samples a second that an interval of the runner's means.
rate() {
    case $1 in
    *ms) awk -v i="${1%ms}" 'BEGIN { print 1000 / i }' ;;
    *) awk -v i="${1%s}" 'BEGIN { print 1 / i }' ;;
    esac
}

declare -A cpu
row() { # name, CPU ms, engine's CPU ms, RSS in MB, remark
    awk -v n="$1" -v own="$2" -v engine="$3" -v rss="$4" -v s="$seconds" -v what="$5" \
        -v c="$(awk -v c="$count" -v r="${per_second:-1}" 'BEGIN { print c * r }')" 'BEGIN {
        printf "%-24s %9.0f %9.0f %8.2f %10.1f %10.1f %8s  %s\n", n, own, engine, (own + engine) / s / 10,
            1000 * own / (c * s), 1000 * (own + engine) / (c * s), rss, what }'
}

# Runs for the measured time: what these processes and the engine use meanwhile.
measure() {
    local own engine_pids
    sleep "$warm"
    mapfile -t own < <([ $# -gt 0 ] && tree "$@")
    mapfile -t engine_pids < <(engine)
    cpu[own]=$(cpu_ms "${own[@]}") cpu[engine]=$(cpu_ms "${engine_pids[@]}")
    cpu[threads]=$([ -n "${threads:-}" ] && threads_ms "$1" "$threads" || echo 0)
    sleep "$seconds"
    mapfile -t own < <([ $# -gt 0 ] && tree "$@")
    cpu[own]=$(($(cpu_ms "${own[@]}") - cpu[own])) cpu[engine]=$(($(cpu_ms "${engine_pids[@]}") - cpu[engine]))
    if [ -n "${threads:-}" ]; then
        cpu[threads]=$(awk -v a="${cpu[threads]}" -v b="$(threads_ms "$1" "$threads")" 'BEGIN { print b - a }')
    fi
    cpu[rss]=$(rss_mb "${own[@]}")
}

# ---------------------------------------------------------------- the containers

start_containers() {
    gcc -Os -static -o "$work/pause" "$here/pause.c"
    tar -C "$work" -c pause | docker import --change 'ENTRYPOINT ["/pause"]' - "$image" >/dev/null
    seq "$count" | xargs -P 4 -I{} docker run -d --name "$mark-{}" --network "$network" --memory 16m \
        --label "side-by-side=$mark" --label "com.docker.compose.project=$mark" \
        --label com.docker.compose.service=s{} "$image" "$wakes" >/dev/null
    local run
    run=$(docker ps -q --filter "label=side-by-side=$mark" | wc -l)
    [ "$run" = "$count" ] || { echo "only $run of $count containers run" >&2; exit 1; }
}

# ---------------------------------------------------------------- the tools

idle() {
    warm=1 measure
    row "engine alone" 0 "${cpu[engine]}" - ""
}

# The three files that are read of every container at every tick.
files_of() {
    local pid memory cpu
    docker ps -q --filter "label=side-by-side=$mark" | xargs docker inspect -f '{{.State.Pid}}' | while read -r pid; do
        memory=$(sed -nE 's/^[0-9]+:([a-z_=,]*,)?memory(,[a-z_=,]*)?://p' "/proc/$pid/cgroup")
        cpu=$(sed -nE 's/^[0-9]+:([a-z_=,]*,)?cpuacct(,[a-z_=,]*)?://p' "/proc/$pid/cgroup")
        if [ -n "$memory" ]; then
            printf '%s\n' "/sys/fs/cgroup/cpuacct$cpu/cpuacct.usage" "/sys/fs/cgroup/memory$memory"/memory.{usage_in_bytes,stat}
        else
            printf '%s\n' "/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$pid/cgroup")"/{cpu.stat,memory.current,memory.stat}
        fi
    done
}

floor() {
    gcc -O2 -o "$work/floor" "$here/floor.c"
    files_of >"$work/files"
    "$work/floor" <"$work/files" &
    local pid=$!
    started+=("$pid")
    # To the nanosecond: it uses little.
    threads=floor measure "$pid"
    row "floor" "${cpu[threads]}" "${cpu[engine]}" "${cpu[rss]}" "$(wc -l <"$work/files") files"
    kill "$pid" && wait "$pid" 2>/dev/null || true
}

# $1: name; $2: what [sources] says.
run_runner() {
    local folder=$work/run-$1
    mkdir -p "$folder"
    cat >"$folder/runner.toml" <<TOML
project = "$mark"
scenarios = ["watch"]
[stack]
kind = "attach"
project = "$mark"
[sources]
$2
[[scenario]]
name = "watch"
[[scenario.phase]]
name = "active"
interval = "$interval"
until = { after = "$((warm + seconds + 10))s" }
TOML
    (cd "$folder" && exec "$runner" run >"$folder/out" 2>&1) &
    local pid=$!
    started+=("$pid")
    measure "$pid"
    wait "$pid" || true
    local journal
    journal=$(find "$folder" -name samples.jsonl | head -1)
    [ -n "$journal" ] || { cat "$folder/out" >&2; exit 1; }
    local ticks late skipped samples
    ticks=$(grep -vc '"priming":true' "$journal") late=$(grep -c '"late_s":' "$journal" || true)
    skipped=$(cat "$(dirname "$journal")"/events.jsonl | grep -c 'ticks were skipped' || true)
    samples=$(grep -v '"priming":true' "$journal" | tail -1 | grep -oE "\[\"$mark-[0-9]+\",[0-9]+,\[0" | wc -l || true)
    per_second=$(rate "$interval") row "$1" "${cpu[own]}" "${cpu[engine]}" "${cpu[rss]}" \
        "$samples containers, $ticks ticks, $late late, $skipped skipped; $(own_words "$journal")"
}

# What the run folder says: microseconds of CPU a container-sample, between its first and last tick.
own_words() {
    grep -v '"priming":true' "$1" |
        sed -E 's/.*"runner":\{"runner_cpu_ns":([0-9.]+).*"runner_rss_bytes":([0-9]+).*/\1 \2/' |
        awk -v c="$count" 'NR == 1 { first = $1 } { last = $1; rss = $2; ticks = NR }
            END { printf "run folder: %.1f us a sample, %.1f MB", (last - first) / 1000 / c / (ticks - 1), rss / 1e6 }'
}

run_netdata() {
    local port=$((20000 + RANDOM % 20000)) folder=$work/netdata plugins=${NETDATA_PLUGINS:-/usr/lib/netdata/plugins.d}
    command -v "${NETDATA:-netdata}" >/dev/null || { echo "netdata is not here: left out" >&2; return; }
    mkdir -p "$folder"/{cache,lib/cloud.d,log,conf,home}
    printf '[global]\n enabled = no\n' >"$folder/lib/cloud.d/cloud.conf"
    printf '[stream]\n enabled = no\n' >"$folder/conf/stream.conf"
    touch "$folder/conf/.opt-out-from-anonymous-statistics"
    local off=(proc diskspace tc idlejitter timex statsd apps perf slabinfo nfacct freeipmi ioping ebpf
        python.d charts.d go.d node.d xenstat cups fping checks profile "netdata monitoring"
        "netdata monitoring extended" "enable running new plugins")
    # Names are not asked of the engine: identifiers do.
    printf '#!/bin/sh\nprintf "%%s" "$2"\n' >"$folder/name.sh"
    chmod +x "$folder/name.sh"
    {
        printf '[global]\n run as user = %s\n[directories]\n' "$(id -un)"
        printf ' config = %s\n stock config = %s\n cache = %s\n lib = %s\n log = %s\n home = %s\n web = %s\n plugins = "%s"\n' \
            "$folder"/{conf,conf,cache,lib,log,home,home} "$plugins"
        printf '[db]\n mode = ram\n update every = 1\n retention = 600\n'
        printf '[web]\n bind to = 127.0.0.1:%s\n web server threads = 1\n' "$port"
        printf '[health]\n enabled = no\n[ml]\n enabled = no\n[registry]\n enabled = no\n'
        # It would take a version 2 file system without controllers for the real one.
        printf '[plugin:cgroups]\n use unified cgroups = %s\n' \
            "$([ -e /sys/fs/cgroup/cgroup.controllers ] && echo yes || echo no)"
        printf ' script to get cgroup names = %s\n max cgroups to allow = 2000\n' "$folder/name.sh"
        printf '[plugins]\n cgroups = yes\n'
        printf ' %s = no\n' "${off[@]}"
    } >"$folder/conf/netdata.conf"
    LD_LIBRARY_PATH=${NETDATA_LIB:-} "${NETDATA:-netdata}" -D -P "$folder/pid" -c "$folder/conf/netdata.conf" >"$folder/out" 2>&1 &
    local pid=$!
    started+=("$pid")
    # It looks for new groups every ten seconds.
    threads='PLUGIN\[cgroups\]?|CGDISC.*|PLUGIN\[CGDISC.*' warm=30 measure "$pid"
    local seen
    seen=$(curl -s "http://127.0.0.1:$port/api/v1/charts" | grep -oE '"id": *"cgroup_docker_[0-9a-f]+\.mem_usage"' | sort -u | wc -l || true)
    [ -z "${SHOW_THREADS:-}" ] || head -v /proc/"$pid"/task/*/comm >&2
    row "netdata, whole" "${cpu[own]}" "${cpu[engine]}" "${cpu[rss]}" "$seen groups charted"
    row "netdata, cgroup threads" "${cpu[threads]}" "${cpu[engine]}" "${cpu[rss]}" ""
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
}

run_docker_stats() {
    docker ps --format '{{.Names}}' --filter "label=side-by-side=$mark" >"$work/names"
    # shellcheck disable=SC2046
    docker stats $(cat "$work/names") >"$work/stats" &
    local pid=$!
    started+=("$pid")
    measure "$pid"
    row "docker stats" "${cpu[own]}" "${cpu[engine]}" "${cpu[rss]}" ""
    # Some of its versions stay at a SIGTERM.
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
}

echo "$count containers (network $network, $wakes wakes a second), $seconds s each, runner's interval $interval; $(nproc) cores, Linux $(uname -r)"
start_containers
printf '%-24s %9s %9s %8s %10s %10s %8s  %s\n' tool 'own ms' 'engine ms' '% core' 'us/c*s own' 'us/c*s all' 'RSS MB' remark
for tool in ${tools//,/ }; do
    case $tool in
    idle) idle ;;
    floor) floor ;;
    runner) run_runner runner-cgroup 'only = ["cgroup"]' ;;
    all) run_runner runner-all '' ;;
    netdata) run_netdata ;;
    docker) run_docker_stats ;;
    *) echo "no tool $tool" >&2; exit 2 ;;
    esac
done
