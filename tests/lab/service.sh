#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# service.sh - guests as units of systemd: started, stopped, taken over,
# reloaded, restarted; at the end the host goes down
# lab: ours
# last
. "$(dirname "$0")/lib.sh"

G=/freehold/guest
KILLS=3
[ -n "${LONG:-}" ] && KILLS=50

dom0_sh 'mkdir -p /etc/freehold; rm -f /var/log/freehold/*.log' # of other suites

# config NAME LINE...: /etc/freehold/NAME.cfg in dom0.
config() {
    printf '%s\n' "name = \"$1\"" 'type = "pvh"' "kernel = \"$G/vmlinuz-6.12\"" \
        "ramdisk = \"$G/initrd-small\"" 'memory = 128' 'vcpus = 1' "${@:2}" |
        host_ssh 1 "cat >/etc/freehold/$1.cfg"
}
# drop_in NAME LINE...: what an administrator adds to one guest's unit.
drop_in() {
    printf '%s\n' "${@:2}" | host_ssh 1 "mkdir -p /etc/systemd/system/freehold@$1.service.d
        cat >/etc/systemd/system/freehold@$1.service.d/lab.conf
        systemctl daemon-reload"
}
unit() { dom0 systemctl show -P "$2" "freehold@$1"; }
start() { dom0 timeout 240 systemctl start "freehold@$1"; }
# Wait until systemd says so; it tells nobody, so it is asked.
becomes() { # SECONDS NAME PROPERTY REGEX
    dom0 timeout "$1" bash -c 'until systemctl show -P "$1" "freehold@$0" |
        grep -qE -- "$2"; do usleep 50000 2>/dev/null || sleep 0.05; done' "$2" "$3" "$4"
}
says() { # NAME SECONDS REGEX: the guest's console
    wait_log "$2" "$3" "/var/log/freehold/$1.log"
}
domid() { dom0 freehold domid "$1"; }
journal() { dom0 journalctl -q --no-pager "FREEHOLD_GUEST=$1" "${@:2}"; }

check "the units are well formed" dom0 systemd-analyze verify --man=no \
    freehold@web.service freehold-guests.service freehold.slice

# --- a guest's day --------------------------------------------------------
config web 'cmdline = "console=hvc0 fh.run=count"'
drop_in web '[Service]' 'WatchdogSec=6s' # it may hang, later
check "systemctl start waits until the guest's kernel runs" start web
check_out "... and it does" '"state": *"running"' dom0 freehold --json info web
check_out "systemctl status says what it does" 'its kernel was started' \
    unit web StatusText
check_out "its lines are in the journal, with their fields" \
    '"FREEHOLD_DOMID" *: *"[1-9]' journal web -o json -n 1
check_out "... and their level" '^6$' \
    dom0_sh "journalctl -q FREEHOLD_GUEST=web -o json -n 1 |
        python3 -c 'import json, sys; print(json.load(sys.stdin)[\"PRIORITY\"])'"

# --- its supervisor is killed ---------------------------------------------
says web 100 '^count 20.$'
first=$(domid web)
for ((i = 1; i <= KILLS; i++)); do
    pid=$(unit web MainPID)
    dom0 kill -9 "$pid"
    becomes 30 web NRestarts "^$i\$" && becomes 30 web ActiveState '^active$' &&
        [ "$(unit web MainPID)" != "$pid" ] && [ "$(domid web)" = "$first" ] || break
done
if [ "$i" -gt "$KILLS" ]; then
    pass "killed $KILLS times, it is taken over each time"
else
    fail "killed $KILLS times, it is taken over each time" \
        "the $i. time: $(journal web -n 20)"
fi
check_out "systemd counted them" "^$KILLS\$" unit web NRestarts
last=$(dom0_sh "grep -c '^count ' /var/log/freehold/web.log")
says web 60 "^count $((last + 50)).\$"
check "no line of its console is lost" dom0_sh \
    "tr -d '\\r' </var/log/freehold/web.log | sed -n 's/^count //p' | sort -nu |
     awk '\$1 != ++n { print \"after\", n - 1, \"comes\", \$1; exit 1 }'"
check_out "who attaches afterwards sees the boot" 'FREEHOLD-INIT' \
    dom0_sh 'freehold console -d web </dev/null'

# --- it hangs, it is upgraded ---------------------------------------------
pid=$(unit web MainPID)
check "systemctl reload" dom0 systemctl reload freehold@web
check_out "... keeps process and guest" "^$pid $first\$" \
    dom0_sh 'echo $(systemctl show -P MainPID freehold@web) $(freehold domid web)'
check "an upgrade of the package" dom0_sh 'dpkg -i /freehold/deb/freehold_*.deb'
check_out "... has the new program run in the old process" "^/usr/bin/freehold\$" \
    dom0 readlink "/proc/$pid/exe"
check_out "... and the guest runs on" "^$first\$" domid web
check_out "freehold reload --all does the same" '^0$' \
    dom0_sh 'freehold reload --all; echo $?'
dom0_sh 'cp /usr/bin/freehold /root/kept; rm /usr/bin/freehold'
check_fails "without a program there is no reload" 'reload: .*No such file' \
    dom0 /root/kept reload web
dom0_sh 'echo "#!/nowhere" >/usr/bin/freehold; chmod 755 /usr/bin/freehold'
check_fails "one that cannot be started leaves the old supervisor" \
    'the old one goes on' dom0 /root/kept reload web
