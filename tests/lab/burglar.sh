#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# burglar.sh - a guest's kernel that is after its steward (tests/guest/burglar)
# lab: ours
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/guest.sh"

LOGS=/var/log/freehold
SOURCES=$TOP/tests/guest/burglar

burglar() { # NAME CMDLINE: start one
    dom0 mkdir -p /root/guest
    guest_config "$1" 'kernel = "/freehold/guest/burglar.elf"' 'ramdisk = ""' \
        'memory = 32' "cmdline = \"$2\"" 'on_reboot = "destroy"' \
        'on_crash = "destroy"' &&
        dom0_sh "rm -f $LOGS/$1*.log*; timeout 120 freehold create /root/guest/$1.cfg"
}

# What it may take is far less than what a vCPU takes that faults for ever.
GONE_S=60
gone() { # NAME: until there is no such guest
    dom0_sh "for i in \$(seq $GONE_S); do
            freehold list $1 >/dev/null 2>&1 || exit 0
            sleep 1
        done
        freehold list $1; tail -n 5 $LOGS/$1-supervisor.log; exit 1"
}

# --- all that a kernel can try, and live ------------------------------------
check "a burglar boots as any kernel does" burglar burglar '' || exit 0
check "it tries what it can" \
    wait_log 120 '^BURGLAR DONE' "$LOGS/burglar.log"
log=$(dom0 cat "$LOGS/burglar.log" | tr -d '\r')
while read -r verdict rule; do
    case $verdict in
    ok) pass "$rule" ;;
    BAD) fail "${rule%: got *}" "${rule##*: }" ;;
    esac
done < <(grep -E '^(ok|BAD) ' <<<"$log")
same "it tried all that it has" "$(grep -cE '^(ok|BAD) ' <<<"$log")" \
    "$(cat "$SOURCES"/*.c | grep -c '^ *judge("')"

domid=$(dom0 freehold domid burglar)
check_out "dom0 maps the page that it grants of its own" '^mapped' \
    dom0 grant-try "$domid" 8
check_out "and not the one that it grants of its steward's" '^refused$' \
    dom0 grant-try "$domid" 9

# The steward reads the whole of memory for this, by its own tables.
check_out "its steward is there, and serves" '^tracking' \
    dom0_sh 'timeout 60 python3 - burglar track <<"END"
import json, socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(50)
s.connect("/run/freehold/%s/api" % sys.argv[1])
f = s.makefile("rw")
for n, method, params in (1, "subscribe", {}), (2, "steward", {"op": sys.argv[2]}):
    f.write(json.dumps({"jsonrpc": "2.0", "id": n, "method": method, "params": params}) + "\n")
    f.flush()
for line in f:
    o = json.loads(line)
    if o.get("id") == 2 and "error" in o:
        sys.exit(o["error"]["message"])
    if o.get("method") == "steward" and "op" in o["params"]:
        print(o["params"]["transfer"])
        break
END'
check "it is destroyed" dom0 freehold destroy burglar

# --- what it does not survive, nor anybody else suffer from -------------------
for word in jump paging; do
    if burglar "$word" "$word" >/dev/null &&
        wait_log 60 '^BURGLAR HERE' "$LOGS/$word.log"; then
        case $word in
        jump) what="a kernel that executes its steward's memory ends" ;;
        paging) what="a kernel that has it taken for page tables ends" ;;
        esac
        check "$what" gone "$word" || dom0 freehold destroy -f "$word"
    else
        fail "a burglar boots ($word)" "$(dom0_sh "tail $LOGS/$word*.log")"
    fi
done
exit 0
