#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# xen.sh - the patched Xen: ordinary guests live on, protected ones say so
# lab: ours
. "$(dirname "$0")/lib.sh"

# From the serial log: Xen's own ring soon overflows.
check_out "Xen says what it protects, and what the host lacks" \
    'Protected guests: on,lab; host lacks: .*IOMMU' lab_console 1
check_out "dom0 reads from Xen what the host lacks: an IOMMU, and all it does" \
    '^on 1 7$' dom0_sh 'echo $(for f in mode lab missing; do
        xenhypfs cat /protected/$f; done)'
check_out "of the conditions that this Xen knows" '^2047$' \
    dom0 xenhypfs cat /protected/checked
check_fails "which is not dom0's to write" '.' \
    dom0 xenhypfs write /protected/missing 0
check_out "Xen took the steward from the boot modules" 'Steward: [0-9]+ bytes' \
    lab_console 1
check "dom0's initrd was not taken for it" dom0 test -d /usr/lib/freehold-lab

host_ssh 1 'cat >/root/plain.cfg' <<'CFG'
name = "plain"
type = "pvh"
kernel = "/freehold/guest/vmlinuz-6.12"
ramdisk = "/freehold/guest/initrd-small"
cmdline = "console=hvc0 fh.run=poweroff"
memory = 192
vcpus = 2
tsc_mode = "native"
CFG
dom0_sh ': >/var/log/xen/console/guest-plain.log'
check "protected=on: stock xl boots an ordinary PVH guest to its end" \
    dom0 timeout 300 xl create -F /root/plain.cfg
check_out "it came to its init" FREEHOLD-INIT dom0 cat /var/log/xen/console/guest-plain.log

# Without the series' flag the same domain is an ordinary one: the flag is what
# getdomaininfo shows, and nothing else.
dom0_sh 'printf "name = \"p1\"\ntype = \"pvh\"\nkernel = \"/freehold/guest/canary.elf\"\n\
cmdline = \"canary.seed=1\"\nmemory = 64\nvcpus = 1\n" >/root/p1.cfg
    sed s/p1/o1/ /root/p1.cfg >/root/o1.cfg'
check "a protected guest starts" dom0 timeout 120 freehold create /root/p1.cfg
check "an ordinary one beside it" dom0 xl create -q /root/o1.cfg
check_out "info: the protected one is" '^protected *: true$' dom0 freehold info p1
check_fails "a suspend cannot be forced and undone: xl pause, save" '.' \
    dom0 timeout 60 xl save p1 /root/p1.save
check "it still runs after that" dom0_sh 'freehold list p1 | grep -q "^p1 "'
check "destroy ends it" dom0 freehold destroy p1
check "xl destroy ends the other" dom0 xl destroy o1
check_out "memory comes back when guests are gone" '^0$' dom0_sh '
    for i in 1 2 3; do
        freehold create /root/p1.cfg >/dev/null || exit 1
        freehold destroy p1 || exit 1
    done
    a=$(xl info | awk "/^free_memory/ { print \$3 }")
    for i in $(seq 8); do
        freehold create /root/p1.cfg >/dev/null || exit 1
        freehold destroy p1 || exit 1
    done
    b=$(xl info | awk "/^free_memory/ { print \$3 }")
    [ $((a - b)) -le 2 ] && echo 0 || echo "free: $a MiB before, $b MiB after"'
exit 0
