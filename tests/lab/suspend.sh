#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# suspend.sh - a guest with disk and card under load suspends and goes on, its
# steward sees what it writes meanwhile, and dom0 sees nothing of it
# lab: ours
# area: migrate
# more
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/guest.sh"
. "$(dirname "$0")/disk.sh"
. "$(dirname "$0")/diskkill.sh"
. "$(dirname "$0")/net.sh"

TIMES=${SUSPEND_TIMES:-5}
[ -n "${LONG:-}" ] && TIMES=${SUSPEND_TIMES:-50}
WROTE=4096 # pages that the guest writes for the steward to see
NOISE=1500 # that an idle guest writes meanwhile: agent, timers, console

disk_tools
kill_tools
net_tools || fail "dom0 has bridges and servers"
trap net_tools_gone EXIT
dom0_sh 'cat >/root/guest/steward && chmod 755 /root/guest/steward' <<'TOOL'
#!/usr/bin/env python3
"""steward NAME OP: have a guest's steward do it; what it answers:
TRANSFER PASSES RAM-PAGES DIRTY-PAGES CONTEXT-BYTES WHY
steward NAME void CMD...: run CMD, and wait for a transfer to become void"""
import json, socket, subprocess, sys

s = socket.socket(socket.AF_UNIX)
s.settimeout(60)
s.connect("/run/freehold/%s/api" % sys.argv[1])
rest = b""


def line():
    global rest
    while b"\n" not in rest:
        got = s.recv(65536)
        if not got:
            sys.exit("the supervisor went away")
        rest += got
    one, rest = rest.split(b"\n", 1)
    return json.loads(one)


def call(n, method, **params):
    s.sendall(json.dumps({"jsonrpc": "2.0", "id": n, "method": method,
                          "params": params}).encode() + b"\n")


op = sys.argv[2]
call(1, "subscribe")
while line().get("id") != 1:
    pass
if op == "void":
    subprocess.run(sys.argv[3:], check=True)
else:
    call(2, "steward", op=op)
while True:
    o = line()
    if o.get("id") == 2 and "error" in o:
        sys.exit(o["error"]["message"])
    if o.get("method") != "steward":
        continue
    p = o["params"]
    if ("op" in p) != (op != "void"):
        continue
    print(p["transfer"], p["passes"], p["ram_pages"], p["dirty_pages"],
          p["context_bytes"], p.get("why", ""))
    sys.exit(0)
TOOL
steward() { dom0 timeout 120 /root/guest/steward "$@"; }
state() { dom0_sh "freehold --json info $1 | sed -n 's/.*\"state\": *\"\\([a-z]*\\)\".*/\\1/p' | head -n 1"; }
suspend() { dom0 timeout 90 freehold suspend "$1"; }
resume() { dom0 timeout 30 freehold resume "$1"; }

# One that hears nothing: a minute passes while the others are at work.
guest_config deaf 'kernel = "/freehold/guest/tiny.elf"' 'ramdisk = ""' \
    'memory = 16' 'vcpus = 1' 'cmdline = ""'
check "a guest is made whose kernel hears nothing" guest_create freehold deaf
dom0_sh 'timeout 90 freehold suspend deaf; echo "status $?"' \
    >"$FREEHOLD_RESULTS/deaf" 2>&1 &
deaf=$!

file=$(disk_file s.img 16)
check "a guest with disk and card is up" guest_up freehold sleeper \
    "disk = [ $(disk_spec xvda w raw "$file") ]" "vif = [ $(net_spec 1) ]" \
    'on_crash = "preserve"' || exit 0
check "dom0 answers it" guest_net sleeper eth0 177 2 || exit 0
domid=$(dom0 freehold domid sleeper)

