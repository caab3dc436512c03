#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# blk-soak.sh - disks come and go by the hundred, backends are killed by the
# dozen, under fio with verify: no error in the guest, nothing left in dom0
# lab: ours
# long
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/guest.sh"
. "$(dirname "$0")/disk.sh"
. "$(dirname "$0")/diskkill.sh"

CYCLES=${SOAK_CYCLES:-200} # attach, write, detach
KILLS=${SOAK_KILLS:-50}
DISKS='xvda xvdb xvdc' # in turn: more than 10 deaths a minute are too many

disk_tools
kill_tools
for d in $DISKS; do disk_file "$d.img" 16 >/dev/null; done
file=$(disk_file plug.img 16)
dom0 qemu-img create -q -f qcow2 /root/disks/plug.qcow2 16M
check "a guest is up" guest_up freehold soak "disk = [
    $(disk_spec xvda w raw /root/disks/xvda.img),
    $(disk_spec xvdb w raw /root/disks/xvdb.img),
    $(disk_spec xvdc w raw /root/disks/xvdc.img)]" || exit 0
domid=$(dom0 freehold domid soak)

dom0_sh 'cat >/root/guest/soak' <<'RUN'
#!/bin/bash
# soak CYCLES KILLS FILE DISK...: says what went wrong, then what was done
cycles=$1 kills=$2 file=$3 disks=("${@:4}") killed=0
wrong() { echo "wrong: $*"; }
for ((i = 0; i < cycles; i++)); do
    while [ $((killed * cycles)) -lt $(((i + 1) * kills)) ]; do
        d=${disks[killed % ${#disks[@]}]}
        timeout 120 /root/guest/kill each soak "$d" 1 || wrong "kill $d"
        killed=$((killed + 1))
    done
    spec=format=raw,vdev=xvde,access=w,target=$file
    [ $((i % 5)) = 4 ] &&
        spec=format=qcow2,vdev=xvde,access=w,target=/root/disks/plug.qcow2
    timeout 60 freehold block-attach soak "$spec" >/dev/null || wrong "attach $i"
    said=$(/root/guest/tool run soak 60 "s$BASHPID-$i" "until [ -b /dev/xvde ]; do \
usleep 20000; done; dd if=/dev/zero of=/dev/xvde bs=64k count=4 oflag=direct 2>&1") ||
        wrong "write $i: $said"
    timeout 60 freehold block-detach soak xvde || wrong "detach $i"
done
echo "did: $cycles times attached, $killed backends killed"
RUN

# What could be left behind, a line each.
facts() {
    dom0_sh "p=\$(pgrep -f '^freehold.* soak' | head -n 1)
        p=\$(freehold --json info soak |
            sed -n 's/.*\"supervisor_pid\": *\\([0-9]*\\).*/\\1/p')
        echo \"backends \$(pgrep -fc '^freehold-blk')\"
        echo \"image servers \$(pgrep -fc 'qemu-nbd|freehold-image')\"
        echo \"descriptors of the supervisor \$(ls /proc/\$p/fd | wc -l)\"
        for q in \$(pgrep -f '^freehold-blk'); do
            echo \"descriptors of a backend \$(ls /proc/\$q/fd | wc -l)\"
        done
        echo \"processes \$(ps -e --ppid 2 -p 2 --deselect -o comm= | grep -cvx ps)\"
        echo \"nodes \$(xenstore-ls -f | wc -l)\"
        echo \"files \$(ls /run/freehold/soak | wc -l)\"
        xl dmesg -c >/dev/null; xl debug-keys g
        echo \"grants in use \$(xl dmesg | grep -cE '^\\(XEN\\) +\\[ *[0-9]+\\]')\""
}
kib() { # of the supervisor's memory, and of dom0's
    dom0_sh "p=\$(freehold --json info soak |
            sed -n 's/.*\"supervisor_pid\": *\\([0-9]*\\).*/\\1/p')
        sync; echo 3 >/proc/sys/vm/drop_caches
        awk '/^Pss:/ { print \$2 }' /proc/\$p/smaps_rollup
        awk '/^MemTotal/ { t = \$2 } /^MemAvailable/ { print t - \$2 }' /proc/meminfo"
}
# within WHAT BEFORE AFTER MORE
within() {
    if [ "$3" -le $(($2 + $4)) ]; then
        pass "$1"
    else
        fail "$1" "before: $2 KiB, after: $3, want at most $4 more"
    fi
}

declare -A load
for d in $DISKS; do load[$d]=$(load_start soak "$d"); done
check "fio writes and verifies on three disks" load_runs soak $DISKS
# The first rounds fill caches and pools that stay.
dom0 bash /root/guest/soak 5 3 "$file" $DISKS >/dev/null
before=$(facts)
read -r -d '' pss used < <(kib)
out=$(dom0 bash /root/guest/soak "$CYCLES" "$KILLS" "$file" $DISKS 2>&1)
if [ "$out" = "did: $CYCLES times attached, $KILLS backends killed" ]; then
    pass "$CYCLES times attached and detached, $KILLS backends killed"
else
    fail "$CYCLES times attached and detached, $KILLS backends killed" "$out"
fi
after=$(facts)
read -r -d '' pss_after used_after < <(kib)
if [ -n "$before" ] && [ "$before" = "$after" ]; then
    pass "no process, descriptor, node, file or grant is left"
else
    fail "no process, descriptor, node, file or grant is left" \
        "$(diff <(echo "$before") <(echo "$after"))"
fi
printf '%s\n' "$after" | sed 's/^/     | /'
within "the supervisor has not grown" "$pss" "$pss_after" 512
within "nor has dom0" "$used" "$used_after" 16384

for d in $DISKS; do
    check_out "every byte of $d was right" '^[1-9][0-9]* passes' \
        load_stop soak "$d" "${load[$d]}"
done
check "the guest's kernel saw no error" guest_clean soak
check "destroy" dom0 freehold destroy soak
check "leaves nothing" no_trace soak "$domid"
exit 0
