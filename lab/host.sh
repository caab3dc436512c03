# SPDX-License-Identifier: MIT
# host.sh - boot, watch and stop real Xen hosts inside QEMU
#
# A lab is a folder: one host a subfolder with pid, port, serial log and ssh
# socket.  Its name comes from $FREEHOLD_LAB or from the checkout's path, so
# labs of several checkouts run side by side.  QEMU and its files are found
# through the caches; disks are throw-away snapshots.

LAB_NAME=${FREEHOLD_LAB:-$(key "checkout $TOP")}
LAB=${FREEHOLD_LAB_DIR:-/tmp/freehold-lab}/$LAB_NAME
LAB_MEM=${FREEHOLD_LAB_MEM:-3072}    # MiB of one host
LAB_CPUS=${FREEHOLD_LAB_CPUS:-2}
LAB_BOOT_S=${FREEHOLD_LAB_BOOT_S:-240}
DOM0_MEM=${FREEHOLD_DOM0_MEM:-768}   # MiB

# Why each word is there: lab/README.md.
QEMU_CPU=EPYC,-smap,-xsavec,-monitor,-rdtscp
XEN_ARGS="console=com1 com1=115200,8n1 loglvl=info guest_loglvl=all/all \
cpuidle=0 spec-ctrl=no,eager-fpu bootscrub=idle noreboot"
LINUX_ARGS="console=hvc0 quiet loglevel=4 net.ifnames=0 mitigations=off \
tsc=reliable random.trust_cpu=1 lsm=landlock"

# lab_own PREFIX: from here on a lab of this command's own, gone with it; one
# that a developer has up is left alone.
lab_own() {
    LAB_NAME=$1-$LAB_NAME
    LAB=$(dirname "$LAB")/$LAB_NAME
    trap 'lab_down' EXIT
}

lab_main() {
    local verb=${1:-status}
    [ $# -gt 0 ] && shift
    case $verb in
    up) lab_up "$@" ;;
    down) lab_down ;;
    status) lab_status ;;
    exec) lab_exec "$@" ;;
    put) lab_put "$@" ;;
    get) lab_get "$@" ;;
    console) lab_console "$@" ;;
    *) die "./dev lab: $verb: want up, down, status, exec, put, get or console" ;;
    esac
}

lab_up() {
    local hosts=1 kind=ours
    while [ $# -gt 0 ]; do
        case $1 in
        --hosts)
            [ $# -ge 2 ] || die "./dev lab up: --hosts: want 1 or 2 behind it"
            hosts=$2
            shift
            ;;
        --stock) kind=stock ;;
        --strict) kind=strict ;;
        *) die "./dev lab up: $1: want --hosts N, --stock or --strict" ;;
        esac
        shift
    done
    case $hosts in 1 | 2) ;; *) die "./dev lab up: --hosts $hosts: want 1 or 2" ;; esac

    [ -e "$LAB/1/pid" ] && host_alive 1 &&
        die "./dev lab up: a lab is up already (./dev lab status, ./dev lab down)"
    local kinds=("$kind")
    [ "$hosts" = 1 ] || kinds+=("$kind")
    lab_boot "${kinds[@]}"
    lab_status
}

