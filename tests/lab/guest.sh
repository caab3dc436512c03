# SPDX-License-Identifier: MIT
# guest.sh - guests that do as they are told: what suites with disks use
#
# The guest's initrd is initrd-blk-* (lab/guest/init-blk): an agent on its
# console runs commands.  A command goes in by the guest's console, its output
# and status come back through the console's log, of which dom0 waits for each
# line.  Both freehold's guests and xl's are spoken to in this way.  Source
# lib.sh first.

GUEST_LINE_MAX=1000 # bytes of a command: what a console's ring takes at once

# guest_tools: put what runs in dom0 there.  Once, before the others.
guest_tools() {
    dom0_sh 'mkdir -p /root/guest && cat >/root/guest/tool' <<'TOOL'
#!/bin/bash
# tool VERB NAME ...: the other end of lab/guest/agent, in dom0
verb=$1 name=$2
shift 2
if [ -e "/run/freehold/$name" ]; then
    log=/var/log/freehold/$name.log
else
    log=/var/log/xen/console/guest-$name.log
fi

send() {
    if [ -e "/run/freehold/$name" ]; then
        perl -MSocket -e '
            socket(S, AF_UNIX, SOCK_STREAM, 0) &&
                connect(S, sockaddr_un($ARGV[0])) &&
                syswrite(S, "$ARGV[1]\n") or die "$ARGV[0]: $!\n";
            shutdown(S, 1);
            1 while sysread(S, $rest, 65536);' "/run/freehold/$name/console" "$1"
    else
        printf '%s\n' "$1" \
            >"$(xenstore-read "/local/domain/$(xl domid "$name")/console/tty")"
    fi
}

# follow SECONDS FROM-BYTE AWK: lines as they come, until AWK says exit.
follow() {
    local t r
    touch "$log"
    exec 3< <(exec tail -c "+$2" -F "$log" 2>/dev/null)
    t=$!
    timeout "$1" awk -W interactive '{ sub(/\r$/, "") } '"$3" <&3
    r=$?
    kill $t
    return $r
}
answer() { # SECONDS FROM ID
    follow "$1" "$2" '
        $0 == "BEGIN '"$3"'" { on = 1; next }
        $1 == "DONE" && $2 == "'"$3"'" { exit $3 }
        on { if (held) print line; line = $0; held = 1 }'
}

case $verb in
send) send "$1 $2" ;;
run) # SECONDS ID COMMAND
    from=$(($(stat -c %s "$log") + 1))
    send "$2 $3" || exit 125
    answer "$1" $from "$2"
    ;;
wait) answer "$1" 1 "$2" ;; # SECONDS ID
up) # SECONDS NTH
    follow "$1" 1 '/^BROKEN/ { print; exit 1 }
        /GUEST-UP/ && ++n == '"$2"' { sub(/.*GUEST-UP/, "GUEST-UP"); print; exit 0 }'
    ;;
esac
TOOL
    dom0_sh 'chmod 755 /root/guest/tool'
}

# guest_config NAME LINE...: /root/guest/NAME.cfg; a LINE may set any key again.
guest_config() {
    local name=$1 version=${GUEST_KERNEL:-6.12}
    shift
    printf '%s\n' "name = \"$name\"" 'type = "pvh"' 'tsc_mode = "native"' \
        "kernel = \"/freehold/guest/vmlinuz-$version\"" \
        "ramdisk = \"/freehold/guest/initrd-blk-$version\"" \
        "vcpus = ${GUEST_VCPUS:-2}" "memory = ${GUEST_MEM:-256}" \
        "cmdline = \"console=hvc0 quiet loglevel=1 ${GUEST_CMDLINE:-}\"" \
        "$@" | dom0_sh "cat >/root/guest/$name.cfg"
}

# guest_create freehold|xl NAME: start it; guest_up also waits for its agent.
guest_create() {
    dom0_sh "rm -f /var/log/freehold/$2.log* /var/log/xen/console/guest-$2.log
        timeout 300 $1 create /root/guest/$2.cfg"
}
# guest_await NAME [NTH [SECONDS]]: until it is up (for the NTH time).
guest_await() { dom0 /root/guest/tool up "$1" "${3:-300}" "${2:-1}"; }
guest_up() { # freehold|xl NAME LINE...
    guest_config "${@:2}" && guest_create "$1" "$2" >/dev/null &&
        guest_await "$2"
}

guest_id() { echo "c$(date +%s%N)"; }
# guest_run NAME COMMAND: its output, its status.  GUEST_S: seconds it may take.
guest_run() {
    dom0 /root/guest/tool run "$1" "${GUEST_S:-300}" "$(guest_id)" "$(guest_line "$2")"
}
# guest_start NAME COMMAND: prints an ID for guest_wait, and does not wait.
guest_start() {
    local id
    id=$(guest_id)
    dom0 /root/guest/tool send "$1" "$id" "$(guest_line "$2")" && echo "$id"
}
guest_wait() { # NAME ID [SECONDS]
    dom0 /root/guest/tool wait "$1" "${3:-${GUEST_S:-300}}" "$2"
}
# guest_line TEXT: a script of several lines as one, for the agent.
guest_line() {
    local one=${1//$'\n'/$'\001'}
    [ ${#one} -le $GUEST_LINE_MAX ] ||
        echo "guest_run: ${#one} bytes, want $GUEST_LINE_MAX at most: $one" >&2
    printf '%s' "$one"
}
