#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# blk-hotplug.sh - disks come and go while their guest runs, restarts, is
# paused or ends; limits hold, sizes change, figures tell
# lab: ours
# more
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/guest.sh"
. "$(dirname "$0")/disk.sh"

disk_tools
root=$(disk_file root.img 8)
one=$(disk_file one.img 32)
two=$(disk_file two.img 8)
image=/root/disks/plug.qcow2
dom0 qemu-img create -q -f qcow2 $image 32M

attach() { # GUEST VDEV TARGET [FORMAT [OPTION...]]
    dom0 timeout 60 freehold block-attach "${@:5}" "$1" \
        "format=${4:-raw},vdev=$2,access=w,target=$3"
}
detach() { dom0 timeout 60 freehold block-detach "$@"; }
# ends CODE WHAT REGEX CMD...: with that code, and words that match.
ends() {
    local want=$1 what=$2 re=$3 out rc=0
    shift 3
    out=$("$@" 2>&1) || rc=$?
    if [ $rc = "$want" ] && grep -qE -- "$re" <<<"$out"; then
        pass "$what"
    else
        fail "$what" "status $rc, want $want, and /$re/: $out"
    fi
}
# no_disk GUEST DOMID VDEV DEVID: neither side has anything of it.
no_disk() {
    dom0_sh "! xenstore-ls /local/domain/0/backend/fh-vbd/$2/$4 2>/dev/null | grep . &&
        ! xenstore-ls /local/domain/$2/device/vbd/$4 2>/dev/null | grep . &&
        ! pgrep -af '^freehold-blk( -v)? $1/$3' &&
        ! ls /run/freehold/$1/ | grep 'vbd-$4'"
}

GUEST_VCPUS=1 GUEST_MEM=160 guest_config plug \
    "disk = [$(disk_spec xvda w raw "$root")]"
check "a guest is made" guest_create freehold plug || exit 0

# --- meanwhile: what cannot be ----------------------------------------------------
spin() { # NAME TARGET: /root/guest/NAME.cfg
    printf '%s\n' "name = \"$1\"" 'type = "pvh"' 'memory = 16' 'vcpus = 1' \
        'kernel = "/freehold/guest/tiny.elf"' 'cmdline = "spin"' \
        "disk = [$(disk_spec xvda w raw "$2")]" |
        host_ssh 1 "cat >/root/guest/$1.cfg"
}
spin none /root/disks/none.img
check_fails "a guest whose disk is not there is not made" \
    'xvda.*/root/disks/none.img: .*No such file' \
    dom0 timeout 60 freehold create /root/guest/none.cfg
spin same "$root"
check_fails "nor one with another guest's disk" 'xvda.*/root/disks/root.img.*(use|lock)' \
    dom0 timeout 60 freehold create /root/guest/same.cfg
check "nothing of them is left" dom0_sh '
    [ "$(ls /run/freehold)" = plug ] && [ "$(xl list | wc -l)" = 3 ] &&
        ! pgrep -af "^freehold-blk (none|same)/" &&
        [ "$(xenstore-list /local/domain/0/backend/fh-vbd | wc -l)" = 1 ]'
spin end "$two"
check "a guest that never looks at its disk is made" \
    dom0 timeout 60 freehold create /root/guest/end.cfg
check_fails "another's disk cannot be attached to it either" \
    'xvdb.*/root/disks/root.img.*(use|lock)' attach end xvdb "$root"
end=$(dom0 freehold domid end)
check "and is no disk of it afterwards" no_disk end "$end" xvdb 51728
check "it is destroyed and made anew at once, with the same disk, 3 times" dom0_sh '
    for i in 1 2 3; do
        freehold destroy end && timeout 60 freehold create /root/guest/end.cfg || exit 1
    done'
end=$(dom0 freehold domid end)
check "destroy" dom0 freehold destroy end
check "leaves nothing of its disk" no_trace end "$end"

# --- come and go --------------------------------------------------------------------
check "the first guest is up" guest_await plug || exit 0
domid=$(dom0 freehold domid plug)
check_out "block-attach says its name" '^xvdb$' attach plug xvdb "$one"
check "the guest sees it" guest_disk plug xvdb
check "and writes and reads it" guest_fio plug name=h filename=/dev/xvdb \
    rw=randwrite bs=4k iodepth=8 size=2m
check_out "block-attach of an image" '^xvdc$' attach plug xvdc "$image" qcow2
check "the guest sees that" guest_disk plug xvdc
check "and writes and reads it" guest_fio plug name=h filename=/dev/xvdc \
    rw=randwrite bs=4k iodepth=8 size=2m
check "block-list has the three, in xl's columns" dom0_sh '
    freehold block-list plug >/tmp/l
    head -n 1 /tmp/l | grep -qE "^Vdev +BE +handle +state +evt-ch +ring-ref +BE-path" &&
        for d in 51712 51728 51744; do
            grep -qE "^$d +0 +'"$domid"' +4 +[0-9]+ +[0-9]+ +/local/domain/0/backend/fh-vbd/'"$domid"'/$d" /tmp/l ||
                { cat /tmp/l; exit 1; }
        done'
