# SPDX-License-Identifier: MIT
# migrate.sh - guests that move, and what must be the same behind it: for suites
# migrate-*
#
# Source lib.sh and guest.sh first.  A guest has a memory checker
# (tests/lab/tools/memcheck.c) on its console: each second a line with its pid,
# its clocks, and how many pages were wrong.  With two hosts, `on HOST` says
# whose dom0 is meant.

MIG=/root/mig # dom0's folder of sockets and of what receivers say
MIG_S=${MIG_S:-600}

# migrate_tools: put what runs in dom0 there.  Once a host, before the others.
migrate_tools() {
    guest_tools
    dom0_sh 'cat >/root/guest/mig && chmod 755 /root/guest/mig' \
        <"$TOP/tests/lab/tools/migrate.py"
    dom0_sh "mkdir -p $MIG && rm -rf $MIG/*"
}

mig_get() { dom0 /root/guest/mig get "$@"; }   # NAME KEY...
mig_when() { dom0 /root/guest/mig when "$@"; } # NAME SECONDS TEST... [-- CMD..]
levels() { dom0 /root/guest/mig levels "$@"; } # [NAME]
settled() { dom0 /root/guest/mig settled "$@"; } # SECONDS [NAME] LEVELS...
runs() { dom0 xl domid "$1" 2>/dev/null; }       # its number

# --- the guest --------------------------------------------------------------------
# mem_guest NAME [LINE...]: up, with a checker of MEM_MIB that rewrites MEM_RATE
# pages a second; MEM_SEED: whose canary they have.
mem_guest() {
    guest_up freehold "$@" && mem_start "$1" && mem_goes_on "$1" 1 120
}
mem_start() { # NAME
    guest_run "$1" "(memcheck run ${MEM_MIB:-96} ${MEM_RATE:-300} ${MEM_SEED:-0}
echo MEM EXIT \$?) >/dev/hvc0 2>&1 &"
}
# mem_goes_on NAME [LINES [SECONDS]]: so many seconds of it with nothing wrong;
# prints its last line.
mem_goes_on() { dom0 /root/guest/mig checker "$1" "${2:-3}" "${3:-90}"; }
mem_last() { dom0 /root/guest/mig last "$1"; }
mem_field() { sed -n "s/.* $2=\([0-9a-fx]*\).*/\1/p" <<<"$1"; } # LINE KEY
# mem_answer NAME COMMAND: guest_run without the checker's lines in between.
mem_answer() { guest_run "$@" | grep -v '^MEM \|^$'; }

# mem_continues WHAT LINE NAME: what said LINE runs on as NAME: nothing is wrong,
# it is the same process, and its clocks went on.
mem_continues() {
    local what=$1 then=$2 now key a b
    if ! now=$(mem_goes_on "$3" 3 90 2>&1); then
        fail "$what: the checker goes on" "$now
$(dom0_sh "tail -n 5 /var/log/freehold/$3-supervisor.log; xl list; xl dmesg | tail -n 6")"
        return 1
    fi
    pass "$what: the checker goes on, nothing is wrong"
    same "$what: it is the same process in the same place" \
        "$(mem_field "$now" pid) $(mem_field "$now" at)" \
        "$(mem_field "$then" pid) $(mem_field "$then" at)"
    for key in up_us mono_us real_us wrote checked; do
        a=$(mem_field "$then" $key) b=$(mem_field "$now" $key)
        [ -n "$a" ] && [ -n "$b" ] && [ "$b" -gt "$a" ] && continue
        fail "$what: its clocks and counts went on" "$key: $a, then $b"
        return 1
    done
    # Ten minutes of a guest that stood still would be a clock that jumped.
    a=$(($(mem_field "$now" up_us) - $(mem_field "$then" up_us)))
    b=$(($(mem_field "$now" real_us) - $(mem_field "$then" real_us)))
    if [ $a -lt $((MIG_S * 1000000)) ] && [ $((a - b)) -lt 3000000 ] &&
        [ $((b - a)) -lt 3000000 ]; then
        pass "$what: its clocks and counts went on, by $((a / 1000)) ms"
    else
        fail "$what: its clocks and counts went on" \
            "uptime by $a us, the time of day by $b us"
    fi
}
# mem_clock WHAT NAME: it tells dom0's time.
mem_clock() {
    local line before after said
    before=$(dom0 date +%s)
    line=$(mem_goes_on "$2" 1 30 2>&1) # one that comes from now on
    after=$(dom0 date +%s)
    said=$(($(mem_field "$line" real_us) / 1000000))
    if [ $said -ge $((before - 2)) ] && [ $said -le $((after + 2)) ]; then
        pass "$1"
    else
        fail "$1" "it says $said, dom0 $before to $after: $line"
    fi
}
# mem_stop NAME: it checks all once more, and ends.
mem_stop() {
    mem_answer "$1" 'killall memcheck; n=0
while killall -0 memcheck 2>/dev/null; do n=$((n + 1)); [ $n -gt 600 ] && exit 1
usleep 100000; done' >/dev/null
    dom0_sh "grep '^MEM END' /var/log/freehold/$1.log | tail -n 1"
}

