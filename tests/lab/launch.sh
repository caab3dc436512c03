#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# launch.sh - `freehold` against real Xen: kernels, shapes, ends, bad input
# lab: ours
. "$(dirname "$0")/lib.sh"

G=/freehold/guest
LOGS=/var/log/freehold
LONG=${LONG:-} # the whole of it; else what no other suite shows
dom0 mkdir -p /root/t

# config NAME [LINE...]: /root/t/NAME.cfg in dom0; later lines win.
config() {
    local name=$1
    shift
    {
        printf '%s\n' "name = \"$name\"" 'type = "pvh"' \
            "kernel = \"$G/vmlinuz-6.12\"" "ramdisk = \"$G/initrd-small\"" \
            'memory = 192' 'vcpus = 1' "$@"
    } | awk -F' *= *' '{ if (!($1 in v)) k[++n] = $1; v[$1] = $0 }
        END { for (i = 1; i <= n; i++) print v[k[i]] }' |
        host_ssh 1 "cat >/root/t/$name.cfg; rm -f $LOGS/$name.log"
}
create() { dom0 timeout 240 freehold create "/root/t/$1.cfg" "${@:2}"; }

# boots NAME WHAT REGEX: create, and wait for a line of its console.
boots() {
    local name=$1 what=$2 re=$3 out
    if out=$(create "$name" 2>&1) && wait_log 300 "$re" "$LOGS/$name.log"; then
        pass "$what"
    else
        fail "$what" "$out
$(dom0_sh "tail -n 15 $LOGS/$name.log; tail -n 5 $LOGS/$name-supervisor.log; xl dmesg | tail -n 15")"
        return 1
    fi
}

