#!/usr/bin/env bash
# Builds the sensor and bench/sensor and runs a measurement of the latter in two network namespaces with a cable between
# them, made for it: clients, who have many addresses (198.18.0.0/16), and servers (192.0.2.2).
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
clients=terroir-bench-c-$$ servers=terroir-bench-s-$$
trap 'for n in "$clients" "$servers"; do ip netns del "$n" 2>/dev/null || true; done; rm -rf "$work"' EXIT
chmod 755 "$work"
CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o "$work/terroir-sensor" ./cmd/terroir-sensor
go build -o "$work/sensor" ./bench/sensor
ip netns add "$clients"
ip netns add "$servers"
ip link add cable netns "$clients" address 02:00:00:00:00:01 type veth peer name cable netns "$servers" address 02:00:00:00:00:02
for n in "$clients" "$servers"; do
  ip -n "$n" link set lo up
  ip netns exec "$n" sysctl -qw net.ipv4.ip_local_port_range='1024 65535' net.core.somaxconn=32768 net.ipv4.tcp_max_syn_backlog=32768
done
ip -n "$clients" addr add 192.0.2.1/24 dev cable
ip -n "$servers" addr add 192.0.2.2/24 dev cable
ip -n "$clients" link set cable up
ip -n "$servers" link set cable up
ip -n "$clients" route add local 198.18.0.0/16 dev lo
ip -n "$servers" route add 198.18.0.0/16 via 192.0.2.1
ulimit -n 1048576 2>/dev/null || ulimit -n "$(ulimit -Hn)"
TERROIR_BENCH_SERVERS="$servers" ip netns exec "$clients" "$work/sensor" "$1" "$work/terroir-sensor" "${@:2}"