check "and its JSON has more" dom0_sh 'freehold --json block-list plug | python3 -c "
import json, sys
d = json.load(sys.stdin)[0][\"disks\"]
assert [x[\"vdev\"] for x in d] == [\"xvda\", \"xvdb\", \"xvdc\"], d
assert all(x[\"state\"] == \"connected\" and x[\"frontend_state\"] == 4 for x in d), d
assert [x[\"format\"] for x in d] == [\"raw\", \"raw\", \"qcow2\"], d"'
ends 15 "the same name again is refused" 'xvdb' attach plug xvdb "$two"
ends 23 "a file that is not there is, too" 'No such file' \
    attach plug xvdd /root/disks/none.img
check "and no disk" no_disk plug "$domid" xvdd 51760

# --- its size, its limits, its figures ------------------------------------------------
dom0 truncate -s 48M "$one"
check "block-resize" dom0 freehold block-resize plug xvdb
check "the guest sees the new size" guest_size plug xvdb $((48 * 2048))
check "and writes behind the old end" guest_fio plug name=r filename=/dev/xvdb \
    rw=write bs=64k offset=40m size=1m

# reads N: so many, one at a time; prints the ms that they took.
reads() {
    guest_run plug "read a b </proc/uptime; dd if=/dev/xvdb of=/dev/null bs=4k count=$1 \
iflag=direct 2>/dev/null || exit 1; read c d </proc/uptime
echo \$(((\${c%.*}\${c#*.} - \${a%.*}\${a#*.}) * 10))"
}
figures() { disk_get plug xvdb reads read_bytes waits; }
read -r n0 b0 _ < <(figures)
reads 100 >/dev/null
read -r n1 b1 w1 < <(figures)
same "100 reads of 4 KiB are counted as what they are" \
    "$((n1 - n0)) $((b1 - b0))" "100 409600"
check "block-limits" dom0 freehold block-limits plug xvdb iops=20
check_out "tells what it set" '^iops=20 bps=0$' dom0 freehold block-limits plug xvdb
ms=$(reads 60)
# 3 s, less what was saved up before the first.
if [ "${ms:-0}" -ge 2800 ]; then
    pass "60 reads take 3 s then"
else
    fail "60 reads take 3 s then" "they took $ms ms"
fi
read -r n2 _ w2 < <(figures)
same "they are counted" "$((n2 - n1))" 60
check "as having waited" test "$w2" -gt "$w1"
dom0 freehold block-limits plug xvdb iops=0
reads 60 >/dev/null
read -r _ _ w3 < <(figures)
same "without a limit none waits" "$w3" "$w2"
check_out "stats has them" "^plug +xvdb +connected +$((n2 + 60)) " \
    dom0 freehold stats plug
check "stats --json and metrics do" dom0_sh "
    freehold --json stats plug | grep -qE '\"reads\": *$((n2 + 60))\\b' &&
        freehold metrics >/tmp/m &&
        grep -qxF 'freehold_disk_reads_total{name=\"plug\",vdev=\"xvdb\"} $((n2 + 60))' /tmp/m &&
        grep -qxF 'freehold_disk_size_bytes{name=\"plug\",vdev=\"xvdb\"} 50331648' /tmp/m &&
        grep -qxF 'freehold_disk_state{name=\"plug\",vdev=\"xvdc\",state=\"connected\"} 1' /tmp/m"

# --- taken away -----------------------------------------------------------------------
check "block-detach" detach plug xvdc
check "the guest has lost it" guest_disk plug xvdc '! -e'
check "neither side has anything of it" no_disk plug "$domid" xvdc 51744
check "its image has no server" dom0_sh '! pgrep -a qemu-nbd'
dom0 mkfs.ext4 -q -F "$one"
check "a disk that is mounted" guest_run plug \
    'mount -t ext4 /dev/xvdb /mnt && echo data >/mnt/file'
check "is taken from Linux all the same, as it wants it" detach plug xvdb
check "neither side has anything of it" no_disk plug "$domid" xvdb 51728
guest_run plug 'umount /mnt'
check "its guest can have it again" attach plug xvdb "$one"
guest_disk plug xvdb

# One that is deaf for a while keeps what it has.
dom0 freehold pause plug
ends 9 "a paused guest lets go of nothing, and -f is named" 'not let go of it.*-f' \
    detach plug xvdb
check_out "it is asked for it still" '^closing$' disk_get plug xvdb state
check "block-detach -f takes it" detach -f plug xvdb
check "nothing of it is left" no_disk plug "$domid" xvdb 51728
check "its file is free" dom0 flock -xn "$one" true
check_out "a paused guest can be given a disk" '^xvde$' attach plug xvde "$two"
dom0 freehold unpause plug
check "it wakes up and finds it" guest_disk plug xvde
check "but not the other" guest_disk plug xvdb '! -e'
check "it reads it" guest_run plug 'cat /dev/xvda /dev/xvde >/dev/null'

# --- over a restart ---------------------------------------------------------------------
check "the guest restarts" dom0 freehold reboot plug
check "and is up again" guest_await plug 2 || exit 0
check "with the disk that was attached" guest_disk plug xvde
check "and without those that were taken" \
    guest_run plug '[ -b /dev/xvda ] && [ ! -e /dev/xvdb ] && [ ! -e /dev/xvdc ]'
again=$(dom0 freehold domid plug)
check "nothing is left of its first domain" dom0_sh "
    ! xenstore-ls /local/domain/0/backend/fh-vbd/$domid 2>/dev/null | grep ."
check "it is destroyed with its disks" dom0 freehold destroy plug
check "nothing of them is left" no_trace plug "$again"
check "nor a file" dom0_sh '! ls /run/freehold | grep .'
exit 0
