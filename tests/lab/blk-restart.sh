#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# blk-restart.sh - backends, image servers and supervisors are killed while
# guests write and verify: they see a pause, and no error
# lab: ours
# more
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/guest.sh"
. "$(dirname "$0")/disk.sh"
. "$(dirname "$0")/diskkill.sh"

disk_tools
kill_tools
a=$(disk_file a.img 16)
ram=/root/ram
b=$ram/b.img
dom0_sh "mkfs.ext4 -q -F /dev/ram0 16M && mkdir -p $ram && mount /dev/ram0 $ram &&
    truncate -s 12M $b"
q=/root/disks/q.qcow2
l=$(disk_file l.img 16)
l2=$(disk_file l2.img 16)
dom0 qemu-img create -q -f qcow2 $q 16M

# `lame` is for the backend that cannot live; it has a supervisor of its own.
GUEST_VCPUS=1 GUEST_MEM=160 guest_config lame "disk = [$(disk_spec xvda w raw "$l"),
    $(disk_spec xvdb w raw "$l2")]"
guest_config fast "disk = [$(disk_spec xvda w raw "$a"),
    $(disk_spec xvdb w raw "$b"), $(disk_spec xvdc w qcow2 $q)]"
check "a guest with three disks is made" guest_create freehold fast || exit 0
check "and one with two" guest_create freehold lame || exit 0
check "they are up" guest_await fast && check "(the other)" guest_await lame ||
    exit 0
domid=$(dom0 freehold domid fast)
lame=$(dom0 freehold domid lame)
pids() { for v in "$@"; do disk_get fast "$v" pid; done | xargs; }

# --- a program that ends at once, from its supervisor's view alone -------------
dom0_sh 'printf "#!/bin/sh\nexit 3\n" >/root/guest/bad
    cat >/root/guest/with-bad; chmod 755 /root/guest/bad /root/guest/with-bad' <<'WITH'
#!/bin/sh
# with-bad CMD...: where freehold-blk is /root/guest/bad
exec unshare -m sh -c '
    mount --bind /root/guest/bad /usr/libexec/freehold/freehold-blk && exec "$@"' sh "$@"
WITH
dom0 kill -9 "$(supervisor_pid lame)"
check "lame's supervisor is another, with a bad program for backends" \
    adopt lame /root/guest/with-bad
check "its disks are served on" guest_run lame \
    'cat /dev/xvda /dev/xvdb >/dev/null'
dom0 kill -9 "$(disk_get lame xvda pid)"
disk_await lame xvda failed 100 >"$FREEHOLD_RESULTS/failed" 2>&1 & # 33 s
failed=$!

# --- what it took is there --------------------------------------------------------
image() { dom0 pgrep -x qemu-nbd; }
check "a guest writes to an image" guest_run fast \
    'dd if=/dev/urandom of=/tmp/r bs=64k count=16 2>/dev/null
    dd if=/tmp/r of=/dev/xvdc bs=64k seek=128 oflag=direct 2>/dev/null'
check "whose server is killed" dom0 kill -9 "$(image)"
check "what was written is there" guest_run fast \
    'dd if=/dev/xvdc bs=64k skip=128 count=16 iflag=direct 2>/dev/null | cmp - /tmp/r'

# --- killed under load -----------------------------------------------------------
load_a=$(load_start fast xvda)
load_b=$(load_start fast xvdb)
load_c=$(load_start fast xvdc)
check "fio writes and verifies on a file, a file and a qcow2 image" \
    load_runs fast xvda xvdb xvdc
check "a backend is killed 3 times" kill_backend each fast xvda 3
check "another 4 times, each as soon as it is there" \
    kill_backend quick fast xvdb 4
check "the guest goes on" load_runs fast xvda xvdb xvdc

# What is written to a filesystem that is frozen stays in flight, kill or not.
dom0 fsfreeze -f $ram
check "writes wait for their filesystem" guest_run fast \
    'until [ $(awk "{ print \$2 }" /sys/block/xvdb/inflight) -ge 8 ]; do usleep 20000; done'
