#!/bin/bash
# Ends what scripts/ceph-up.sh started, by the process ids it wrote down, and removes its state.
set -uo pipefail
dir=${CEPH_DIR:-${TMPDIR:-/tmp}/daypass-ceph}
for part in rgw osd mgr mon; do
  [ -s "$dir/$part.pid" ] && kill -9 "$(cat "$dir/$part.pid")" 2>/dev/null
done
rm -rf "$dir"
