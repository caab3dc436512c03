#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# from-xl.sh - docs/from-xl.md: each line of its boxes, run as it stands there
# lab: ours
. "$(dirname "$0")/lib.sh"

PAGE=$TOP/docs/from-xl.md
LOGS=/var/log/freehold

dom0 mkdir -p /root/from-xl
printf '%s\n' 'name = "web"' 'type = "pvh"' \
    'kernel = "/freehold/guest/vmlinuz-6.12"' \
    'ramdisk = "/freehold/guest/initrd-small"' \
    'memory = 192' 'vcpus = 2' 'cmdline = "console=hvc0"' |
    host_ssh 1 "cat >/root/from-xl/web.cfg; rm -f $LOGS/web.log"

# The lines of the boxes; the exit status that each says, and 0 if it says none.
boxed() {
    awk '/^```sh$/ { on = 1; next } /^```$/ { on = 0 } on && NF' "$PAGE"
}
status_of() {
    sed -n 's/.* # ends with \([0-9][0-9]*\)$/\1/p' <<<"$1" | grep . || echo 0
}

nr=0
while IFS= read -r row <&3; do
    want=$(status_of "$row") rc=0
    command=${row%% \# ends with *}
    command=${command%"${command##*[! ]}"}
    out=$(dom0_sh "cd /root/from-xl && PATH=/freehold/bin:\$PATH && timeout 240 $command" 2>&1 </dev/null) || rc=$?
    if [ $rc = "$want" ]; then
        pass "$command: $want"
    else
        fail "$command" "status $rc, the page says $want: $out"
    fi
    nr=$((nr + 1))
done 3< <(boxed)
if [ $nr -ge 75 ]; then
    pass "$nr commands of the page were run"
else
    fail "the page's commands were found" "only $nr"
fi

# Commands that the page names in its tables are commands.
known=$(dom0_sh 'freehold --json help | sed -n "s/.*\"name\": *\"\([a-z0-9-]*\)\".*/\1/p"')
bad=$(grep -o '`[a-z][a-z0-9-]*[`*]' "$PAGE" | tr -d '`' | sort -u |
    while read -r word; do
        case $word in
        freehold | xl | web | api | console | all) continue ;;
        *\*) grep -q "^${word%\*}" <<<"$known" || echo "$word" ;;
        *) grep -qxF "$word" <<<"$known" || echo "$word" ;;
        esac
    done)
if [ -n "$known" ] && [ -z "$bad" ]; then
    pass "every command that the page names is one"
else
    fail "every command that the page names is one" "$bad"
fi
exit 0
