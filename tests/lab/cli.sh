#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# cli.sh - the commands, beside xl's: columns, JSON, exit codes, completion
# lab: ours
. "$(dirname "$0")/lib.sh"

G=/freehold/guest
LOGS=/var/log/freehold
dom0 mkdir -p /root/t

# config NAME [LINE...]: /root/t/NAME.cfg in dom0.
config() {
    local name=$1
    shift
    printf '%s\n' "name = \"$name\"" 'type = "pvh"' \
        "kernel = \"$G/vmlinuz-6.12\"" "ramdisk = \"$G/initrd-small\"" \
        'memory = 192' 'cmdline = "console=hvc0"' "$@" |
        host_ssh 1 "cat >/root/t/$name.cfg; rm -f $LOGS/$name.log"
}

# ends CODE WHAT CMD...: it ends with CODE.
ends() {
    local want=$1 what=$2 out rc=0
    shift 2
    out=$("$@" 2>&1) || rc=$?
    if [ $rc = "$want" ]; then
        pass "$what"
    else
        fail "$what" "status $rc, want $want: $out"
    fi
}

config web 'vcpus = 2' 'cpus = "0"' 'cpu_weight = 512' 'cap = 90' \
    'uuid = "6b1f1c5e-3a0e-4d2b-9a57-0c6f0b7d9e11"'
config mail 'vcpus = 1'
for g in web mail; do
    if out=$(dom0 timeout 240 freehold create "/root/t/$g.cfg" 2>&1) &&
        wait_log 300 FREEHOLD-INIT "$LOGS/$g.log"; then
        pass "guest $g runs"
    else
        fail "guest $g runs" "$out"
        exit 0
    fi
done

# --- columns: xl sees one vCPU more, and time goes on ----------------------
check "list is xl's but for the steward's vCPU and the time" dom0_sh '
    set -e
    cut() { sed -E "s/[0-9]+\.[0-9]+.*//" | awk "{ \$4 = \"\"; \$5 = \"\"; print }"; }
    diff <(xl list | cut) <(freehold list | cut)
    diff <(xl list | head -n 1) <(freehold list | head -n 1)
    diff <(xl list -v | head -n 1) <(freehold list -v | head -n 1)
    diff <(xl list -c | head -n 1) <(freehold list -c | head -n 1)
    diff <(xl list -n | head -n 1) <(freehold list -n | head -n 1)
    diff <(xl list -c | awk "{ print \$NF }") <(freehold list -c | awk "{ print \$NF }")
    diff <(xl list -n | awk "{ print \$NF }") <(freehold list -n | awk "{ print \$NF }")'
check "vm-list is xl's" dom0_sh 'diff <(xl vm-list) <(freehold vm-list)'
check "domid and domname are xl's" dom0_sh '
    for g in web mail Domain-0; do
        d=$(xl domid $g); [ "$d" = "$(freehold domid $g)" ] || exit 1
        [ "$(xl domname $d)" = "$(freehold domname $d)" ] || exit 1
    done'
check "vcpu-list is xl's but for the steward's vCPU and what moves" dom0_sh '
    set -e
    still() { awk "{ printf \"%s|\", substr(\$0, 1, 44); \$1 = \$2 = \$3 = \$4 = \$5 = \$6 = \"\"; print }"; }
    diff <(xl vcpu-list Domain-0 | still) <(freehold vcpu-list Domain-0 | still)
    diff <(xl vcpu-list web | head -n 3 | still) <(freehold vcpu-list web | still)'
check "uptime is xl's" dom0_sh '
    for i in 1 2 3 4 5; do
        diff <(xl uptime) <(freehold uptime) && exit 0
    done; exit 1'
check "dmesg is xl's" dom0_sh 'diff <(xl dmesg | head -n 50) <(freehold dmesg | head -n 50)'
check_out "top looks once" '^web ' dom0 freehold top --batch

check "info is xl's, but for the memory that is free meanwhile" dom0_sh '
    still() { grep -v -e ^free_memory -e ^outstanding_claims; }
    ours() { freehold info | grep -v "^posture\."; }
    diff <(xl info | cut -d: -f1) <(ours | cut -d: -f1) &&
        diff <(xl info | still) <(ours | still)'
