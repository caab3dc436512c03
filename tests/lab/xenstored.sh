#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# xenstored.sh - guests outlive xenstored; the last suite of its host, which
# is not the same afterwards
# lab: strict
# last
. "$(dirname "$0")/lib.sh"

G=/freehold/guest
LOGS=/var/log/freehold
config() {
    printf '%s\n' "name = \"$1\"" 'type = "pvh"' 'memory = 128' 'vcpus = 1' "${@:2}" |
        host_ssh 1 "mkdir -p /root/x && cat >/root/x/$1.cfg"
}
create() { dom0 timeout 100 freehold create "/root/x/$1.cfg"; }

config count "kernel = \"$G/vmlinuz-6.12\"" "ramdisk = \"$G/initrd-small\"" \
    'cmdline = "console=hvc0 fh.run=count"'
config late "kernel = \"$G/tiny.elf\"" 'cmdline = "spin"'
config tiny "kernel = \"$G/tiny.elf\"" 'cmdline = "spin"'
create late
create count && wait_log 200 '^count 10.$' $LOGS/count.log
check "xenstored is killed under a guest" dom0 pkill -9 -x xenstored

check "its supervisor sees it" wait_log 20 'count: xenstored ended' \
    $LOGS/count-supervisor.log
check_out "the guest is served" '"state": *"running"' dom0 freehold --json info count
check_out "list shows it" '^count ' dom0 timeout 30 freehold list
check_fails "what needs xenstore says that there is none" 'xenstored ended' \
    dom0 timeout 30 freehold shutdown count
check_fails "no new guest is made, and why is said" 'xenstored' \
    dom0 timeout 60 freehold create /root/x/tiny.cfg
check "its console goes on" wait_log 60 \
    "^count $(($(dom0_sh "grep -c ^count $LOGS/count.log") + 100)).\$" $LOGS/count.log

check "a guest is destroyed without xenstored" dom0 timeout 60 freehold destroy late

dom0 /usr/lib/xen-4.20/bin/xenstored --pid-file /run/xenstored.pid
dom0 timeout 30 /usr/lib/xen-4.20/bin/xen-init-dom0 >/dev/null
check "a new xenstored is found" wait_log 20 'a xenstored is there again' \
    $LOGS/count-supervisor.log
check_fails "the guest does not hear of it, and that is said" \
    'the xenstored that it knew has ended' dom0 timeout 30 freehold shutdown count
check "new guests are made" create tiny
check "and destroyed" dom0 freehold destroy tiny
check "the old one can be destroyed" dom0 timeout 60 freehold destroy count
check "nothing is left" dom0_sh '
    ls /run/freehold | grep . && exit 1
    xl list | awk "NR > 2" | grep . && exit 1
    exit 0'
exit 0
