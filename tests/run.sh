# SPDX-License-Identifier: MIT
# run.sh - ./dev test: every suite, one tally
#
# Suites outside the lab are functions below (style, unit, model, clang, lintian,
# fuzz, xen-each); those in the lab are tests/lab/NAME.sh, whose line `# lab: ours` (or stock,
# strict; own boots by itself) says what to boot, `# mem: MIB` how large,
# `# hosts: 2` that there are two (then dom0's are there twice: lib.sh's on),
# `# long` that it runs only with --long,
# `# more` also when its area is named, and `# last` that its host goes down.
# A name that is no suite stands for an area: suites NAME-*, those that say
# `# area: NAME`, and the unit tests and fuzzers whose names begin with NAME, or with a word of $AREA_NAME below.
# Each result is one line of $RESULTS: "pass|fail|skip|open SUITE: what".

. "$TOP/lab/build.sh"
. "$TOP/lab/host.sh"

AREA_blk="vbd nbd disk guest_disk" # as tests/unit and tests/fuzz name them
AREA_net="vif guest_vif"
AREA_host="posture"
AREA_migrate="model guest_suspend guest_move guest_comes moveproc mig receive seat
    steward_track steward_migrate steward_whole steward_tamper steward_export
    steward_import steward_unpack steward_page xen_record evil_relay"

