#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# For scripts that work in a Debian release in a directory of its own; they source this file, as root.

# Where this machine's own packages come from, or $MIRROR.
debian_mirror() {
    if [ -n "${MIRROR-}" ]; then
        echo "$MIRROR"
    else
        # shellcheck disable=SC2016 # apt's own variables
        apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' |
            awk '$1 == "Debian" { print $2; exit }'
    fi
}

# make_debian_root SUITE DIRECTORY: the smallest Debian there is (for $ARCH, if that is set), made once; a half-made one
# is never taken for one.
make_debian_root() {
    local suite=$1 directory=$2 url
    [ ! -e "$directory/etc/debian_version" ] || return 0
    command -v debootstrap >/dev/null || {
        echo 'debootstrap is missing: apt-get install debootstrap' >&2
        return 1
    }
    url=$(debian_mirror)
    [ -n "$url" ] || {
        echo 'apt knows no mirror of Debian (apt-get update?): name one in MIRROR' >&2
        return 1
    }
    mkdir -p "$(dirname "$directory")"
    rm -rf "$directory.new"
    debootstrap ${ARCH:+"--arch=$ARCH"} --variant=minbase "$suite" "$directory.new" "$url" || return 1
    # A mirror may be a snapshot, older than its lists say they are good for; they are signed all the same.
    echo 'Acquire::Check-Valid-Until "false";' >"$directory.new/etc/apt/apt.conf.d/snapshot"
    rm -rf "$directory"
    mv "$directory.new" "$directory"
}

# copy_debian_root RELEASE DIRECTORY: a bare root of its own, in which servers that are installed do not start. What it
# is copied from is kept in debian_cache; where packages come from is asked anew each time, for a kept one may name a
# mirror that is gone.
debian_cache() {
    echo "${XDG_CACHE_HOME:-$HOME/.cache}/clientct"
}

copy_debian_root() {
    local release=$1 directory=$2 cache
    cache=$(debian_cache)
    mkdir -p "$cache"
    (
        flock 9
        make_debian_root "$release" "$cache/$release-minbase"
    ) 9>"$cache/lock" || return 1
    mkdir -p "$directory"
    cp -a --reflink=auto "$cache/$release-minbase/." "$directory" || return 1
    echo "deb $(debian_mirror) $release main" >"$directory/etc/apt/sources.list"
    no_servers_start "$directory"
}

no_servers_start() {
    printf '#!/bin/sh\nexit 101\n' >"$1/usr/sbin/policy-rc.d"
    chmod 755 "$1/usr/sbin/policy-rc.d"
}

# in_debian_root DIRECTORY COMMAND…: runs it there in a mount namespace of its own, so that nothing stays mounted.
# $ROOT_PACKAGES, if set, is a directory that keeps apt's packages for the next time.
in_debian_root() {
    # shellcheck disable=SC2016 # for the inner shell
    unshare --mount --pid --fork bash -c '
        set -e
        root=$1
        shift
        mount -t proc proc "$root/proc"
        mount --rbind /dev "$root/dev"
        if [ -n "${ROOT_PACKAGES-}" ]; then
            mkdir -p "$ROOT_PACKAGES/partial"
            mount --bind "$ROOT_PACKAGES" "$root/var/cache/apt/archives"
        fi
        cp -L /etc/resolv.conf "$root/etc/resolv.conf"
        # What a machine behind a proxy trusts is needed inside, too.
        mkdir -p "$root/etc/ssl"
        [ -z "${SSL_CERT_FILE-}" ] || cp -L "$SSL_CERT_FILE" "$root/etc/ssl/trusted-outside.pem"
        exec chroot "$root" env -i HOME=/root LANG=C.UTF-8 \
            PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
            ${CC:+CC="$CC"} ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
            ${SSL_CERT_FILE:+SSL_CERT_FILE=/etc/ssl/trusted-outside.pem} \
            ${SSL_CERT_FILE:+CARGO_HTTP_CAINFO=/etc/ssl/trusted-outside.pem} \
            DEBIAN_FRONTEND=noninteractive "$@"' - "$@" </dev/null
}

# boot_debian_root DIRECTORY: starts the systemd that is installed there, in namespaces of its own; $BOOTED is its
# process, to be killed to end it. The machine needs cgroup2, which containers often lack.
boot_debian_root() {
    # shellcheck disable=SC2016 # for the inner shell
    unshare --mount --pid --uts --ipc --net --cgroup --fork --kill-child bash -c '
        set -e
        root=$1
        ip link set lo up
        mount --make-rprivate /
        mount --bind "$root" "$root"
        mount -t proc proc "$root/proc"
        mount -t sysfs sys "$root/sys"
        mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
        mount -t tmpfs dev "$root/dev"
        for device in null zero full random urandom tty; do
            touch "$root/dev/$device"
            mount --bind "/dev/$device" "$root/dev/$device"
        done
        mkdir -p "$root/dev/pts" "$root/dev/shm" "$root/outside"
        ln -s /proc/self/fd "$root/dev/fd"
        mount -t tmpfs run "$root/run"
        cd "$root"
        pivot_root . outside
        umount -l /outside
        rmdir /outside
        exec env -i container=clientct PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system \
            --unit=multi-user.target --log-target=journal --show-status=no' - "$1" </dev/null >"$1.console" 2>&1 &
    BOOTED=$!
    local waited
    for waited in $(seq 600); do
        case $(in_booted_root systemctl is-system-running 2>/dev/null) in running | degraded) return 0 ;; esac
        kill -0 "$BOOTED" 2>/dev/null || break
        sleep 0.2
    done
    echo "no systemd came up in $1 within $waited looks:" >&2
    cat "$1.console" >&2
    return 1
}

# in_booted_root COMMAND…
in_booted_root() {
    local first
    first=$(pgrep -P "$BOOTED" | head -n 1)
    nsenter --target "${first:-0}" --mount --pid --uts --ipc --net --cgroup --wdns=/root \
        env -i HOME=/root LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@" </dev/null
}

end_booted_root() {
    [ -n "${BOOTED-}" ] || return 0
    # systemd takes SIGTERM for "begin anew"; with the first process of its namespace all others end.
    pkill -KILL -P "$BOOTED" || true
    wait "$BOOTED" 2>/dev/null || true
    BOOTED=
}
