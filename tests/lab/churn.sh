#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# churn.sh - a hundred guests come, go and lose their supervisors for half an
# hour, and nothing of them stays
# lab: ours
# mem: 4608
# long
. "$(dirname "$0")/lib.sh"

GUESTS=${CHURN_GUESTS:-100}
MINUTES=${CHURN_MINUTES:-30}

# What a guest could leave behind, a line each.
facts() {
    dom0_sh '
        sync; echo 3 >/proc/sys/vm/drop_caches
        echo "domains $(xl list | wc -l)"
        echo "nodes $(xenstore-ls -f | wc -l)"
        echo "xenstored-fds $(ls /proc/$(pgrep -x xenstored)/fd | wc -l)"
        echo "supervisors $(pgrep -cx freehold)"
        echo "names $(ls /run/freehold 2>/dev/null | wc -l)"
        echo "processes $(ps -e --ppid 2 -p 2 --deselect -o comm= | grep -cvx ps)"'
}
xen_free_mib() { dom0_sh "xl info free_memory"; }
dom0_used_mib() {
    dom0_sh "awk '/^MemTotal|^MemAvailable/ { v[NR] = \$2; n++ }
        n == 2 { print int((v[1] - v[3]) / 1024); exit }' /proc/meminfo"
}

dom0_sh 'mkdir -p /root/churn && cat >/root/churn/run' <<'RUN'
#!/bin/bash
# run GUESTS SECONDS: prints what went wrong, then counts
guests=$1 end=$((SECONDS + $2)) RANDOM=1
cd /root/churn || exit 1
wrong() { echo "wrong: $*"; }
create() {
    cat >$1.cfg <<CFG
name = "$1"
type = "pvh"
kernel = "/freehold/guest/tiny.elf"
cmdline = "spin"
memory = 16
vcpus = 1
on_reboot = "restart"
CFG
    freehold create $1.cfg && freehold pause $1 || wrong "create $1"
}
pid_of() { freehold --json info "$1" | sed -n 's/.*"supervisor_pid": *\([0-9]*\).*/\1/p'; }
adopt() {
    local before after
    before=$(freehold domid "$1")
    kill -9 "$(pid_of "$1")"
    setsid freehold run "$1" >"$1.run" 2>&1 </dev/null &
    disown
    timeout 30 freehold events -u running "$1" >/dev/null || wrong "adopt $1: $(cat "$1.run")"
    after=$(freehold domid "$1")
    [ "$before" = "$after" ] || wrong "adopt $1: domain $before, then $after"
}
for i in $(seq "$guests"); do create g$i; done
declare -A did
while [ $SECONDS -lt $end ]; do
    g=g$((RANDOM % guests + 1))
    case $((RANDOM % 6)) in
    0 | 1) what=anew; freehold destroy $g || wrong "destroy $g"; create $g ;;
    2) what=adopted; adopt $g ;;
    3) what=reloaded; freehold reload $g || wrong "reload $g" ;;
    4) what=looked; freehold info $g >/dev/null || wrong "info $g" ;;
    5) what=resumed; freehold unpause $g && freehold pause $g || wrong "unpause $g" ;;
    esac
    did[$what]=$((${did[$what]:-0} + 1))
done
for i in $(seq "$guests"); do freehold destroy g$i || wrong "destroy g$i"; done
for what in "${!did[@]}"; do echo "did: $what ${did[$what]}"; done
RUN

# The first round fills caches and pools that stay; the second must not.
dom0 bash /root/churn/run 10 20 >/dev/null
before=$(facts)
free_before=$(xen_free_mib) used_before=$(dom0_used_mib)
out=$(dom0 bash /root/churn/run "$GUESTS" $((MINUTES * 60)) 2>&1)
if [ -n "$out" ] && ! grep -v '^did:' <<<"$out" | grep -q .; then
    pass "$GUESTS guests, $MINUTES minutes: nothing went wrong"
else
    fail "$GUESTS guests, $MINUTES minutes: nothing went wrong" "$out"
fi
sed -n 's/^did: /     | /p' <<<"$out"
after=$(facts)
if [ "$before" = "$after" ]; then
    pass "no domain, node, descriptor, name or process is left"
else
    fail "no domain, node, descriptor, name or process is left" \
        "$(diff <(echo "$before") <(echo "$after"))"
fi
free_after=$(xen_free_mib) used_after=$(dom0_used_mib)
if [ $((free_before - free_after)) -le 2 ]; then
    pass "Xen has its memory back"
else
    fail "Xen has its memory back" "free before $free_before, after $free_after MiB"
fi
if [ $((used_after - used_before)) -le 32 ]; then
    pass "dom0 has its memory back"
else
    fail "dom0 has its memory back" "used before $used_before, after $used_after MiB"
fi
exit 0