check_out "... and the guest" "^$first\$" dom0 /root/kept domid web
dom0_sh 'cp /root/kept /usr/bin/freehold.new &&
    mv /usr/bin/freehold.new /usr/bin/freehold'
dom0 kill -STOP "$pid"
if becomes 60 web NRestarts "^$((KILLS + 1))\$" && becomes 60 web ActiveState '^active$'; then
    pass "one that hangs is replaced, too"
else
    fail "one that hangs is replaced, too" "$(journal web -n 20)"
fi

# --- ends -----------------------------------------------------------------
check "systemctl stop" dom0 timeout 100 systemctl stop freehold@web
check_out "... lets the guest power off" 'ended -> gone: it powered off' \
    journal web -o cat -n 3
check_out "... and the unit ends well" '^success inactive$' \
    dom0_sh 'systemctl show -P ActiveState -P Result freehold@web | xargs'

config deaf 'cmdline = "console=hvc0 fh.run=deaf"'
drop_in deaf '[Service]' 'ExecStart=' \
    'ExecStart=/usr/bin/freehold run --stop-timeout 3 %i'
start deaf && says deaf 100 'built-in shell'
check "systemctl stop of a guest that does not listen" \
    dom0 timeout 60 systemctl stop freehold@deaf
check_out "... destroys it, and says so" 'did not stop in 3 s: it is destroyed' \
    journal deaf -o cat
check_fails "... and nothing is left" 'there is none' dom0 freehold domid deaf

config off 'cmdline = "console=hvc0 fh.run=poweroff"'
start off
check "a guest that powers off ends its unit" becomes 60 off ActiveState '^inactive$'
check_out "... for good" '^0$' unit off NRestarts

config again 'on_poweroff = "restart"' "kernel = \"$G/tiny.elf\"" 'ramdisk = ""' \
    'cmdline = "halt"' 'memory = 16'
start again
pid=$(unit again MainPID)
# While it dies and comes back, nobody else can have its name.
check_out "while a guest is restarted, its name is taken" '^only 15$' dom0_sh '
    for i in $(seq 40); do freehold create /etc/freehold/again.cfg 2>/dev/null
        echo $?; done | sort -u | xargs echo only'
if dom0 timeout 100 bash -c 'until freehold --json info again |
        grep -qE "\"restarts\": *[3-9]"; do sleep 0.1; done'; then
    pass "a guest that ends at once is made anew, again and again"
else
    fail "a guest that ends at once is made anew, again and again" \
        "$(journal again -n 20)"
fi
check_out "... by the same supervisor" "^$pid\$" unit again MainPID
check_out "... ever more slowly" 'restart in [1-9]' journal again -o cat
dom0 freehold destroy again

# --- mistakes -------------------------------------------------------------
config bad 'memory = '
check_fails "a bad configuration fails the unit" 'failed' start bad
check_out "... and the journal says where" '/etc/freehold/bad.cfg:[0-9]+:[0-9]+:' \
    dom0 journalctl -q --no-pager -u freehold@bad -o cat
check_out "... and it is not tried again" '^0$' unit bad NRestarts
config web2 'cmdline = "console=hvc0"'
dom0 mv /etc/freehold/web2.cfg /etc/freehold/other.cfg
start other 2>/dev/null
check_out "a file that is called otherwise than its guest" \
    'name: got web2, want other' dom0 journalctl -q --no-pager -u freehold@other -o cat

# --- the host goes down ---------------------------------------------------
config db 'cmdline = "console=hvc0"'
config web 'cmdline = "console=hvc0"'
config hand 'cmdline = "console=hvc0"'
drop_in web '[Unit]' 'After=freehold@db.service'
dom0_sh 'rm -f /var/log/freehold/*.log'
dom0 systemctl -q enable freehold@db freehold@web freehold-guests
check "enabled guests come with the host" \
    dom0 timeout 240 systemctl start multi-user.target
check_out "... both of them" '^active active$' \
    dom0_sh 'systemctl is-active freehold@db freehold@web | xargs'
check "one more, by hand" dom0 freehold create /etc/freehold/hand.cfg
for g in db web hand; do says $g 100 'built-in shell'; done
dom0_sh 'mkdir -p /etc/systemd/journald.conf.d
    printf "[Journal]\nForwardToConsole=yes\nTTYPath=/dev/console\n" \
        >/etc/systemd/journald.conf.d/lab.conf
    systemctl restart systemd-journald
    systemctl --no-block poweroff'
pid=$(cat "$LAB/1/pid")
if timeout 120 tail --pid="$pid" -f /dev/null; then
    pass "the host goes down by itself"
else
    fail "the host goes down by itself" "$(lab_console 1 | tail -n 30)"
fi
order=$(lab_console 1 |
    grep -E 'guest [a-z]+: (ended -> gone|stopped)|Stopping xen\.service')
ends=$(sed -n 's/.*guest \([a-z]*\): ended -> gone: it powered off.*/\1/p
    s/.*guest \([a-z]*\): stopped.*/\1/p
    s/.*Stopping xen.service.*/xen/p' <<<"$order" | xargs)
if [ "$ends" = "web db hand xen" ]; then
    pass "guests power off in their order, the others next, then xenstored"
else
    fail "guests power off in their order, the others next, then xenstored" \
        "got $ends: $order"
fi
exit 0