# identity NAME: what follows a guest.
identity() { mig_get "$1" measurement guest_id vcpus_online; }

# --- a transfer -------------------------------------------------------------------
# receive_start NAME OPTION...: `freehold migrate-receive` as NAME, until it can
# be connected to.
receive_start() {
    local name=$1 at
    shift
    # Its path, or its port.
    at=$(sed -E 's/.*--(unix|tcp) (.*:)?([^ ]+).*/\3/' <<<"$*")
    dom0_sh "rm -f $MIG/$name.recv $MIG/$name.sock
        [ -e /run/freehold/$name ] || rm -f /var/log/freehold/$name.log*
        setsid sh -c 'freehold migrate-receive $* --name $name
            echo status \$?' >$MIG/$name.recv 2>&1 </dev/null &
        n=0; until ss -Hlxtn | grep -q '[:[:space:]]${at}[[:space:]]'; do
            n=\$((n + 1)); [ \$n -lt 300 ] || { cat $MIG/$name.recv; exit 1; }
            grep '^status' $MIG/$name.recv && { cat $MIG/$name.recv; exit 1; }
            sleep 0.1
        done"
}
# receive_end NAME [SECONDS]: all it said; the last line is "status N".
receive_end() {
    wait_log "${2:-90}" '^status ' "$MIG/$1.recv" >/dev/null || echo "no end of it"
    dom0_sh "cat $MIG/$1.recv"
}
# send NAME OPTION...: `freehold migrate`; what it says as JSON, and its status.
send() {
    local name=$1
    shift
    dom0 timeout "$MIG_S" freehold migrate --json "$@" "$name" 2>&1
}
# send_start NAME OPTION...: the same, not waiting; send_end prints what came.  In
# dom0 alone, as receive_start: what is killed meanwhile ends no connection.
send_start() {
    local name=$1
    shift
    dom0_sh "rm -f $MIG/send.out
        setsid sh -c 'timeout $MIG_S freehold migrate --json $* $name
            echo status \$?' >$MIG/send.out 2>&1 </dev/null &"
}
send_end() { # its status is freehold migrate's
    local said
    wait_log "$MIG_S" '^status ' $MIG/send.out >/dev/null || echo "no end of it"
    said=$(dom0_sh "cat $MIG/send.out")
    sed '/^status /d' <<<"$said"
    return "$(sed -n 's/^status //p' <<<"$said" | grep . || echo 255)"
}
said_end() { grep -qE "\"end\": *\"$1\"" <<<"$2"; } # END TEXT

