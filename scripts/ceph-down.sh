#!/bin/bash
# Ends what scripts/ceph-up.sh started, by the process ids it wrote down, and removes its state.
set -uo pipefail
dir=${CEPH_DIR:-${TMPDIR:-/tmp}/daypass-ceph}
for part in rgw osd mgr mon; do
  pid=$(cat "$dir/$part.pid" 2>/dev/null) && [ -n "$pid" ] || continue
  kill -9 "$pid" 2>/dev/null
  # Its ports are free when it is gone.
  for _ in $(seq 50); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
done
rm -rf "$dir"