# lab_boot KIND...: host N of the Nth kind; of two the second is joined to the
# first.
lab_boot() {
    rm -rf "$LAB"
    mkdir -p "$LAB"
    echo "$1" >"$LAB/kind"
    echo "$LAB_MEM" >"$LAB/mem"
    project_build dev
    project_disk
    project_stage
    pool_secret >"$LAB/pool-secret"
    local n=0 link='' kind
    [ $# != 2 ] || link=$(free_port)
    for kind; do
        n=$((n + 1))
        host_start "$n" "$kind" "$link"
    done
    for n in $(seq $#); do
        host_wait "$n"
    done
}

# What this lab's hosts share, and no other lab: struct xen_steward_pool, with
# one epoch.
pool_secret() {
    printf 'FHPOOLS\1\1\0\0\0\0\0\0\0'
    head -c 16 /dev/urandom # pool id
    printf '\1\0\0\0\0\0\0\0'
    head -c 32 /dev/urandom
    head -c 40 /dev/zero
}

# A TCP port of 127.0.0.1 nobody listens on, from this lab's own range first.
free_port() {
    local base=$((20000 + 0x$(key "lab $LAB" | cut -c1-3) * 8)) i port used
    used=$(ss -Hltn | awk '{print $4}')
    for i in $(seq 0 2000); do
        port=$((base + i))
        grep -q ":$port$" <<<"$used" || [ -e "$LAB/port-$port" ] || {
            : >"$LAB/port-$port"
            echo "$port"
            return
        }
    done
    die "./dev lab up: no free port of 127.0.0.1 from $base on"
}

host_start() {
    local n=$1 kind=$2 link=$3 dir=$LAB/$1 base qemu xen port modules
    local dom0=$TOP/build/dom0
    base=$(need_dom0_base)
    qemu=$(need_qemu)
    mkdir -p "$dir/spare" # what a device shares that no test but the intruder uses
    port=$(free_port)
    echo "$port" >"$dir/port"
    cp "$base/ssh-key" "$dir/key"
    chmod 600 "$dir/key"

    local xen_args="$XEN_ARGS dom0_mem=${DOM0_MEM}M,max:${DOM0_MEM}M"
    modules="$base/vmlinuz $LINUX_ARGS lab.host=$n,$base/initrd"
    xen=$base/xen-stock
    if [ "$kind" != stock ]; then
        cp "$dom0/xen" "$dir/xen"
        cp "${FREEHOLD_STEWARD:-$dom0/steward.bin}" "$dir/steward.bin"
        xen=$dir/xen
        modules="$modules,$dir/steward.bin"
        case ${FREEHOLD_POOL:-}:$n in
        none:*) ;;
        other:2)
            pool_secret >"$dir/pool-secret"
            modules+=",$dir/pool-secret"
            ;;
        *) modules+=",$LAB/pool-secret" ;;
        esac
        # Xen takes the options of a second protected= on top of the first's.
        case " ${FREEHOLD_XEN_ARGS:-}:$kind" in
        *" protected="*) ;;
        *:ours) xen_args="$xen_args protected=on,lab" ;;
        *:strict) xen_args="$xen_args protected=strict,lab" ;;
        esac
    fi
    local net=(-netdev "user,id=n0,hostfwd=tcp:127.0.0.1:$port-:22"
        -device "virtio-net-pci,netdev=n0,romfile=")
    if [ -n "$link" ]; then
        local how=connect
        [ "$n" = 1 ] && how=listen
        net+=(-netdev "socket,id=n1,$how=127.0.0.1:$link"
            -device "virtio-net-pci,netdev=n1,romfile=,mac=52:54:00:77:00:0$n")
    fi
    setsid "$qemu/bin/qemu-system-x86_64" -L "$qemu/share/qemu" \
        -name "$LAB_NAME-$n" -nodefaults -no-user-config -display none -vga none \
        -no-reboot -machine pc \
        -accel "tcg,thread=multi,tb-size=${FREEHOLD_LAB_TB:-512}" -cpu "$QEMU_CPU" \
        -smp "$LAB_CPUS" -m "$LAB_MEM" \
        -kernel "$xen" -append "$xen_args ${FREEHOLD_XEN_ARGS:-}" \
        -initrd "$modules" \
        -drive "file=$dom0/disk.img,format=raw,if=none,id=d0,snapshot=on,cache=unsafe" \
        -device virtio-blk-pci,drive=d0 \
        -virtfs "local,path=$TOP/build/stage,mount_tag=freehold,security_model=none,readonly=on" \
        -virtfs "local,path=$dir/spare,mount_tag=spare,security_model=none,readonly=on" \
        -chardev "socket,id=mon,path=$dir/monitor,server=on,wait=off" -mon mon \
        -chardev "socket,id=tty,path=$dir/tty,server=on,wait=off,logfile=$dir/serial.log" \
        -serial chardev:tty "${net[@]}" \
        >"$dir/qemu.log" 2>&1 </dev/null 9>&- &
    echo $! >"$dir/pid"
    disown
    born "$!" >"$dir/born" || true # an early end shows below
    say "host $n: $kind Xen is booting (pid $!, ssh port $port)"
}

# When a process was born, in ticks: with its pid that names it, and stays over
# an exec, in the midst of which its command line is empty.  Nothing if it ended.
born() {
    sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | awk '$1 != "Z" { print $20 }'
}

host_alive() {
    local pid at
    pid=$(cat "$LAB/$1/pid" 2>/dev/null) && at=$(born "$pid") &&
        [ -n "$at" ] && [ "$at" = "$(cat "$LAB/$1/born" 2>/dev/null)" ]
}

# Wait until dom0 says that it is up; a boot that fails says where it stood.
host_wait() {
    local n=$1 dir=$LAB/$1 start=$SECONDS
    until grep -qa '^LAB-UP' "$dir/serial.log" 2>/dev/null; do
        if ! host_alive "$n"; then
            host_failed "$n" "QEMU ended"
        elif [ $((SECONDS - start)) -gt "$LAB_BOOT_S" ]; then
            host_failed "$n" "dom0 is not up after $LAB_BOOT_S s"
        elif grep -qa 'Panic on CPU\|Kernel panic' "$dir/serial.log" 2>/dev/null; then
            host_failed "$n" "panic"
        fi
        sleep 0.3
    done
    host_ssh "$n" true || host_failed "$n" "ssh into dom0 failed"
    say "host $n: dom0 is up after $((SECONDS - start)) s"
}