# Nothing of a guest may be left: no domain, xenstore node, process, socket.
traceless() {
    dom0_sh "
        if freehold list $1 >/dev/null 2>&1; then echo listed; exit 1; fi
        if ls -d /run/freehold/$1 2>/dev/null; then exit 1; fi
        for d in \$(xenstore-list /local/domain); do
            n=\$(xenstore-read /local/domain/\$d/name 2>/dev/null)
            [ \"\$n\" != '$1' ] || { echo \"xenstore: domain \$d\"; exit 1; }
        done
        for v in \$(xenstore-list /vm 2>/dev/null); do
            n=\$(xenstore-read /vm/\$v/name 2>/dev/null)
            [ \"\$n\" != '$1' ] || { echo \"xenstore: /vm/\$v\"; exit 1; }
        done
        if pgrep -fa 'freehold (create|run) .*$1'; then exit 1; fi"
}
domains() { dom0_sh "xl list | awk 'NR > 1 { print \$2 }' | tr '\n' ' '"; }

check_out "check finds this host fit" 'ok' dom0 freehold check
check_out "check: each condition has a row; what the lab lacks is noted, with the remedy" \
    '^note +iommu +none in use .* switch on ' dom0 freehold check
check_out "check: and what it does not lack is ok" '^ok +vpmu +off ' dom0 freehold check
check "check --json is JSON, and says the same" dom0_sh 'freehold check --json | python3 -c "
import json, sys
row = {r[\"check\"]: r for r in json.load(sys.stdin)}
assert row[\"iommu\"][\"result\"] == \"note\" and row[\"iommu\"][\"remedy\"], row
assert row[\"protection\"][\"result\"] == \"ok\", row"'
check_out "info has what the host lacks" '^posture.lacks *: iommu, interrupt-remapping, dom0-iommu$' \
    dom0 freehold info

# --- a guest's whole life -------------------------------------------------
config web 'cmdline = "console=hvc0 fh.words=kept"' 'vcpus = 2'
if boots web "Debian 13's 6.12 kernel boots to its prompt, 2 vCPUs" \
    'kernel 6\.12.*, 2 cpus'; then
    check_out "list shows it, in xl's columns" \
        '^web +[0-9]+ +1[0-9]{2} +[0-9]+ +[r-][b-]---- +[0-9.]+$' \
        dom0 freehold list
    check "measure predicted what info reports" dom0_sh '
        a=$(freehold measure /root/t/web.cfg | grep -oE "[0-9a-f]{64}" | head -n 1)
        b=$(freehold info web | grep -oE "[0-9a-f]{64}" | head -n 1)
        [ -n "$a" ] && [ "$a" = "$b" ] || { echo "predicted $a"; echo "reported $b"; exit 1; }'
    check "in xenstore it owns its own part, and only reads the rest" dom0_sh '
        d=$(xl domid web); t=/local/domain/$d
        got=$(xenstore-ls -fp /local/domain)
        for leaf in "" /name /vm /memory/target /console/port /cpu/0/availability; do
            grep -qE "^$t$leaf = .*\(n0,r$d\)$" <<<"$got" || { echo "want n0,r$d: $t$leaf"; bad=1; }
        done
        for leaf in /control /control/feature-poweroff /data /attr /error; do
            grep -qE "^$t$leaf = .*\(n$d\)$" <<<"$got" || { echo "want n$d: $t$leaf"; bad=1; }
        done
        [ -z "$bad" ] || { echo "$got"; exit 1; }'
    check_fails "a second guest of the same name is refused at once" 'web' create web
    dom0_sh 'exec 3> >(timeout 60 freehold console web >/root/t/web.typed 2>&1)
        echo "echo typed-\$((40 + 2)); cat /proc/mtrr; dmesg | grep -i -e PAT -e MTRR;
            grep -i -e c0000 -e c0001 /sys/kernel/debug/x86/pat_memtype_list; echo END-OF-WORDS" >&3
        tail -n +1 -F '"$LOGS/web.log"' 2>/dev/null | timeout 60 grep -qE "^END-OF-WORDS"
        exec 3>&-'
    check "the console takes input" wait_log 60 'typed-42' "$LOGS/web.log"
    check "dom0 tells it to power off, and waits" \
        dom0 timeout 120 freehold shutdown -w web
    check "nothing of it is left" traceless web
    out=$(dom0_sh "cat $LOGS/web.log")
    if grep -q 'MTRR' <<<"$out" && ! grep -q 'uncached-minus' <<<"$out" &&
        grep -qE 'write-back' <<<"$out"; then
        pass "its rings are write-back"
    else
        fail "its rings are write-back" "$(grep -i -e mtrr -e pat -e 'uncached' <<<"$out")"
    fi
fi

if [ -n "$LONG" ]; then
config four 'vcpus = 4' 'memory = 256' 'cmdline = "console=hvc0 fh.run=poweroff"'
check "4 vCPUs: boots, powers off, is gone" \
    dom0 timeout 300 freehold create -F /root/t/four.cfg
check_out "it saw its 4 vCPUs" '4 cpus' dom0 cat "$LOGS/four.log"
check "nothing of it is left (four)" traceless four
fi

config old "kernel = \"$G/vmlinuz-6.1\"" 'cmdline = "console=hvc0 fh.run=poweroff"'
check "Debian 12's 6.1 kernel: boots, powers off, is gone" \
    dom0 timeout 300 freehold create -F /root/t/old.cfg
check_out "it was 6.1" 'kernel 6\.1\.' dom0 cat "$LOGS/old.log"

if [ -n "$LONG" ]; then
config small 'memory = 128' 'cmdline = "console=hvc0 fh.run=poweroff"'
check "128 MiB are enough for a small initrd" \
    dom0 timeout 300 freehold create -F /root/t/small.cfg
check_out "it came to its init (128 MiB)" 'FREEHOLD-INIT' dom0 cat "$LOGS/small.log"
fi

# No populate-on-demand: it is built with maxmem and asked to give back.
if [ -n "$LONG" ]; then
config roomy 'memory = 160' 'maxmem = 256'
if boots roomy "maxmem above memory: built with all of it, measured so" \
    'FREEHOLD-INIT'; then
    check "measure predicted it (maxmem)" dom0_sh '
        a=$(freehold measure /root/t/roomy.cfg)
        freehold info roomy | grep -q "^measurement *: $a$"'
    check "its balloon driver gives back all above memory" dom0_sh '
        for i in $(seq 120); do
            m=$(freehold list roomy | awk "NR == 2 { print \$3 }")
            [ "$m" -le 164 ] && exit 0
            sleep 1
        done
        freehold list roomy; exit 1'
    check "destroy ends it (maxmem)" dom0 freehold destroy roomy
fi
check "nothing of it is left (maxmem)" traceless roomy
fi

config grub "kernel = \"$G/grub-pvh.bin\"" 'ramdisk = ""'
boots grub "PVH GRUB comes to its own prompt" 'grub>|GNU GRUB' &&
    check "destroy ends it" dom0 freehold destroy grub

config tiny "kernel = \"$G/tiny.elf\"" 'ramdisk = ""' 'memory = 16' 'cmdline = "spin"'
boots tiny "a freestanding ELF guest runs in 16 MiB" '.' &&
    check "destroy ends it (tiny)" dom0 freehold destroy tiny
check "nothing of it is left (tiny)" traceless tiny

if [ -n "$LONG" ]; then
config crowd "kernel = \"$G/tiny.elf\"" 'ramdisk = ""' 'memory = 64' 'cmdline = "spin"' \
    'vcpus = 127'
boots crowd "127 vCPUs: as many as Xen has, but for the steward's" 'TINY vcpus=127 ' &&
    check "destroy ends it (crowd)" dom0 freehold destroy crowd
fi

# --- on_* -----------------------------------------------------------------
if [ -n "$LONG" ]; then
config again 'cmdline = "console=hvc0 fh.run=reboot"' 'on_reboot = "restart"'
if boots again "on_reboot=restart: it boots" FREEHOLD-INIT; then
    check "... and boots once more by itself" dom0_sh "
        timeout 300 bash -c 'tail -n +1 -F $LOGS/again.log 2>/dev/null |
            grep -m2 FREEHOLD-INIT | sed -n 2q'"
    check "destroy ends it (again)" dom0 freehold destroy again
    check "nothing of it is left (again)" traceless again
fi
fi

if [ -n "$LONG" ]; then
config bye 'cmdline = "console=hvc0 fh.run=reboot"' 'on_reboot = "destroy"'
check "on_reboot=destroy: a reboot ends it" \
    dom0 timeout 300 freehold create -F /root/t/bye.cfg
check "nothing of it is left (bye)" traceless bye
fi

config oops 'cmdline = "console=hvc0 panic=1 fh.run=crash"' 'on_crash = "preserve"'
if boots oops "on_crash=preserve: it runs into its crash" 'sysrq: Trigger a crash|FREEHOLD-INIT'; then
    check "... and is kept, crashed, to look at" dom0_sh '
        for i in $(seq 60); do
            freehold list | grep -qE "^oops .* ---sc- " && exit 0
            sleep 0.5
        done; freehold list; exit 1'
    check "destroy ends it (oops)" dom0 freehold destroy oops
fi

# --- somebody else destroys the domain --------------------------------------
# gone NAME: within 30 s the supervisor has let go, without being asked.
gone() {
    dom0_sh "for i in \$(seq 60); do
            [ -e /run/freehold/$1 ] || break
            sleep 0.5
        done
        freehold list; xl list
        ! xl list | grep -qE -e '^$1 ' -e '^\(null\) '" && traceless "$1"
}
if [ -n "$LONG" ]; then
config kept 'cmdline = "console=hvc0 panic=1 fh.run=crash"' 'on_crash = "preserve"'
if boots kept "a guest to be kept" 'sysrq: Trigger a crash|FREEHOLD-INIT'; then
    dom0_sh 'for i in $(seq 60); do
        freehold list | grep -qE "^kept .* ---sc- " && break
        sleep 0.5
    done'
    check "xl destroy of a kept guest" dom0 xl destroy kept
    check "... its supervisor lets go, and the name is free" gone kept
fi
fi

config early 'memory = 16' "kernel = \"$G/tiny.elf\"" 'ramdisk = ""' 'cmdline = "spin"'
check "a guest made with -p" dom0 timeout 60 freehold create -p /root/t/early.cfg
check "xl destroy of it, before its launch" dom0 xl destroy early
check "... its supervisor lets go, and the name is free (early)" gone early

# --- bad input: one line with the remedy, and nothing left behind -----------
before=$(domains)
bad() { # NAME WHAT REGEX
    check_fails "$2" "$3" create "$1"
    check "nothing of it is left ($1)" traceless "$1"
}
config nokern 'kernel = "/nowhere/vmlinuz"'
bad nokern "a missing kernel" '/nowhere/vmlinuz.*[Nn]o such file'
dom0_sh 'head -c 300000 /dev/urandom >/root/t/garbage;
    head -c 1000000 /freehold/guest/vmlinuz-6.12 >/root/t/cut'
config garbage 'kernel = "/root/t/garbage"'
bad garbage "a kernel that is neither bzImage nor PVH ELF" 'bzImage|ELF'
config cut 'kernel = "/root/t/cut"'
bad cut "a kernel cut short" '[Kk]ernel|cut'
config bigrd "ramdisk = \"$G/initrd-debian\"" 'memory = 64'
bad bigrd "an initrd and kernel larger than memory" '[Mm]emory|MiB'
config less 'memory = 8'
bad less "too little memory" '[Mm]emory'
config more 'memory = 900000'
bad more "more memory than the host has" '[Mm]emory'
config crowded 'vcpus = 128'
bad crowded "a vCPU more than Xen has" 'crowded\.cfg:[0-9]+:[0-9]+: vcpus: got .*128, want 1\.\.127'
config cmd 'cmdline = "console=hvc0 xen_blkfront.trusted=1"'
bad cmd "a command line that trusts backends" 'trusted'
dom0_sh 'printf "name = \"typo\"\nkernel = \n" >/root/t/typo.cfg'
bad typo "a configuration that does not parse" 'typo.cfg:2'
check_fails "info of a guest that is not there" 'nobody' dom0 freehold info nobody
[ "$(domains)" = "$before" ] && pass "no domain is left of them" ||
    fail "no domain is left of them" "before: $before, now: $(domains)"

# --- kill -9 at every stage -------------------------------------------------
config killed "ramdisk = \"$G/initrd-25m\"" 'memory = 256'
stages='20 200 800'
[ -n "$LONG" ] && stages='5 20 50 100 200 400 800 1600 3200'
for ms in $stages; do
    out=$(dom0_sh "
        freehold create /root/t/killed.cfg >/dev/null 2>&1 &
        c=\$!
        sleep $(awk "BEGIN { print $ms / 1000 }")
        kill -9 \$c \$(pgrep -P \$c)
        wait \$c 2>/dev/null
        n=\$(xl list | awk '\$1 == \"killed\"' | wc -l)
        l=\$(freehold list | awk '\$1 == \"killed\"' | wc -l)
        [ \$n -le \$l ] || { echo \"xl lists \$n, we list \$l\"; freehold list; exit 1; }
        if [ \$l -gt 0 ]; then freehold destroy killed || exit 1; fi
        exit 0" 2>&1) && out+=$(traceless killed 2>&1) &&
        pass "killed after $ms ms: list tells the truth, destroy cleans up" ||
        fail "killed after $ms ms: list tells the truth, destroy cleans up" "$out"
done
# A handle is anybody's to change: a live supervisor's word comes first.
config renamed 'memory = 16' "kernel = \"$G/tiny.elf\"" 'ramdisk = ""' 'cmdline = "spin"'
if boots renamed "a guest whose handle is to change" '.'; then
    out=$(dom0_sh '
        python3 -c "
import ctypes, sys
xc = ctypes.CDLL(\"libxenctrl.so.4.20\")
xc.xc_interface_open.restype = ctypes.c_void_p
h = ctypes.c_void_p(xc.xc_interface_open(None, None, 0))
sys.exit(xc.xc_domain_sethandle(h, int(sys.argv[1]), bytes(16)))
" $(xl domid renamed) || { echo the handle was not changed; exit 1; }
        freehold list
        freehold list | grep -qE "^renamed +[0-9]+ " || exit 1
        [ $(freehold list | grep -c "^renamed ") = 1 ] || exit 1
        freehold destroy renamed' 2>&1) && out+=$(traceless renamed 2>&1) &&
        pass "a changed handle hides no guest: list and destroy find it" ||
        fail "a changed handle hides no guest: list and destroy find it" "$out"
fi
if [ -n "$LONG" ]; then
config heir 'cmdline = "console=hvc0"'
if boots heir "a guest whose supervisor is to die" FREEHOLD-INIT; then
    out=$(dom0_sh '
        pid=$(freehold info --json heir | sed -n "s/.*\"supervisor_pid\": *\([0-9]*\).*/\1/p")
        kill -9 $pid
        freehold list | grep -q "^heir " || { echo not listed; exit 1; }
        freehold destroy heir' 2>&1) && out+=$(traceless heir 2>&1) &&
        pass "a running guest outlives its supervisor; destroy cleans up" ||
        fail "a running guest outlives its supervisor; destroy cleans up" "$out"
fi
fi

check "the supervisors' logs have no line that is not ours" \
    dom0_sh "! grep -hvE '^[0-9:.]{12} ' $LOGS/*-supervisor.log"
[ "$(domains)" = "$before" ] && pass "no domain is left of all this" ||
    fail "no domain is left of all this" "before: $before, now: $(domains)"
exit 0
