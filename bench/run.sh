# SPDX-License-Identifier: MIT
# run.sh - ./dev bench: ours and the peer in turn, on one host, in one run
#
# bench/NAME.dom0 prints "CASE ours|peer VALUE", and so does bench/NAME.host,
# where it is, outside of dom0 and before; bench/NAME.own is in the place of
# both, and boots what it wants; bench/NAME.cases says what a case is:
# CASE UNIT PEER-NAME LIMIT(-) BETTER.  The limit bounds the ratio where there is
# a peer, else our own value.

. "$TOP/lab/build.sh"
. "$TOP/lab/host.sh"

bench_main() {
    local json='' names=() n
    while [ $# -gt 0 ]; do
        case $1 in
        --json)
            [ $# -ge 2 ] || die "./dev bench: --json: want a file"
            json=$2
            shift
            ;;
        -*) die "./dev bench: $1: want names and --json FILE" ;;
        *)
            [ -f "$TOP/bench/$1.cases" ] ||
                die "./dev bench: $1: no such bench; there are: $(bench_names)"
            names+=("$1")
            ;;
        esac
        shift
    done
    [ ${#names[@]} != 0 ] || die "./dev bench: want one of: $(bench_names)"
    lab_own bench
    mkdir -p "$TOP/build/bench"
    for n in "${names[@]}"; do
        : >"$TOP/build/bench/$n.raw"
        if [ -f "$TOP/bench/$n.own" ]; then
            bash "$TOP/bench/$n.own" "${BENCH_RUNS:-5}" \
                >>"$TOP/build/bench/$n.raw" || die "./dev bench: $n: failed"
            bench_medians "$n" >"$TOP/build/bench/$n.json"
            continue
        fi
        [ -e "$LAB/1/pid" ] || LAB_MEM=${BENCH_LAB_MEM:-9216} lab_up >/dev/null
        lab_put 1 "$TOP/bench/$n.dom0" /root
        [ ! -f "$TOP/bench/$n.host" ] ||
            FREEHOLD_LAB=$LAB_NAME bash "$TOP/bench/$n.host" "${BENCH_RUNS:-5}" \
                >>"$TOP/build/bench/$n.raw" || die "./dev bench: $n: failed outside"
        host_ssh 1 "bash /root/$n.dom0 ${BENCH_RUNS:-5} ${BENCH_GUESTS:-100}" \
            >>"$TOP/build/bench/$n.raw" || die "./dev bench: $n: failed in dom0"
        bench_medians "$n" >"$TOP/build/bench/$n.json"
    done
    bench_table "${names[@]}"
    if [ -n "$json" ]; then
        { echo '['; for n in "${names[@]}"; do cat "$TOP/build/bench/$n.json"; done |
            sed '$!s/$/,/'; echo ']'; } >"$json"
        say "written: $json"
    fi
}

bench_names() {
    (cd "$TOP/bench" && ls ./*.cases | sed 's,./,,; s,\.cases,,' | tr '\n' ' ')
}

# One JSON object a line and case, from the raw samples.
bench_medians() {
    awk -v bench="$1" '
        function median(key,   a, n, i, j, t) {
            n = split(samples[key], a, " ")
            if (n == 0) return "null"
            for (i = 2; i <= n; i++)
                for (j = i; j > 1 && a[j-1] + 0 > a[j] + 0; j--) {
                    t = a[j]; a[j] = a[j-1]; a[j-1] = t
                }
            return n % 2 ? a[(n+1)/2] : (a[n/2] + a[n/2+1]) / 2
        }
        FNR == NR { if ($0 !~ /^#/ && NF == 5) { order[++nr] = $1
                    unit[$1] = $2; name[$1] = $3; limit[$1] = $4
                    better[$1] = $5 } next }
        { samples[$1 " " $2] = samples[$1 " " $2] " " $3; runs[$1 " " $2]++ }
        END { for (i = 1; i <= nr; i++) {
            c = order[i]; o = median(c " ours"); p = median(c " peer")
            printf "{\"bench\": \"%s\", \"case\": \"%s\", \"unit\": \"%s\", " \
                "\"ours\": %s, \"peer\": %s, \"peer_name\": %s, \"ratio\": %s, " \
                "\"limit\": %s, \"better\": \"%s\", \"runs\": %d}\n",
                bench, c, unit[c], o, p,
                name[c] == "-" ? "null" : "\"" name[c] "\"",
                (p == "null" || p == 0) ? "null" : sprintf("%.3f", o / p),
                limit[c] == "-" ? "null" : limit[c], better[c], runs[c " ours"]
        } }' "$TOP/bench/$1.cases" "$TOP/build/bench/$1.raw"
}

bench_table() {
    printf '%-8s %-28s %10s %10s %-6s %-18s %7s %7s\n' \
        BENCH CASE OURS PEER UNIT 'PEER IS' RATIO LIMIT
    local n
    for n in "$@"; do
        sed 's/[{}"]//g; s/, /\n/g' "$TOP/build/bench/$n.json" |
            awk -F': ' '{ v[$1] = $2 } $1 == "runs" {
                printf "%-8s %-28s %10s %10s %-6s %-18s %7s %7s\n", v["bench"],
                    v["case"], v["ours"], v["peer"] == "null" ? "-" : v["peer"],
                    v["unit"], v["peer_name"] == "null" ? "-" : v["peer_name"],
                    v["ratio"] == "null" ? "-" : v["ratio"],
                    v["limit"] == "null" ? "-" : v["limit"] }'
    done
}
