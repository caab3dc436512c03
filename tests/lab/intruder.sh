#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# intruder.sh - every way in, tried on an ordinary and on a protected guest
# lab: ours
. "$(dirname "$0")/lib.sh"

# What only stock Xen can control; made by intruder-stock.sh.  There is no such
# control when this suite runs alone, and those rows prove nothing then.
STOCK=$FREEHOLD_RESULTS/intruder-stock.json
stock_option=
controlled=0 # are there outcomes of stock Xen?
if [ -s "$STOCK" ]; then
    host_ssh 1 'cat >/root/intruder-stock.json' <"$STOCK"
    stock_option="--stock /root/intruder-stock.json"
    controlled=1
fi

# config NAME SEED [WORD]: a canary guest's configuration, for xl and freehold.
config() {
    host_ssh 1 "cat >/root/$1.cfg" <<CFG
name = "$1"
type = "pvh"
kernel = "/freehold/guest/canary.elf"
cmdline = "canary.seed=$2 ${3:-}"
memory = 64
vcpus = 1
on_poweroff = "preserve"
on_reboot = "preserve"
on_crash = "preserve"
CFG
}

# ordinary NAME and protected NAME REGEX: create, and wait for its word.
ordinary() {
    dom0_sh ": >/var/log/xen/console/guest-$1.log; xl create -q /root/$1.cfg" &&
        wait_log 120 'CANARY READY' "/var/log/xen/console/guest-$1.log"
}
protected() {
    dom0_sh ": >/var/log/freehold/$1.log; timeout 120 freehold create /root/$1.cfg" &&
        wait_log 120 "$2" "/var/log/freehold/$1.log"
}
domid() { dom0 xl domid "$1"; }
gone() {
    dom0_sh "freehold destroy $1 || xl destroy $1" >/dev/null 2>&1
    true
}

# rows FILE: one line per row of the intruder's JSON, fields by tabs:
# verdict, id, ordinary, protected, why.
rows() {
    awk -F'"' '
        /"id":/ { id = $4 } /"ordinary":/ { o = $4 } /"protected":/ { p = $4 }
        /"verdict":/ { v = $4 }
        /"why":/ { printf "%s\t%s\t%s\t%s\t%s\n", v, id, o, p, $4 }' "$1"
}

# stage NAME MIN ARG...: run the table of a stage.  Each way in that is open
# is a failure of its own, each that waits is shown, and at least MIN must
# have passed: a table that shrank proves nothing.
stage() {
    local name=$1 min=$2 file=$FREEHOLD_RESULTS/intruder-$1.json
    shift 2
    local passed=0 other=0 verdict id control target why
    # shellcheck disable=SC2086
    dom0 freehold-intruder table --stage "$name" --json $stock_option "$@" \
        >"$file" 2>"$file.err"
    while IFS=$'\t' read -r verdict id control target why; do
        case $verdict in
        pass) passed=$((passed + 1)) ;;
        open) open_row "$name $id: ordinary $control, protected $target" "$why" ;;
        moot | absent) other=$((other + 1)) ;;
        *) fail "$name $id: ordinary $control, protected $target" "$why" ;;
        esac
    done < <(rows "$file")
    if [ "$passed" -ge "$min" ]; then
        pass "$name: $passed ways in shut or kept as meant, $other not there to shut"
    else
        fail "$name: $passed ways in shut or kept as meant, want $min at least" \
            "$(tail -n 5 "$file.err"; tail -n 5 "$file")"
    fi
}

config ord 1
config prot 2
config ball 7 canary.mode=balloon
config off 3
for g in ord prot ball off; do
    gone "$g"
done

# A protected domain before its launch, beside an ordinary one.
stage newborn 90

# Two guests with a secret each.
if check "an ordinary guest holds its canary" ordinary ord &&
    check "a protected guest holds its canary" protected prot 'CANARY READY'; then
    check_out "dom0 reads the ordinary guest's secret" 'read-canary' \
        dom0 freehold-intruder attack --domid "$(domid ord):1" --row map-gfn
    check_out "dom0 does not read the protected guest's" 'refused:EPERM' \
        dom0 freehold-intruder attack --domid "$(domid prot):2" --row map-gfn
    stage running 100 --ordinary "$(domid ord):1" --protected "$(domid prot):2"
    # dom0 may not press the keys that show state, but who has the serial line.
    to_xen=$'\001\001\001'
    host_type 1 "$to_xen"
    (while sleep 0.5; do host_type 1 vd; done) &
    typist=$!
    stage serial 2 --ordinary "$(domid ord):1" --protected "$(domid prot):2"
    kill "$typist"
    host_type 1 "$to_xen"
    # Neither paused, shut down, crashed nor dying; it spins now and then.
    check_out "the protected guest is none the worse" 'prot .* [r-][b-]---- ' \
        dom0_sh 'xl list prot'
    stage last 20 --ordinary "$(domid ord):1" --protected "$(domid prot):2"
fi
gone ord
gone prot

# Frames that a live guest gave back, then those of one that was destroyed.
if check "a protected guest gives memory back" protected ball 'CANARY BALLOONED'; then
    stage freed "$controlled" --protected ":7"
fi
gone ball
if check "a protected guest to take offline" protected off 'CANARY READY'; then
    stage gone "$controlled" --protected "$(domid off):3"
fi
gone off

# Whatever dom0 can ask of Xen about the host, and what it keeps.
stage host $((controlled * 30))
check "dom0's own tools go on" dom0_sh '
    for c in "xl info -n" "xl dmesg" "xl list" "xl vcpu-list" "xl uptime" \
        "xl sched-credit2" "xl cpupool-list" "xl debug-keys h" \
        "xenpm get-cpu-topology" "xenhypfs tree"; do
        $c >/dev/null || { echo "$c"; exit 1; }
    done'
check_fails "a debug key that shows state is refused" 'not permitted' \
    dom0 xl debug-keys d
