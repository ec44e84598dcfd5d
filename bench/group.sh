#!/usr/bin/env bash
# Grouping: 100,000 distinct payloads (or as many as asked for), made from the simulated week's by changing numbers, names and addresses,
# and of commands, lines of text and random bytes. Prints the seconds on two cores and the peak of memory. With a second argument a CPU
# profile is written.
#
#   bench/group.sh [PAYLOADS [PROFILE]]
set -euo pipefail
cd "$(dirname "$0")/.."
program=$(mktemp)
trap 'rm -f "$program"' EXIT
go build -o "$program" ./bench/group
GOMAXPROCS=2 "$program" "${@:-100000}"