test_main() {
    local want_unit='' want_fuzz='' want_lab='' names=() asked=() s
    LONG=
    while [ $# -gt 0 ]; do
        case $1 in
        --unit) want_unit=1 ;;
        --fuzz) want_fuzz=1 ;;
        --lab) want_lab=1 ;;
        --long) LONG=1 ;;
        -*) die "./dev test: $1: want --unit, --fuzz, --lab, --long or names" ;;
        *) asked+=("$1") ;;
        esac
        shift
    done
    RESULTS=$TOP/build/results
    mkdir -p "$TOP/build"
    : >"$RESULTS"
    lab_own test
    export FREEHOLD_LAB=$LAB_NAME RESULTS LONG

    AREAS=()
    for s in "${asked[@]}"; do
        if suite_exists "$s"; then
            names+=("$s")
        else
            area_known "$s" ||
                die "./dev test: $s: no such suite; there are: $(all_suites)"
            [ ${#AREAS[@]} != 0 ] || names+=(unit fuzz)
            names+=($(MORE=1 area_suites "$s"))
            AREAS+=("$s")
        fi
    done
    if [ ${#names[@]} = 0 ]; then
        if [ -z "$want_unit$want_fuzz$want_lab" ]; then
            want_unit=1 want_fuzz=1 want_lab=1
        fi
        [ -n "$want_unit" ] && names+=(style unit model clang lintian)
        [ -n "$want_fuzz" ] && names+=(fuzz)
        [ -n "$LONG" ] && [ -n "$want_lab" ] && names+=(xen-each)
        [ -n "$want_lab" ] && names+=($(lab_suites))
    fi
    local n kind
    for n in "${names[@]}"; do
        declare -F "suite_${n//-/_}" >/dev/null && run_suite "$n"
    done
    for kind in stock ours strict own; do
        for n in $(last_behind "${names[@]}"); do
            [ "$(lab_kind "$n")" = "$kind" ] && run_lab_suite "$n" "$kind"
        done
        lab_down
    done
    tally
}

is_last() {
    grep -q '^# last' "$TOP/tests/lab/$1.sh" 2>/dev/null
}

# The suites that take their host down come behind all others.
last_behind() {
    local n
    for n; do is_last "$n" || echo "$n"; done
    for n; do is_last "$n" && echo "$n"; done
    return 0
}

lab_kind() {
    sed -n 's/^# lab: //p' "$TOP/tests/lab/$1.sh" 2>/dev/null || true
}

# Suites of the lab, in order of their kind; the long ones only when asked.
lab_suites() {
    local f
    for f in "$TOP"/tests/lab/*.sh; do
        grep -q '^# lab: ' "$f" || continue
        grep -q '^# long' "$f" && [ -z "$LONG" ] && continue
        grep -q '^# more' "$f" && [ -z "$LONG${MORE:-}" ] && continue
        basename "$f" .sh
    done
}

# area_suites AREA: its suites of the lab, by their names or their own word.
area_suites() {
    local s
    for s in $(lab_suites); do
        [[ $s != "$1"-* ]] && ! grep -qx "# area: $1" "$TOP/tests/lab/$s.sh" ||
            echo "$s"
    done
}

# area_regex AREA...: matches the unit tests (unit_X) and fuzzers (fuzz_X) of
# them, and of no area everything.
area_regex() {
    local a more word all=
    for a; do
        more=AREA_${a//-/_}
        for word in "${a//-/_}" ${!more:-}; do
            all+="|$word"
        done
    done
    [ -n "$all" ] && printf '^(unit|fuzz)_(%s)' "${all#|}" || echo .
}
area_known() {
    LONG=1 area_suites "$1" | grep -q . ||
        (cd "$TOP/tests/unit" && ls test_*.c) | sed 's/^test_/unit_/' |
        grep -qE "$(area_regex "$1")"
}

all_suites() {
    declare -F | sed -n 's/^declare -f suite_//p' | grep -v exists | tr '_\n' '- '
    LONG=1 lab_suites | tr '\n' ' '
}

suite_exists() {
    declare -F "suite_${1//-/_}" >/dev/null || [ -n "$(lab_kind "$1")" ]
}

result() { # pass|fail|skip|open SUITE WHAT
    printf '%-4s %s: %s\n' "$1" "$2" "$3" | tee -a "$RESULTS"
}

run_suite() {
    say "--- $1"
    "suite_${1//-/_}" || result fail "$1" "the suite itself failed"
}

# Boot what the suite wants, unless it is up, and run it.  A lab that does not
# boot is a failure of the suite that asked for it; nothing is tried twice.
run_lab_suite() {
    local name=$1 kind=$2 rc=0
    say "--- $name (lab: $kind)"
    local mem hosts
    if [ "$kind" = own ]; then
        SUITE=$name bash "$TOP/tests/lab/$name.sh" || rc=$?
        [ $rc = 0 ] || result fail "$name" "the script ended with status $rc"
        return
    fi
    mem=$(sed -n 's/^# mem: //p' "$TOP/tests/lab/$name.sh")
    hosts=$(sed -n 's/^# hosts: //p' "$TOP/tests/lab/$name.sh")
    hosts=${hosts:-1}
    if ! { [ "$(cat "$LAB/kind" 2>/dev/null)" = "$kind" ] && hosts_alive "$hosts" &&
        [ "$(cat "$LAB/mem")" = "${mem:-$LAB_MEM}" ]; }; then
        lab_down
        local LAB_MEM=${mem:-$LAB_MEM}
        local flag=(--hosts "$hosts")
        [ "$kind" = ours ] || flag+=("--$kind")
        if ! (lab_up "${flag[@]}"); then
            result fail "$name" "the lab did not boot"
            return
        fi
    fi
    SUITE=$name bash "$TOP/tests/lab/$name.sh" || rc=$?
    [ $rc = 0 ] || result fail "$name" "the script ended with status $rc"
    if is_last "$name"; then
        lab_down
    else
        host_outlived "$name" "$hosts"
    fi
}

# All that the suite wanted, and no more: two share a machine's CPUs.
hosts_alive() {
    local n
    for n in $(seq "$1"); do
        host_alive "$n" || return 1
    done
    [ "$1" = 2 ] || ! host_alive 2
}

host_outlived() { # SUITE HOSTS
    local n
    for n in $(seq "$2"); do
        host_alive "$n" && timeout 60 bash -c '. "$TOP/lab/common.sh"
            . "$TOP/lab/host.sh"; host_ssh "$0" true' "$n" && continue
        result fail "$1" "host $n did not outlive the suite: $(
            host_alive "$n" && echo "dom0 does not answer" || echo "QEMU is gone")"
        lab_console "$n" | tail -n 40 >&2 || true
        lab_down
        return
    done
}

suite_style() {
    local root
    root=$(need_build_root)
    SUITE=style bash "$TOP/tests/style.sh" "$root"
}

suite_unit() {
    local root
    root=$(need_build_root)
    project_build asan || { result fail unit "it does not build"; return; }
    in_root "$root" "$TOP:/src" -- sh -c "cd /src/build/asan &&
        ctest --output-on-failure -j$(nproc) --timeout 300 \
            -R '$(area_regex "${AREAS[@]}")'" >"$TOP/build/unit.log" 2>&1 ||
        cat "$TOP/build/unit.log"
    sed -n 's/^ *[0-9]*\/[0-9]* Test *#[0-9]*: \([^ ]*\) \.* *\(.*\) [0-9.]* sec.*/\1 \2/p' \
        "$TOP/build/unit.log" | while read -r name what; do
        case $what in
        *Passed*) result pass unit "$name" ;;
        *) result fail unit "$name $what" ;;
        esac
    done
    grep -q 'tests passed' "$TOP/build/unit.log" || result fail unit "no test ran"
}

# The migration's state machines, explored: what holds, which cuts cost a guest
# (migrate/stream.md has the same), and that breaking a rule is noticed.
suite_model() {
    local root log=$TOP/build/model.log short=build/stream-short.md line
    root=$(need_build_root)
    project_build asan || { result fail model "it does not build"; return; }
    grep -v '^| source | FENCED | POISONED' "$TOP/migrate/stream.md" >"$TOP/$short"
    in_root "$root" "$TOP:/src" -- sh -c "cd /src &&
        { build/asan/tests/stream_model migrate/stream.md ||
              echo BAD the search: status \$?;
          build/asan/tests/stream_model migrate/stream.md --broken ||
              echo BAD the search with broken rules: status \$?;
          if build/asan/tests/stream_model $short | grep -q '^BAD the table'
          then echo ok a table without one cut is told
          else echo BAD a table without one cut passed; fi; }" >"$log" 2>&1
    grep -v '^ok\|^BAD' "$log" | head -n 1
    grep '^ok\|^BAD' "$log" | while read -r line; do
        case $line in
        ok*) result pass model "${line#ok }" ;;
        *) result fail model "${line#BAD }" ;;
        esac
    done
    grep -q '^ok nothing vanishes' "$log" ||
        { cat "$log"; result fail model "it came to no end"; }
}

