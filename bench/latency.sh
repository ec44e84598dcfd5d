#!/usr/bin/env bash
# From a client's payload to the live tail and to a row in a view, with a hub and a sensor of its own on loopback; then the
# memory that both hold at rest.
#
#   bench/latency.sh
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go build -o "$work/terroir" ./cmd/terroir
CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o "$work/terroir-sensor" ./cmd/terroir-sensor
go build -o "$work/latency" ./bench/latency
"$work/latency" "$work/terroir" "$work/terroir-sensor"
