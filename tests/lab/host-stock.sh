#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# host-stock.sh - the control of host-ours: the same workloads on Debian's Xen
# lab: stock
# more
# last
. "$(dirname "$0")/lib.sh"
. "$TOP/tests/lab/guest.sh"
. "$TOP/tests/lab/net.sh"
. "$TOP/tests/lab/host.sh"

check "this is not our Xen" dom0_sh '! xl info | grep -q "^xen_commandline.* protected="'
host_work
dom0_sh 'rm -f /root/host.img'
host_off
exit 0