# What lintian finds in the packages; one that stays needs an override in
# packaging/debian that says why.
suite_lintian() {
    local root log=$TOP/build/deb/lintian.log
    root=$(need_build_root)
    (project_debs) || { result fail lintian "the packages do not build"; return; }
    if in_root "$root" "$TOP:/src" -- sh -c 'cd /src/build/deb &&
        lintian --allow-root --fail-on error,warning *.changes' >"$log" 2>&1; then
        result pass lintian "no error and no warning in the packages"
    else
        cat "$log"
        result fail lintian "the packages"
    fi
}

# The fuzzers' build is clang's, of the whole tree, with the same warnings.
suite_clang() {
    if project_build fuzz; then
        result pass clang "the tree compiles without a warning"
    else
        result fail clang "the tree does not compile"
    fi
}

suite_fuzz() {
    # An area without a fuzzer costs no build.
    (cd "$TOP/tests/fuzz" && ls fuzz_*.c) | grep -qE "$(area_regex "${AREAS[@]}")" || return 0
    project_build fuzz || { result fail fuzz "it does not build"; return; }
    export -f fuzz_one result in_root
    export TOP RESULTS ROOT SECS
    ROOT=$(need_build_root)
    SECS=5
    [ -n "$LONG" ] && SECS=60
    # One a CPU: what each says comes in one piece.
    (cd "$TOP/build/fuzz/bin" && ls fuzz_*) |
        sed -nE "/$(area_regex "${AREAS[@]}")/p" |
        xargs -P "$(nproc)" -I{} bash -c 'fuzz_one "$1"' fuzz {}
}

fuzz_one() {
    local name=$1 corpus=tests/fuzz/corpus/${1#fuzz_}
    if [ ! -d "$TOP/$corpus" ]; then
        result fail fuzz "$name has no corpus"
    elif in_root "$ROOT" "$TOP:/src" -- sh -c "mkdir /tmp/c && cd /tmp &&
        /src/build/fuzz/bin/$name -runs=0 /src/$corpus &&
        /src/build/fuzz/bin/$name -max_total_time=$SECS -timeout=10 \
            -rss_limit_mb=1024 /tmp/c /src/$corpus" \
        >"$TOP/build/$name.log" 2>&1; then
        result pass fuzz "$name: corpus and $SECS s"
    else
        tail -n 30 "$TOP/build/$name.log"
        result fail fuzz "$name"
    fi
}

suite_xen_each() {
    local root
    root=$(need_build_root)
    if "$TOP/xen/build.sh" --each "$root" "$CACHE/src" "$CACHE/xen-each" \
        >"$TOP/build/xen-each.log" 2>&1; then
        result pass xen-each "Xen builds after each patch"
    else
        tail -n 40 "$TOP/build/xen-each.log"
        result fail xen-each "a patch does not build"
    fi
}

# A skip passes only when tests/skips names it: "SUITE: what  # reason".
tally() {
    local passed failed skipped unexplained=0 line
    passed=$(grep -c '^pass ' "$RESULTS" || true)
    failed=$(grep -c '^fail ' "$RESULTS" || true)
    skipped=$(grep -c '^skip ' "$RESULTS" || true)
    while read -r line; do
        if ! grep -v '^#' "$TOP/tests/skips" | sed 's/ *#.*//' | grep -qxF "$line"; then
            echo "skip without a reason in tests/skips: $line"
            unexplained=$((unexplained + 1))
        fi
    done < <(sed -n 's/^skip //p' "$RESULTS")
    if [ "$failed" != 0 ]; then
        echo "what failed:"
        grep '^fail ' "$RESULTS"
    fi
    say "all suites done"
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" = 0 ] && [ "$unexplained" = 0 ] && [ "$passed" != 0 ]
}
