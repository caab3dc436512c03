# SPDX-License-Identifier: MIT
# lib.sh - what every test in the lab uses
#
# A test script says `# lab: ours|stock|strict`, sources this file and reports
# by the functions below.  Its exit status is for its own accidents only.
set -uo pipefail
TOP=${TOP:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
export TOP
RESULTS=${RESULTS:-/dev/null}
SUITE=${SUITE:-$(basename "$0" .sh)}
FREEHOLD_RESULTS=${FREEHOLD_RESULTS:-$TOP/build/lab-results}
mkdir -p "$FREEHOLD_RESULTS"
. "$TOP/lab/common.sh"
. "$TOP/lab/host.sh"

line() {
    printf '%-4s %s: %s\n' "$1" "$SUITE" "$2" | tee -a "$RESULTS"
    [ -z "${3:-}" ] || printf '%s\n' "$3" | sed 's/^/     | /' | tail -n 25
}
pass() { line pass "$1"; }
fail() { line fail "$1" "${2:-}"; }
skip() { line skip "$1" "reason: $2"; }
open_row() { line open "$1" "because: $2"; }

# dom0 CMD...: in dom0 of host 1, words kept apart; stdout, stderr, status.
dom0() { host_ssh "$ON" "$(printf '%q ' "$@")"; }
# dom0_sh 'SCRIPT': the same through a shell.
dom0_sh() { host_ssh "$ON" "$1"; }
# on HOST CMD...: dom0 and dom0_sh below CMD are that host's.
ON=1
on() {
    local ON=$1
    shift
    "$@"
}

# check WHAT CMD...: passes if CMD exits 0.
check() {
    local what=$1 out
    shift
    if out=$("$@" 2>&1); then
        pass "$what"
    else
        fail "$what" "status $?: $* : $out"
        return 1
    fi
}

# judge_out OK|FAILS WHAT REGEX CMD...: by exit status, and a line that matches.
judge_out() {
    local want=$1 what=$2 re=$3 out rc=0 got=OK
    shift 3
    out=$("$@" 2>&1) || rc=$?
    [ $rc = 0 ] || got=FAILS
    if [ $got = "$want" ] && grep -qE -- "$re" <<<"$out"; then
        pass "$what"
    else
        fail "$what" "status $rc, want it to be $want, and /$re/: $out"
        return 1
    fi
}
# check_out WHAT REGEX CMD...: exits 0 and prints a line that matches.
check_out() { judge_out OK "$@"; }
# check_fails WHAT REGEX CMD...: exits non-zero and prints a line that matches.
check_fails() { judge_out FAILS "$@"; }

same() { # WHAT GOT WANT
    if [ -n "$2" ] && [ "$2" = "$3" ]; then
        pass "$1"
    else
        fail "$1" "got: $2"$'\n'"want: $3"
    fi
}

# wait_log SECONDS REGEX FILE: until a line of FILE in dom0 matches.  dom0
# itself waits for it; nothing polls.
wait_log() {
    dom0 bash -c 'touch "$2"
        exec 3< <(exec tail -n +1 -F "$2" 2>/dev/null); t=$!
        timeout "$0" grep -m1 -qE -- "$1" <&3; r=$?
        kill $t; exit $r' "$1" "$2" "$3"
}
