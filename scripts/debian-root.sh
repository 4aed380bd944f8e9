#!/bin/bash
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
            DEBIAN_FRONTEND=noninteractive "$@"' - "$@" </dev/null
}
