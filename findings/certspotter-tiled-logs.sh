#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# certspotter of Debian 12 and 13 watches no static-ct log, and does not say so.
#
# Seen with certspotter 0.16.0 (Debian 12) and 0.18.0 (Debian 13); this runs the first. In a v3 log list static-ct logs
# stand under "tiled_logs" of their operator. certspotter passes that member over: of a list that has nothing else it
# makes a list of no logs, and runs on without a word, without a log to read and with nothing ever found. Only with
# -verbose it says "fetched 0 logs". The same log under "logs" is followed.
#
# What to take from it: an operator who moves to a static-ct log takes a monitor that was seen to read it; silence of
# this one is no evidence. Exit status 1: it is not so any more.
set -euo pipefail

DEBIAN=certspotter=0.16.0-1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chmod 755 "$work" # apt fetches as a user of its own
cd "$work"
apt-get -qq download "$DEBIAN"
dpkg-deb -x certspotter_*.deb .

openssl ecparam -name prime256v1 -genkey -noout -out log.key
openssl pkey -in log.key -pubout -outform DER -out log.der
key=$(base64 -w 0 <log.der)
id=$(openssl dgst -sha256 -binary log.der | base64)
about="\"description\":\"Ours\",\"log_id\":\"$id\",\"key\":\"$key\",\"mmd\":60,"
about+='"state":{"usable":{"timestamp":"2026-01-01T00:00:00Z"}}'
# list FILE LOGS TILED_LOGS: nobody listens on that port
list() {
    cat >"$1" <<END
{"version": "1.0", "log_list_timestamp": "2026-11-01T00:00:00Z",
 "operators": [{"name": "We", "email": ["we@example.org"], "logs": [$2], "tiled_logs": [$3]}]}
END
}
list rfc6962.json "{$about, \"url\": \"http://127.0.0.1:1/\"}" ''
list static-ct.json '' "{$about, \"submission_url\": \"http://127.0.0.1:1/\", \"monitoring_url\": \"http://127.0.0.1:1/\"}"
echo example.org >watchlist

# run LIST OPTION…: for some seconds, which is what ends it
run() {
    local status=0
    timeout 8 usr/bin/certspotter -stdout -logs "$work/$1.json" -watchlist watchlist -state_dir "$work/state-$1" \
        "${@:2}" >"$1.said" 2>&1 || status=$?
    echo "$1 ${*:2}: exit status $status; $(wc -l <"$1.said") lines: $(head -n 1 "$1.said")"
    [ "$status" -eq 124 ]
}
same=0
usr/bin/certspotter -version
run rfc6962 -verbose && grep -q 'fetched 1 logs' rfc6962.said && grep -q 'starting task for log' rfc6962.said || same=1
run static-ct -verbose && grep -q 'fetched 0 logs' static-ct.said && ! grep -q 'starting task' static-ct.said || same=1
run static-ct && [ ! -s static-ct.said ] || same=1
[ "$same" -eq 0 ] || echo 'It is not as stated above any more' >&2
exit "$same"
