#!/usr/bin/env bash
# Builds the sensor and bench/sensor and runs a measurement of the latter in a network namespace made for it.
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
name=terroir-bench-$$
trap 'ip netns del "$name" 2>/dev/null; rm -rf "$work"' EXIT
chmod 755 "$work"
CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o "$work/terroir-sensor" ./cmd/terroir-sensor
go build -o "$work/sensor" ./bench/sensor
ip netns add "$name"
ip -n "$name" link set lo up
ip netns exec "$name" sysctl -qw net.ipv4.ip_local_port_range='1024 65535' net.core.somaxconn=4096
ulimit -n 1048576 2>/dev/null || ulimit -n "$(ulimit -Hn)"
ip netns exec "$name" "$work/sensor" "$1" "$work/terroir-sensor" "${@:2}"