check "info KEY is one value" dom0_sh '
    [ "$(xl info total_memory)" = "$(freehold info total_memory)" ] &&
        [ "$(xl info xen_version)" = "$(freehold info xen_version)" ]'
check "list -l tells what create -n told, in the shape of xl list -l" dom0_sh '
    freehold list -l web >/tmp/l && freehold create -n /root/t/web.cfg >/tmp/n &&
        python3 -c "
import json
l, n = json.load(open(\"/tmp/l\")), json.load(open(\"/tmp/n\"))
assert len(l) == 1 and l[0][\"config\"] == n, (l, n)
assert l[0][\"domid\"] == int(\"$(freehold domid web)\"), l"'

# --- events and metrics ----------------------------------------------------
# The stream is heard from before the guest is there until after its end.
config bird 'vcpus = 1'
host_ssh 1 "cat >/root/t/openmetrics.py" <"$TOP/tests/cli/openmetrics.py"
events=$(dom0_sh 'rm -f /root/t/events; touch /root/t/events
    setsid nohup freehold --json events >/root/t/events 2>/dev/null </dev/null &
    echo $!')
check "events begin with the guests there are" \
    wait_log 20 '"name":"web","event":"is".*"state":"running"' /root/t/events
check "one more guest is made" dom0 timeout 240 freehold create /root/t/bird.cfg
check "whose state can be waited for" \
    dom0 timeout 60 freehold events --until running --timeout 30 bird
ends 9 "but not for ever: 9" dom0 freehold events --until kept --timeout 1 bird
ends 6 "a state that is none: 6" dom0 freehold events --until nonsense bird

check "metrics are OpenMetrics, and say that it runs" dom0_sh '
    freehold metrics >/tmp/m && python3 /root/t/openmetrics.py /tmp/m &&
        grep -qxF "freehold_guest_up{name=\"bird\"} 1" /tmp/m &&
        grep -qxF "freehold_guest_state{name=\"bird\",state=\"running\"} 1" /tmp/m &&
        grep -qE "^freehold_guest_cpu_seconds_total\{name=\"bird\"\} [0-9]*[1-9]" /tmp/m &&
        grep -qE "^freehold_guest_supervisor_resident_bytes\{name=\"bird\"\} [1-9]" /tmp/m &&
        grep -qE "^freehold_guest_start_time_seconds\{name=\"bird\"\} 1[0-9]{9}$" /tmp/m &&
        grep -qE "^freehold_host_memory_free_bytes [1-9]" /tmp/m'
check "and a file of them is whole" dom0_sh '
    freehold metrics -o /root/t/m.prom && python3 /root/t/openmetrics.py /root/t/m.prom &&
        [ "$(stat -c %a /root/t/m.prom)" = 644 ] && ! ls /root/t/m.prom.* 2>/dev/null'
ends 23 "into a directory that is not there: 23" dom0 freehold metrics -o /nowhere/m
check "a supervisor that hangs is down, and holds up nobody" dom0_sh '
    p=$(freehold --json info bird | sed -n "s/.*\"supervisor_pid\": *\([0-9]*\).*/\1/p")
    kill -STOP $p; freehold metrics >/tmp/m; r=$?; kill -CONT $p
    [ $r = 0 ] && grep -qxF "freehold_guest_up{name=\"bird\"} 0" /tmp/m &&
        grep -qxF "freehold_guest_up{name=\"web\"} 1" /tmp/m &&
        grep -qE "^freehold_guest_memory_populated_bytes\{name=\"bird\"\} [1-9]" /tmp/m'

check "pause, and what was asked of it, is told" dom0_sh '
    freehold pause bird && freehold unpause bird && freehold mem-set bird 180'
check "all in its order" \
    wait_log 20 '"name":"bird","event":"set_memory".*184320' /root/t/events
dom0_sh 'kill -9 $(freehold --json info bird | sed -n "s/.*\"supervisor_pid\": *\([0-9]*\).*/\1/p")'
check "a supervisor that is killed is told as lost" \
    wait_log 20 '"name":"bird","event":"lost"' /root/t/events
ends 21 "and cannot tell its configuration: 21" dom0 freehold list -l bird
check_out "which others still do" '"error": *"guest bird: list -l: its supervisor died' \
    dom0 freehold list -l
check "destroy removes what it left" dom0 freehold destroy bird
check "and its end is told" \
    wait_log 20 '"name":"bird","event":"gone"' /root/t/events
check "no event was lost or told twice" dom0_sh '
    kill '"$events"'
    python3 -c "
import json
got, last = [], 0
for line in open(\"/root/t/events\"):
    o = json.loads(line)
    if o[\"name\"] == \"bird\":
        got.append(o.get(\"state\", o[\"event\"]))
        assert o[\"time_us\"] >= last, line
        last = o[\"time_us\"]
# It may be seen first while it is new or already building.
while got[0] in (\"new\", \"building\"):
    got.pop(0)
want = \"launching running pause unpause set_memory lost gone\".split()
assert got == want, got"'

# --- JSON ------------------------------------------------------------------
check "what has an answer has it in JSON" dom0_sh '
    for c in list vm-list "domid web" "domname web" uptime "vcpu-list web" top \
        dmesg "info web" help "help create" version; do
        freehold --json $c | python3 -m json.tool >/dev/null || { echo "$c"; exit 1; }
    done'
check_out "what has none says so" '"ok": *true' dom0 freehold --json sysrq web h
check_out "errors too" '"code": *21' dom0_sh 'freehold --json pause nobody || true'
check "metrics too" dom0_sh 'freehold --json metrics | python3 -m json.tool >/dev/null'
check "create -d shows what it makes, on standard error" dom0_sh '
    freehold create -d /root/t/web.cfg 2>&1 >/dev/null | grep -q "\"c_info\""'

# --- placing ---------------------------------------------------------------
check "cpus=, cpu_weight= and cap= are in force, for the steward too" dom0_sh '
    xl vcpu-list web; xl sched-credit2
    xl vcpu-list web | awk "NR > 1 { n += \$(NF - 2) == \"0\" } END { exit n != 3 }" &&
        xl sched-credit2 | grep -qE "^web +[0-9]+ +512 +90"'
check "vcpu-pin moves them" dom0_sh '
    freehold vcpu-pin web all all && freehold vcpu-pin web 1 - 0 || exit 1
    xl vcpu-list web
    xl vcpu-list web | awk "NR == 2 && / all \/ all/ { a = 1 } NR == 3 && / all \/ 0/ { b = 1 }
        END { exit !(a && b) }"'
check "vcpu-set takes a vCPU from the guest" dom0_sh '
    freehold vcpu-set web 1 || exit 1
    for i in $(seq 60); do
        freehold vcpu-list web | grep -q -- "--p" && exit 0
        sleep 1
    done; freehold vcpu-list web; exit 1'
# In a guest without udev its own hand must put the vCPU back to use.
check "and gives it back" dom0_sh '
    freehold vcpu-set -i web 2 || exit 1
    for i in $(seq 20); do
        echo "echo 1 >/sys/devices/system/cpu/cpu1/online" |
            timeout 3 freehold console web >/dev/null 2>&1
        freehold vcpu-list web | grep -q -- "--p" || exit 0
    done; freehold vcpu-list web; exit 1'
check "mem-set: the balloon gives back" dom0_sh '
    freehold mem-set web 160 || exit 1
    for i in $(seq 120); do
        m=$(freehold list web | awk "NR == 2 { print \$3 }")
        [ "$m" -le 164 ] && exit 0
        sleep 1
    done; freehold list web; exit 1'
check "and takes it again" dom0_sh '
    freehold mem-set web 192 || exit 1
    for i in $(seq 120); do
        m=$(freehold list web | awk "NR == 2 { print \$3 }")
        [ "$m" -ge 191 ] && exit 0
        sleep 1
    done; freehold list web; exit 1'
check "sysrq reaches its kernel" wait_log 60 'sysrq: HELP' "$LOGS/web.log"

# --- disks: xl's columns, ours beside them ---------------------------------
D=/root/t/disk.img
dom0_sh "truncate -s 32M $D"
watching=$(dom0_sh '
    setsid freehold --json events -u waiting -t 60 web </dev/null >/root/t/disks 2>&1 &
    echo $!')
check "whoever waits for a guest to wait" \
    wait_log 20 '"name":"web","event":"is"' /root/t/disks
check "block-attach says which disk it is, in any words of xl" dom0_sh "
    [ \"\$(freehold block-attach web target=$D format=raw vdev=xvdb)\" = xvdb ]"
check "is not told that it does when a disk does" dom0_sh '
    grep -q "\"event\":\"block\".*\"state\":\"waiting\"" /root/t/disks &&
        kill '"$watching"
check "block-list has the head of xl, and the disk" dom0_sh '
    diff <(xl block-list 0 | head -n 1) <(freehold block-list web | head -n 1) &&
        d=$(freehold domid web) && freehold block-list web |
        grep -qE "^51728 0   $d +[0-9-]+ +[0-9-]+ +[0-9-]+ +/local/domain/0/backend/fh-vbd/$d/51728 *$"'
check_out "info has a line of it" \
    "^disk.xvdb +: (waiting|connected) [(][^)]*[)], rw, raw $D, 32 MiB" dom0 freehold info web
check "stats lines up" dom0_sh '
    freehold stats web | awk "{ n[length(\$0)]++ } END { for (i in n) nr++; exit nr != 1 || NR != 2 }"'
check "rates come when they are there" dom0_sh '
    [ "$(freehold stats -w 1 -i 2 web | grep -c "^web  *xvdb ")" = 2 ]'
check "metrics has it, and is still OpenMetrics" dom0_sh '
    freehold metrics >/tmp/m && python3 /root/t/openmetrics.py /tmp/m &&
        grep -qE "^freehold_disk_reads_total\{name=\"web\",vdev=\"xvdb\"\} [0-9]+$" /tmp/m &&
        grep -qxF "freehold_disk_size_bytes{name=\"web\",vdev=\"xvdb\"} 33554432" /tmp/m'
check "block-resize sees a file that grew" dom0_sh "
    truncate -s 48M $D && freehold block-resize web 51728 &&
        freehold info web | grep -q '^disk.xvdb .* 48 MiB'"
check "block-limits keeps what is not named" dom0_sh '
    freehold block-limits web xvdb iops=500 &&
        freehold block-limits web xvdb bps=1000000 &&
        [ "$(freehold block-limits web xvdb)" = "iops=500 bps=1000000" ]'
ends 15 "the same vdev twice: 15" dom0 freehold block-attach web "$D,raw,xvdb,w"
ends 6 "words that are no disk: 6" dom0 freehold block-attach web "$D,zip,xvdc,w"
ends 6 "a disk of dom0 is xl's: 6" dom0 freehold block-list 0
check "block-detach -f takes it away" dom0_sh '
    freehold block-detach -f web xvdb && ! freehold block-list web | grep 51728'
ends 23 "and it is no more: 23" dom0 freehold block-limits web xvdb

# --- cards: the same -------------------------------------------------------
dom0_sh 'ip link show xenbr0 >/dev/null 2>&1 || ip link add xenbr0 type bridge'
check "network-attach says which card it is, in xl's words" dom0_sh '
    [ "$(freehold network-attach web mac=00:16:3e:00:00:07 bridge=xenbr0)" = 0 ]'
check "network-list has the head of xl, and the card" dom0_sh '
    diff <(xl network-list 0 | head -n 1) <(freehold network-list web | head -n 1) &&
        d=$(freehold domid web) && freehold network-list web |
        grep -qE "^0   0  00:16:3e:00:00:07     0 +[0-9-]+ +[0-9-]+ +[0-9-]+/[0-9-]+ +/local/domain/0/backend/fh-vif/$d/0 *$"'
check_out "info has a line of it" \
    "^vif.0 +: (waiting|connecting|connected)( [(][^)]*[)])?, 00:16:3e:00:00:07, " \
    dom0 freehold info web
check "stats has it in a table of its own" dom0_sh '
    freehold stats web | grep -qE "^web +0 +(waiting|connect)"'
check "metrics has it, and is still OpenMetrics" dom0_sh '
    freehold metrics >/tmp/m && python3 /root/t/openmetrics.py /tmp/m &&
        grep -qE "^freehold_vif_packets_total\{name=\"web\",vif=\"0\",direction=\"transmit\"\} [0-9]+$" /tmp/m'
check "network-rate takes an address, and tells what holds" dom0_sh '
    freehold network-rate web 00:16:3e:00:00:07 100Mb/s@20ms &&
        [ "$(freehold network-rate web 0)" = "rate=12500000B/s@20000us" ] &&
        freehold network-rate web 0 0 && [ "$(freehold network-rate web 0)" = rate=0 ]'
ends 6 "a rate that is none: 6" dom0 freehold network-rate web 0 fast
ends 15 "the same address twice: 15" dom0 freehold network-attach web mac=00:16:3e:00:00:07
ends 6 "words that are no card: 6" dom0 freehold network-attach web mac=nonsense
ends 23 "a card that is not there: 23" dom0 freehold network-detach web 7
ends 6 "a card of dom0 is xl's: 6" dom0 freehold network-list 0
check "network-detach -f takes it away" dom0_sh '
    freehold network-detach -f web 00:16:3e:00:00:07 &&
        [ "$(freehold network-list web | wc -l)" = 1 ]'

# --- exit codes ------------------------------------------------------------
ends 6 "mem-set above maxmem: 6" dom0 freehold mem-set web 4g
ends 6 "mem-max above what was measured: 6" dom0 freehold mem-max web 4g
ends 6 "vcpu-set above what was measured: 6" dom0 freehold vcpu-set -i web 9
ends 6 "vcpu-pin to no CPU of the host: 6" dom0 freehold vcpu-pin web 0 4000
ends 6 "mem-set of dom0 is xl's: 6" dom0 freehold mem-set 0 512
ends 21 "no such guest: 21" dom0 freehold sysrq nobody h
ends 2 "no operand: 2" dom0 freehold shutdown
ends 4 "what is not there yet: 4" dom0 freehold save web /root/t/x
ends 4 "-N only tries what can be tried: 4" dom0 freehold -N destroy web
ends 4 "no screen: 4" dom0 freehold create -V /root/t/web.cfg
ends 6 "no such detach key: 6" dom0 freehold console -e nonsense web
ends 15 "options behind the file, and -f: 15" dom0 freehold create -f /root/t/web.cfg -q -e
ends 2 "-vN and no command: 2" dom0 freehold -vN
ends 4 "what never will be: 4" dom0 freehold trigger web nmi

# --- rename ----------------------------------------------------------------
check "rename: xl and we call it by its new name, and its logs too" dom0_sh '
    d=$(freehold domid mail); freehold rename mail post || exit 1
    [ "$(xl domname $d)" = post ] && [ "$(freehold domname $d)" = post ] &&
        [ "$(xenstore-read /vm/$(xenstore-read /local/domain/$d/vm | cut -d/ -f3)/name)" = post ] &&
        ! freehold domid mail 2>/dev/null && [ -s '$LOGS'/post.log ] &&
        [ ! -e '$LOGS'/mail.log ] && freehold console -d post | grep -q FREEHOLD-INIT'
ends 15 "to a name that is taken: 15" dom0 freehold rename post web
check "and back" dom0 freehold rename post mail

# --- completion ------------------------------------------------------------
check "bash completes commands, options and guests" dom0_sh '
    [ "$(freehold complete destroy "" | sort | tr "\n" " ")" = "mail web " ] &&
        [ "$(freehold complete shutd)" = shutdown ] &&
        freehold complete list - | grep -qx -- --numa'

# --- all at once -----------------------------------------------------------
check "shutdown -a -w stops every guest" dom0_sh '
    timeout 120 freehold shutdown -a -w || exit 1
    ! freehold list | grep -E "^(web|mail) "'
