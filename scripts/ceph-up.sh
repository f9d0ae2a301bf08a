#!/bin/bash
# Starts a Ceph object gateway (radosgw) for `jest --config jest.ceph.config.js`: one monitor, one manager,
# one OSD and the gateway, all on loopback, gone with scripts/ceph-down.sh. Takes about 15 s.
#
# Debian: apt-get install --no-install-recommends radosgw ceph-mon ceph-mgr ceph-osd ceph-common ceph-base
#
# Environment: CEPH_DIR (state, default $TMPDIR/daypass-ceph), RGW_PORT (7480), MON_PORT (6789),
# CEPH_OSD (`memory`, the default, takes 2 GB of objects; `file` as many as CEPH_FILE_SIZE says, 8 GiB by default,
# in a sparse file under CEPH_DIR), S3_ACCESS_KEY and S3_SECRET_KEY (credentials of the user it creates; worth nothing outside this machine).
set -euo pipefail

dir=${CEPH_DIR:-${TMPDIR:-/tmp}/daypass-ceph}
rgw_port=${RGW_PORT:-7480}
# The first messenger protocol, said plainly: the second, which other ports mean, wants a key of the gateway.
mon="[v1:127.0.0.1:${MON_PORT:-6789}]"
conf=$dir/ceph.conf

for tool in ceph ceph-mon ceph-mgr ceph-osd monmaptool ceph-authtool radosgw radosgw-admin curl; do
  command -v "$tool" >/dev/null || { echo "ceph-up: $tool is missing: see the packages in $0" >&2; exit 2; }
done
[ ! -e "$dir" ] || { echo "ceph-up: $dir exists: run scripts/ceph-down.sh first" >&2; exit 2; }

mkdir -p "$dir"/{mon,mgr,osd0,rgw,log}
exec 3>&2 # what goes wrong below is shown, though the log takes its output
trap '[ $? -eq 0 ] || { tail -n 20 "$dir/up.log" >&3; CEPH_DIR=$dir "$(dirname "$0")/ceph-down.sh"; }' EXIT

case ${CEPH_OSD:-memory} in
  memory) store='osd objectstore = memstore
memstore device bytes = 2147483648' ;;
  # Its caches are small: what is measured beside it is the broker.
  file) store="osd objectstore = bluestore
bluestore block create = true
bluestore block size = ${CEPH_FILE_SIZE:-8589934592}
bluestore cache autotune = false
bluestore cache size = 67108864
bluestore fsck on mkfs = false" ;;
  *) echo "ceph-up: CEPH_OSD is memory or file" >&2; exit 2 ;;
esac

fsid=$(cat /proc/sys/kernel/random/uuid)
osd=$(cat /proc/sys/kernel/random/uuid)
cat >"$conf" <<CONF
[global]
fsid = $fsid
mon initial members = a
mon host = $mon
auth cluster required = none
auth service required = none
auth client required = none
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 4
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
mon max pg per osd = 1000
mon data avail crit = 1
run dir = $dir
log file = $dir/log/\$name.log
admin socket = $dir/\$name.asok
keyring = $dir/keyring
ms bind ipv6 = false
public network = 127.0.0.0/8
public addr = 127.0.0.1
[mon.a]
mon data = $dir/mon
host = localhost
[mgr]
mgr data = $dir/mgr
[osd]
$store
osd data = $dir/osd\$id
# Its place in the CRUSH map is set below: left to itself, a start race kills the OSD now and then.
osd class update on start = false
osd crush update on start = false
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:$rgw_port
rgw data = $dir/rgw
rgw dns name = localhost
rgw s3 auth use sts = true
rgw sts key = 0000000000000000
CONF

# Runs a command up to $1 times, 0.2 s apart, until it succeeds.
until_ok() {
  local tries=$1; shift
  until "$@"; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || { echo "ceph-up: gave up on: $*" >&2; return 1; }
    sleep 0.2
  done
}
ceph() { timeout 10 ceph -c "$conf" "$@"; }
quorum() { [ "$(ceph fsid)" = "$fsid" ]; }
answering() { curl -s -m 2 -o /dev/null "http://127.0.0.1:$rgw_port/"; }
admin() { radosgw-admin -c "$conf" "$@" >/dev/null; }
role() { printf '{"Version":"2012-10-17","Statement":[{"Effect":"Allow",%s}]}' "$1"; }

{
  monmaptool --create --addv a "$mon" --fsid "$fsid" "$dir/monmap"
  ceph-authtool --create-keyring "$dir/keyring" --gen-key -n mon. --cap mon 'allow *' \
    --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *'
  ceph-mon -c "$conf" -i a --mkfs --monmap "$dir/monmap" --keyring "$dir/keyring"
  ceph-mon -c "$conf" -i a --pid-file "$dir/mon.pid"
  until_ok 50 quorum
  until_ok 50 ceph osd new "$osd" # the same id that mkfs gets below
  ceph-mgr -c "$conf" -i x --pid-file "$dir/mgr.pid" # without it the gateway never gets its pools
  ceph osd crush add osd.0 1.0 host=lab root=default
  ceph-osd -c "$conf" -i 0 --mkfs --osd-uuid "$osd"
  until_ok 5 ceph-osd -c "$conf" -i 0 --pid-file "$dir/osd.pid"
  timeout 60 radosgw -c "$conf" -n client.rgw --pid-file "$dir/rgw.pid"
  until_ok 300 answering

  admin user create --uid=broker --display-name=broker \
    --access-key="${S3_ACCESS_KEY:-test}" --secret-key="${S3_SECRET_KEY:-test-only}"
  admin caps add --uid=broker --caps='roles=*;user-policy=*;oidc-provider=*'
  admin role create --role-name=UploadRole --path=/ --assume-role-policy-doc="$(
    role '"Principal":{"AWS":["arn:aws:iam:::user/broker"]},"Action":["sts:AssumeRole"]')"
  admin role-policy put --role-name=UploadRole --policy-name=storage --policy-doc="$(
    role '"Action":["s3:*"],"Resource":["arn:aws:s3:::*"]')"
} >"$dir/up.log" 2>&1

echo "http://127.0.0.1:$rgw_port"
