#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# steward.sh - what a steward leaves its guest with, and what it costs
# lab: ours
. "$(dirname "$0")/lib.sh"

host_ssh 1 'cat >/root/st.cfg; rm -f /var/log/freehold/st.log' <<'CFG'
name = "st"
type = "pvh"
kernel = "/freehold/guest/vmlinuz-6.12"
ramdisk = "/freehold/guest/initrd-small"
cmdline = "console=hvc0"
memory = 192
vcpus = 2
CFG
check "a guest starts" dom0 timeout 240 freehold create /root/st.cfg || exit 0
check "its kernel comes to its init" \
    wait_log 240 '2 cpus' /var/log/freehold/st.log || exit 0

# Type into its console, and take what it says until END-n.
typed=0
guest() {
    typed=$((typed + 1))
    dom0 bash -c 'coproc C { exec timeout 60 freehold console st; }
        printf "%s\n" "$1; echo END-\$((0 + $2))" >&${C[1]}
        sed "/^END-$2/q" <&${C[0]}
        kill $C_PID' sh "$1" "$typed" | tr -d '\r'
}
log=$(guest 'dmesg')
# Two entries side by side: Linux shows them as one.
check_out "the steward's slot and the pages it shares are reserved in its memory map" \
    '0000000080000000-0x00000000c0ffffff\] (device )?reserved' echo "$log"
check_out "Linux takes itself for a PVH guest" 'PVH|Booting paravirtualized kernel on Xen' \
    echo "$log"
check "it sees no vCPU but its own" bash -c \
    '! grep -qE "Allowing [3-9] (present )?CPUs|hotplug CPUs.*[1-9]" <<<"$0"' "$log"
check_out "frontends do not trust their backends" 'xen_blkfront.trusted=0 xen_netfront.trusted=0' \
    guest 'cat /proc/cmdline'

check "an idle steward uses no CPU time" dom0_sh '
    t() { xl vcpu-list st | awk "\$3 == 2 { print \$6 }"; }
    a=$(t); sleep 3; b=$(t)
    [ -n "$a" ] && [ "$a" = "$b" ] || { echo "before $a s, after $b s"; exit 1; }'
check "an idle guest shows as blocked" dom0_sh '
    for i in $(seq 40); do
        xl list st | grep -qE " -b---- " && exit 0
        sleep 0.25
    done; xl list st; exit 1'
check "the steward takes at most 4 MiB" dom0_sh '
    p=$(freehold info --json st | sed -n "s/.*memory_populated_kib\": *\([0-9]*\).*/\1/p")
    [ $((p - 192 * 1024)) -le 4096 ] || { echo "$((p - 192 * 1024)) KiB"; exit 1; }'
check "destroy ends it" dom0 freehold destroy st

# One bit decides: another word on the command line is another measurement.
check "measurements differ where guests differ, and only there" dom0_sh '
    m() { freehold measure "$@" | grep -oE "[0-9a-f]{64}" | head -n 1; }
    a=$(m /root/st.cfg); b=$(m /root/st.cfg)
    c=$(m /root/st.cfg "cmdline=\"console=hvc0 x\""); d=$(m /root/st.cfg vcpus=3)
    e=$(m /root/st.cfg memory=193)
    [ -n "$a" ] && [ "$a" = "$b" ] && [ "$a" != "$c" ] && [ "$a" != "$d" ] &&
        [ "$a" != "$e" ] || { echo "$a $b $c $d $e"; exit 1; }'
exit 0