# why FROM TO SAID RECEIVED: what is known of a transfer that went another way.
# All of it is in a file; here is the end of each.
why() {
    local file
    file=$(mktemp "$FREEHOLD_RESULTS/$SUITE-why-XXX")
    {
        printf '== freehold migrate\n%s\n== migrate-receive\n%s\n' "$3" "$4"
        on "${FROM_ON:-$ON}" why_of "$1" source
        on "${TO_ON:-$ON}" why_of "$2" destination
    } >"$file" 2>&1
    echo "source: $(tail -n 4 <<<"$3")"
    echo "destination: $(tail -n 4 <<<"$4")"
    sed -n '/^== log/,/^==/{/^==/!p}' "$file" | tail -n 8
    echo "all of it: $file"
}
why_of() { # NAME SIDE
    dom0_sh "echo '== info of $1, $2'; freehold --json info $1
        echo '== log of $1, $2'; tail -n 60 /var/log/freehold/$1-supervisor.log
        echo '== log of receivers'; tail -n 20 /var/log/freehold/migrate-receive.log
        echo '== journal'; journalctl -q --no-pager -n 40 | grep -i 'freehold'
        echo '== xl list'; xl list; ls -l /var/lib/freehold/migrate
        echo '== console of $1'; tail -n 15 /var/log/freehold/$1.log
        echo '== xl dmesg'; xl dmesg | tail -n 40"
}

# moved WHAT FROM TO [OPTION...]: over a UNIX socket of dom0, to another name.
# MOVED: what freehold migrate said.
moved() {
    local what=$1 from=$2 to=$3 rc=0 received
    shift 3
    if ! received=$(receive_start "$to" --unix "$MIG/$to.sock" 2>&1); then
        fail "$what" "there is no receiver: $received"
        return 1
    fi
    MOVED=$(send "$from" "$@" --unix "$MIG/$to.sock") || rc=$?
    received=$(receive_end "$to")
    moved_judge "$what" "$from" "$to" $rc "$received"
}
moved_judge() { # WHAT FROM TO STATUS RECEIVED
    if [ "$4" = 0 ] && said_end moved "$MOVED" && grep -q '^status 0$' <<<"$5"; then
        pass "$1"
    else
        fail "$1" "status $4
$(why "$2" "$3" "$MOVED" "$5")"
        return 1
    fi
}
# stayed WHAT REGEX FROM TO STATUS SAID [END]: a transfer that ended otherwise:
# words that match in what was said, a status that is none of success.
stayed() {
    local received
    received=$(on "${TO_ON:-$ON}" receive_end "$4")
    if [ "$5" != 0 ] && said_end "${7:-stayed}" "$6" &&
        grep -qiE -- "$2" <<<"$6" && ! grep -q '^status 0$' <<<"$received"; then
        pass "$1"
    else
        fail "$1" "status $5, want another than 0, an end \"${7:-stayed}\" and /$2/
$(why "$3" "$4" "$6" "$received")"
        return 1
    fi
}

# gone NAME DOMID: nothing is left of a guest that went.
gone() {
    dom0_sh "for i in \$(seq 100); do
            xl list | awk -v d=$2 '\$2 == d { f = 1 } END { exit f }' && break
            sleep 0.2
        done
        xl list | awk -v d=$2 '\$2 == d { print; f = 1 } END { exit f }' || exit 1
        ! freehold list $1 2>/dev/null | grep '^$1 ' || exit 1
        ! ls -d /run/freehold/$1 2>/dev/null || exit 1
        ! xenstore-ls /local/domain/$2 2>/dev/null | grep . || exit 1
        ! pgrep -af 'freehold (create|run|migrate-receive) .*\\b$1\\b'"
}

# --- datagrams there and back -----------------------------------------------------
# pings_start NAME ADDRESS [TAG]: to a guest that has a card with that address.
pings_start() {
    guest_run "$1" '(nettool echo 5003 >/dev/null 2>&1 &)' &&
        dom0_sh "setsid /root/guest/mig pings $2 5003 >$MIG/pings${3:-} 2>&1 </dev/null &
            echo \$! >$MIG/pings${3:-}.pid" &&
        wait_log 20 '^ready' "$MIG/pings${3:-}"
}
# pings_stop [TAG]: "sent N got N gap_ms N".
pings_stop() {
    dom0_sh "kill \$(cat $MIG/pings${1:-}.pid)"
    wait_log 20 '^sent ' "$MIG/pings${1:-}" && dom0_sh "grep '^sent ' $MIG/pings${1:-}"
}