from=$(dom0_sh 'stat -c %s /var/log/freehold/fast-supervisor.log')
dom0 kill -9 "$(pids xvdb)"
check "the filesystem goes on, their backend was killed" dom0 fsfreeze -u $ram
check "the guest goes on" load_runs fast xvda xvdb xvdc
check_out "with the requests that the backend had" \
    'fast/xvdb: queue [01]: goes on with [1-9]' \
    dom0 tail -c "+$from" /var/log/freehold/fast-supervisor.log

old=$(image)
check "the image's server is killed" dom0 kill -9 "$old"
check "the guest goes on" load_runs fast xvda xvdb xvdc
check "by another server" test "$(image)" != "$old"
check "the backend before it is killed" kill_backend each fast xvdc 1
check "both at once" dom0 kill -9 "$(image)" "$(pids xvdc)"
check "the guest goes on" load_runs fast xvda xvdb xvdc

# --- and supervisors -------------------------------------------------------------
before=$(pids xvda xvdb xvdc)
check "the supervisor is killed" dom0 kill -9 "$(supervisor_pid fast)"
check "another one takes the guest over" adopt fast
same "the backends are the same" "$(pids xvda xvdb xvdc)" "$before"
check "the guest goes on" load_runs fast xvda xvdb xvdc
check "a backend is killed after that" kill_backend each fast xvda 1
check "and one of the image" kill_backend each fast xvdc 1

kept=$(pids xvdb)
lost=$(pids xvda)
dom0 kill -9 "$(supervisor_pid fast)" "$lost"
check "a supervisor and a backend killed at once: taken over" adopt fast
check "the guest goes on" load_runs fast xvda xvdb xvdc
same "the one that lives is the same" "$(pids xvdb)" "$kept"
dom0 kill -9 $(pids xvda xvdb xvdc) "$(image)" "$(supervisor_pid fast)"
check "all at once, the supervisor last: taken over" adopt fast
check "the guest goes on" load_runs fast xvda xvdb xvdc

before=$(pids xvda xvdb xvdc)
sup=$(supervisor_pid fast)
check "reload" dom0 timeout 60 freehold reload fast
same "it is the same process" "$(supervisor_pid fast)" "$sup"
same "and so are the backends" "$(pids xvda xvdb xvdc)" "$before"
check "the guest goes on" load_runs fast xvda xvdb xvdc

# --- what the guest has seen -------------------------------------------------------
check_out "every byte of the first file was right" '^[1-9][0-9]* passes' \
    load_stop fast xvda "$load_a"
check_out "every byte of the second" '^[1-9][0-9]* passes' \
    load_stop fast xvdb "$load_b"
check_out "every byte of the image" '^[1-9][0-9]* passes' \
    load_stop fast xvdc "$load_c"
check "its kernel saw no error" guest_clean fast
same "no request was answered with one" \
    "$(for v in xvda xvdb xvdc; do disk_get fast $v errors; done | xargs)" "0 0 0"

# --- a backend that cannot live ------------------------------------------------------
check "a backend that ends at once is given up" wait $failed
why='its backend died [0-9]+ times in a minute, at last: [^ ]'
check_out "xenstore says why" "$why" \
    dom0 xenstore-read "/local/domain/0/backend/fh-vbd/$lame/51712/error"
check_out "and so does info" "^disk.xvda +: failed \($why" dom0 freehold info lame
check "the guest's other disk serves" guest_run lame \
    'dd if=/dev/zero of=/dev/xvdb bs=64k count=16 oflag=direct && cat /dev/xvdb >/dev/null'

check "destroy ends them" dom0_sh "freehold destroy fast && freehold destroy lame"
check "nothing of fast's disks is left" no_trace fast "$domid"
check "nor of lame's" no_trace lame "$lame"
check "the image is whole" dom0_sh "qemu-img check -q $q; [ \$? = 0 ] || [ \$? = 3 ]"
dom0 umount $ram
exit 0
