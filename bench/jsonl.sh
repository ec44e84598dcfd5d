#!/usr/bin/env bash
# What an import of JSON lines costs: a simulated week of about 250,000 events with their payloads, gzip to queryable tables.
#
#   bench/jsonl.sh [rounds]
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go build -o "$work/terroir" ./cmd/terroir
"$work/terroir" simulate --out "$work/week" --scale 10 --no-pcaps 2>/dev/null
for round in $(seq "${1:-3}"); do
  "$work/terroir" import --dir "$work/$round" "$work/week/events.jsonl.gz" 2>&1 | sed "s|$work/||"
done