# --- two hosts ----------------------------------------------------------------------
# Their second card becomes a port of fhbr0 on both, with the host's address in
# 192.168.77.0/24 on the bridge: guests, disks and transfers go there.  dom0 comes
# before guests, whose vCPUs never rest under load: it serves their disks.
hosts_join() {
    on 1 net_tools || return 1
    local n
    for n in 1 2; do
        on $n dom0_sh "modprobe bridge && modprobe tun && modprobe xen-netback || exit 1
            xl sched-credit2 -d 0 -w 2048
            ip link show fhbr0 >/dev/null 2>&1 ||
                ip link add fhbr0 address 02:16:3e:77:00:fd type bridge stp_state 0 \
                    forward_delay 0 mcast_snooping 0 || exit 1
            ip link set fhbr0 mtu 1500 up
            ip addr flush dev eth1
            ip link set eth1 up master fhbr0 && ip addr add 192.168.77.$n/24 dev fhbr0" ||
            return 1
    done
    on 1 dom0_sh "n=0; until busybox ping -c 1 -W 1 192.168.77.2 >/dev/null; do
        n=\$((n + 1)); [ \$n -lt 20 ] || exit 1; done"
}
hosts_part() {
    local n
    on 1 net_tools_gone
    for n in 1 2; do
        on $n dom0_sh "ip link set eth1 nomaster; ip addr flush dev eth1
            ip link del fhbr0 2>/dev/null; ip addr add 192.168.77.$n/24 dev eth1
            ip link set eth1 up"
    done
}
# hosts_ssh: root of each host may log in at the other, and asks nothing.  By a
# cipher that the emulated CPU has instructions for: the usual one carries 1 MB/s.
hosts_ssh() {
    local n
    for n in 1 2; do
        on $n dom0_sh 'umask 077; mkdir -p /root/.ssh; cat >/root/.ssh/id_ed25519
            printf "Host 192.168.77.*\n  StrictHostKeyChecking no\n  UserKnownHostsFile /dev/null\n  LogLevel ERROR\n  Ciphers aes128-gcm@openssh.com\n" >/root/.ssh/config' \
            <"$LAB/$n/key"
    done
}

# A disk of the first host's that both can reach.
NBD=nbd://192.168.77.1:10809/disk
nbd_start() {
    dom0_sh "mkdir -p /root/disks; cd /root/disks
        [ ! -e nbd.pid ] || kill \$(cat nbd.pid) 2>/dev/null
        rm -f nbd.img nbd.pid; truncate -s 16M nbd.img
        qemu-nbd -t -f raw -x disk --shared=8 -b 192.168.77.1 -p 10809 --fork \
            --pid-file /root/disks/nbd.pid nbd.img"
}
nbd_stop() { dom0_sh 'kill $(cat /root/disks/nbd.pid)'; }

# hosts_begin: tools, network and disk for guests of two hosts, and how much such
# a guest does: two emulated hosts on one machine carry some MB a second between
# them.  Source disk.sh, diskkill.sh and net.sh, too.
hosts_begin() {
    local n
    GUEST_MEM=192 MEM_MIB=48 MEM_RATE=60 LOAD_OPTIONS="--rate=256k"
    for n in 1 2; do
        on $n migrate_tools
        on $n disk_tools
        on $n kill_tools
    done
    check "two hosts, a bridge that reaches both" hosts_join || return 1
    hosts_ssh
    check "a disk is served to both" nbd_start
}

# crossed WHAT NAME FROM-HOST TO-HOST ssh|tcp [OPTION...]: to the other host, and
# keeps its name.  MOVED: what freehold migrate said.
crossed() {
    local what=$1 name=$2 from=$3 to=$4 way=$5 rc=0 received='status 0'
    local FROM_ON=$3 TO_ON=$4
    shift 5
    if [ "$way" = tcp ] &&
        ! received=$(on "$to" receive_start "$name" --tcp "192.168.77.$to:7001" 2>&1); then
        fail "$what" "there is no receiver: $received"
        return 1
    fi
    if [ "$way" = tcp ]; then
        MOVED=$(on "$from" send "$name" "$@" --tcp "192.168.77.$to:7001") || rc=$?
        received=$(on "$to" receive_end "$name")
    else
        MOVED=$(on "$from" send_to "192.168.77.$to" "$name" "$@") || rc=$?
    fi
    moved_judge "$what" "$name" "$name" $rc "$received"
}
# send_to HOST NAME OPTION...: by ssh.
send_to() {
    dom0 timeout "$MIG_S" freehold migrate --json "${@:3}" "$2" "$1" 2>&1
}