# --- suspended and cancelled, under load ---------------------------------------
load=$(load_start sleeper xvda)
sums=$(transfers_start sleeper a 192.168.177.1 400000)
# Neither clock goes back, nor does either stand still for longer than a suspend.
clock=$(guest_start sleeper 'rm -f /tmp/stop.clock; p=0; q=0
until [ -e /tmp/stop.clock ]; do read u x </proc/uptime; u=${u%.*}${u#*.}; w=$(date +%s)
[ $u -ge $p ] && [ $w -ge $q ] || { echo back: $p $u, $q $w; exit 1; }
p=$u; q=$w; usleep 20000; done; echo went on')
check "fio writes and verifies" load_runs sleeper xvda
out='' i=0
while [ $i -lt "$TIMES" ]; do
    i=$((i + 1))
    out=$(suspend sleeper 2>&1) && [ "$(state sleeper)" = suspended ] &&
        out=$(resume sleeper 2>&1) && [ "$(state sleeper)" = running ] &&
        out=$(load_runs sleeper xvda 2>&1) || break
    out=
done
if [ -z "$out" ] && [ $i = "$TIMES" ]; then
    pass "it suspends and goes on, $TIMES times, its disk at work each time"
else
    fail "it suspends and goes on, $TIMES times, its disk at work each time" \
        "time $i: $(state sleeper): $out"
fi

check "it suspends once more" suspend sleeper
same "info says so" "$(state sleeper)" suspended
check_out "xl lists it so, too" '^sleeper .* [-rbp]{3}ss- ' dom0 xl list
check_fails "it cannot be asked to stop" 'is suspended and hears nothing' \
    dom0 freehold shutdown sleeper
for op in logdirty clean context; do
    check_out "dom0 has no $op of it" '^EPERM$' dom0_sh "domctl-try $domid $op; true"
done
sup=$(supervisor_pid sleeper)
dom0 kill -9 "$sup"
check "its supervisor is killed, another takes it over, suspended" dom0_sh "
    setsid freehold run sleeper >/root/guest/sleeper.run 2>&1 </dev/null &
    timeout 60 freehold events -u suspended sleeper >/dev/null ||
        { cat /root/guest/sleeper.run; exit 1; }"
check "which lets it go on" resume sleeper
check_out "dom0 cannot resume what runs" '^EPERM$' \
    dom0_sh "domctl-try $domid resume; true"
check "its disk is at work" load_runs sleeper xvda
before=$(dom0 date +%s)
now=$(guest_run sleeper 'date +%s' | head -n 1)
after=$(dom0 date +%s)
if [ "${now:-0}" -ge $((before - 2)) ] && [ "$now" -le $((after + 2)) ]; then
    pass "it tells dom0's time"
else
    fail "it tells dom0's time" "$now, want $before..$after"
fi

check_out "no transfer was wrong" '^[1-9][0-9]* passes' transfers_stop sleeper a "$sums"
check_out "every byte of its disk was right" '^[1-9][0-9]* passes' \
    load_stop sleeper xvda "$load"
check "its clocks are asked" guest_run sleeper 'touch /tmp/stop.clock'
check_out "they went on" 'went on' guest_wait sleeper "$clock" 60
check "its kernel saw no error of a disk" guest_clean sleeper
check "nor of a card" guest_net_clean sleeper

# --- what its steward sees -------------------------------------------------------
read -r transfer passes ram dirty rest < <(steward sleeper track)
same "the steward tracks it" "$transfer $passes $dirty" "tracking 0 0"
pages=$((${GUEST_MEM:-256} * 256))
if [ "${ram:-0}" -le $pages ] && [ "${ram:-0}" -gt $((pages - 256)) ]; then
    pass "it knows the guest's memory: $ram pages"
else
    fail "it knows the guest's memory" "$ram pages, want about $pages"
fi
steward sleeper pass >/dev/null # what tracking itself made noise of
read -r transfer passes ram idle rest < <(steward sleeper pass)
check "the guest writes $WROTE pages" guest_run sleeper \
    "dd if=/dev/urandom of=/tmp/wrote bs=4096 count=$WROTE 2>/dev/null"
read -r transfer passes ram dirty rest < <(steward sleeper pass)
if [ "${dirty:-0}" -ge $WROTE ] && [ "$dirty" -le $((WROTE + NOISE)) ] &&
    [ "${idle:-$NOISE}" -lt $NOISE ]; then
    pass "the log has them, and few others: $dirty; idle: $idle"
else
    fail "the log has them, and few others" \
        "$dirty, want $WROTE..$((WROTE + NOISE)); idle: $idle, want less than $NOISE"
fi
check "the guest reads them" guest_run sleeper 'cat /tmp/wrote >/dev/null'
read -r transfer passes ram dirty rest < <(steward sleeper pass)
if [ "${dirty:-$WROTE}" -lt $NOISE ]; then
    pass "the log has nothing that was only read: $dirty"
else
    fail "the log has nothing that was only read" "$dirty, want less than $NOISE"
fi
check_out "no vCPU's state is to be had while it runs" \
    '^tracking .* guest: it runs, want it suspended' steward sleeper final
check "it suspends while it is tracked" suspend sleeper
read -r transfer passes ram dirty context rest < <(steward sleeper final)
same "then the steward takes the rest" "$transfer" final
if [ "${context:-0}" -gt 4000 ]; then
    pass "... and the vCPUs: $context bytes"
else
    fail "... and the vCPUs" "${context:-nothing}: $rest"
fi
check_out "as the guest goes on, that is void" '^idle .* guest: it runs again' \
    steward sleeper void freehold resume sleeper
check_out "which dom0 asks for at the wrong time does nothing" \
    '^idle .* it is in state 0, want 1' steward sleeper pass
check_out "the steward can begin anew" '^tracking' steward sleeper track
check_out "... and is told to forget it" '^idle' steward sleeper cancel
check "the guest is as before" guest_run sleeper 'cat /tmp/wrote | wc -c'

# --- another kernel ---------------------------------------------------------------
older=$(disk_file older.img 16)
GUEST_KERNEL=6.1 GUEST_VCPUS=1 GUEST_MEM=160
check "a guest of Debian 12's kernel is up" guest_up freehold older \
    "disk = [ $(disk_spec xvda w raw "$older") ]"
unset GUEST_KERNEL GUEST_VCPUS GUEST_MEM
load=$(load_start older xvda)
check "... and writes" load_runs older xvda
check "it suspends" suspend older
check "it goes on" resume older
check "its disk is at work" load_runs older xvda
check_out "and was right" '^[1-9][0-9]* passes' load_stop older xvda "$load"
# Xenstored tells of its end only if it knows that the domain was resumed.
guest_start older 'sleep 1; poweroff -f' >/dev/null
check "it powers off, and its supervisor sees it" dom0_sh '
    for i in $(seq 150); do
        [ -e /run/freehold/older ] || exit 0
        sleep 0.2
    done; freehold info older; exit 1'

# --- the same for a stock guest, and ends ----------------------------------------
guest_config plain 'kernel = "/freehold/guest/canary.elf"' 'ramdisk = ""' \
    'memory = 64' 'vcpus = 1' 'cmdline = "canary.seed=7"'
check "an ordinary guest is up" guest_create xl plain
plain=$(dom0 xl domid plain)
for op in logdirty clean context resume; do
    check_out "dom0 has $op of that" '^ok$' dom0 domctl-try "$plain" $op
done
dom0 xl destroy plain

wait $deaf
check_out "the deaf guest has not heard, and runs on" \
    'deaf: suspend: its kernel has not heard' cat "$FREEHOLD_RESULTS/deaf"
check_out "... which is told by the exit code" '^status 9$' cat "$FREEHOLD_RESULTS/deaf"
same "... and by info" "$(state deaf)" running
check "destroy ends it" dom0 freehold destroy deaf

check "a guest suspends that is to crash" suspend sleeper
check "it crashes" dom0 domctl-try "$domid" crash
check "its supervisor sees that" dom0 timeout 60 freehold events -u kept sleeper
check_out "dom0 cannot resume what crashed" '^EPERM$' \
    dom0_sh "domctl-try $domid resume; true"
check "destroy ends that, too" dom0 freehold destroy sleeper
check "and leaves nothing of its disk" no_trace sleeper "$domid"
check "nor of its card" net_no_trace sleeper "$domid"
exit 0