host_failed() {
    local n=$1 dir=$LAB/$1 stage
    # None, where it never came to one: that is to be told, too.
    stage=$(grep -a '^LAB-STAGE' "$dir/serial.log" 2>/dev/null | tail -n 1 | tr -d '\r') ||
        true
    {
        tail -n 5 "$dir/qemu.log"
        echo "--- the end of $dir/serial.log:"
        tail -n 30 "$dir/serial.log" | tr -d '\r'
        echo "---"
    } >&2
    die "host $n: $2; last stage reached: ${stage:-none, still in Xen or its first kernel}"
}

# host_type N KEYS: at the serial line of Xen and dom0.  What comes back is in
# serial.log as well; it stays connected until QEMU has taken the keys.
host_type() {
    perl -MIO::Socket::UNIX -e '
        my $tty = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die "$ARGV[0]: $!\n";
        $tty->autoflush(1);
        print $tty $ARGV[1];
        select(undef, undef, undef, 0.3)' "$LAB/$1/tty" "$2"
}

# ssh with one connection per host kept open: a command costs some ms.
host_ssh() {
    local n=$1 dir=$LAB/$1
    shift
    [ -e "$dir/port" ] || die "./dev lab: host $n is not up: ./dev lab up"
    ssh -F /dev/null -q -i "$dir/key" -p "$(cat "$dir/port")" \
        -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
        -o ControlMaster=auto -o ControlPath="$dir/ssh" -o ControlPersist=3600 \
        -o ConnectTimeout=60 -o ServerAliveInterval=30 -o LogLevel=ERROR \
        root@127.0.0.1 "$@"
}

lab_exec() {
    local n=${1:-}
    [ "${2:-}" = -- ] && [ $# -ge 3 ] || die "usage: ./dev lab exec N -- CMD..."
    shift 2
    host_ssh "$n" "$(printf '%q ' "$@")"
}

lab_put() {
    [ $# -ge 3 ] || die "usage: ./dev lab put N FILE... DEST"
    local n=$1 dest=${*: -1}
    local f files=()
    for f in "${@:2:$#-2}"; do
        files+=("$(realpath --relative-to=/ "$f")")
    done
    dest=$(printf %q "$dest")
    tar -C / -chf - --transform 's,.*/,,' "${files[@]}" |
        host_ssh "$n" "mkdir -p $dest && tar -C $dest --no-same-owner -xf -"
}

lab_get() {
    [ $# -ge 3 ] || die "usage: ./dev lab get N FILE... DEST"
    local n=$1 dest=${*: -1} f
    mkdir -p "$dest"
    for f in "${@:2:$#-2}"; do
        host_ssh "$n" "cat $(printf %q "$f")" >"$dest/$(basename "$f")"
    done
}

lab_console() {
    local n=${1:-1}
    if [ -n "${2:-}" ]; then
        host_ssh "$n" "cat /var/log/freehold/$(printf %q "$2").log 2>/dev/null ||
            cat /var/log/xen/console/guest-$(printf %q "$2").log"
    else
        [ -e "$LAB/$n/serial.log" ] || die "./dev lab console: host $n: no log"
        tr -d '\r' <"$LAB/$n/serial.log"
    fi
}

lab_status() {
    local d n
    [ -d "$LAB" ] || { echo "no lab is up"; return; }
    printf '%-5s %-7s %-8s %-6s %s\n' HOST XEN PID PORT STATE
    for d in "$LAB"/[12]; do
        [ -d "$d" ] || continue
        n=$(basename "$d")
        printf '%-5s %-7s %-8s %-6s %s\n' "$n" "$(cat "$LAB/kind")" \
            "$(cat "$d/pid")" "$(cat "$d/port")" \
            "$(host_alive "$n" && echo up || echo down)"
    done
}

lab_down() {
    local d n pid
    for d in "$LAB"/[1-9]; do
        [ -d "$d" ] || continue
        n=$(basename "$d")
        [ ! -e "$d/ssh" ] ||
            ssh -F /dev/null -q -o ControlPath="$d/ssh" -O exit lab 2>/dev/null || true
        if host_alive "$n"; then
            pid=$(cat "$d/pid")
            kill "$pid"
            tail --pid="$pid" -f /dev/null
        fi
    done
    rm -rf "$LAB"
}