# stream_start NAME ADDRESS: one TCP connection that lasts until stream_stop, with
# a sum; prints what that wants.
stream_start() {
    guest_start "$1" "rm -f /tmp/tcp.* /tmp/stop.tcp; mkfifo /tmp/tcp.f
sha256sum </tmp/tcp.f >/tmp/tcp.sum &
{ echo PUT; while [ ! -e /tmp/stop.tcp ]; do head -c 8192 /dev/urandom; usleep 100000
echo >>/tmp/tcp.n; done | tee /tmp/tcp.f; } | nc $2 5001 >/tmp/tcp.got; wait
s=\$(cut -c 1-64 /tmp/tcp.sum); g=\$(cut -d' ' -f1 /tmp/tcp.got); echo sent \$s got \$g
[ \$s = \"\$g\" ]"
}
# stream_runs NAME: more of it goes out.
stream_runs() {
    guest_run "$1" 'a=$(wc -l </tmp/tcp.n); n=0
until [ $(wc -l </tmp/tcp.n) -ge $((a + 20)) ]; do n=$((n + 1)); [ $n -gt 600 ] && exit 1
usleep 100000; done'
}
stream_stop() { # NAME ID
    guest_run "$1" 'touch /tmp/stop.tcp' && guest_wait "$1" "$2" 120
}

# --- a wire that lies ---------------------------------------------------------------
# wire_start FROM TO RULE...: evil-relay between the guest FROM and a receiver TO
# of this host; WIRE_OPTIONS are its own.  It says what it did in $MIG/wire.
wire_start() {
    local from=$1 to=$2
    shift 2
    receive_start "$to" --unix "$MIG/$to.sock" || return 1
    dom0_sh "rm -f $MIG/wire $MIG/$from.wire
        setsid evil-relay ${WIRE_OPTIONS:-} $MIG/$from.wire $MIG/$to.sock ${1+$(printf '%q ' "$@")} \
            >$MIG/wire 2>&1 </dev/null &
        echo \$! >$MIG/wire.pid" && wait_log 20 '^ready' $MIG/wire
}
wire_said() { wait_log "${2:-120}" "$1" $MIG/wire; } # REGEX [SECONDS]
wire_cut() { dom0_sh "kill \$(cat $MIG/wire.pid)"; }
wire_goes_on() { dom0_sh "kill -USR1 \$(cat $MIG/wire.pid)"; }
# wire_end: until it has ended, which it is told to if it has not; what it said.
wire_end() {
    wire_said '^over ' "${1:-60}" || wire_cut
    dom0_sh "cat $MIG/wire"
}
# relay_of NAME: the transfer's process of a guest; relays_but NAME: the others.
relay_of() {
    dom0_sh "pgrep -P \$(freehold --json info $1 |
        sed -n 's/.*\"supervisor_pid\": *\\([0-9]*\\).*/\\1/p' | head -n 1) -x freehold-migrat"
}
relays_but() {
    local own
    own=$(relay_of "$1")
    dom0_sh "pgrep -x freehold-migrat | grep -vx '${own:-none}'"
}
# mig_resolve NAME OPTION...: `freehold resolve`, by a receiver of its own.
mig_resolve() {
    local rc=0 out
    receive_start resolver --unix $MIG/resolver.sock >/dev/null
    out=$(dom0 timeout 120 freehold resolve "${@:2}" --unix $MIG/resolver.sock "$1" 2>&1) || rc=$?
    receive_end resolver 60 >/dev/null
    echo "$out"
    return $rc
}
