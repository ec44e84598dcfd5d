#!/usr/bin/env bash
# What `terroir demo --once` costs: the build from an empty cache, then the demo's own part.
#
#   bench/demo.sh [--cold]    --cold: with an empty build cache (minutes)
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
[ "${1:-}" = --cold ] && export GOCACHE="$work/cache"
begun=$(date +%s.%N)
go build -o "$work/terroir" ./cmd/terroir
built=$(date +%s.%N)
"$work/terroir" demo --once --dir "$work/demo" >"$work/report.md" 2>/dev/null
ended=$(date +%s.%N)
awk -v b="$begun" -v m="$built" -v e="$ended" 'BEGIN { printf "build %.1f s, demo %.1f s\n", m - b, e - m }'
