#!/usr/bin/env bash
# Analysis of payloads (protocol, layers, indicators, template): distinct payloads a second on one core, of the simulated week and of
# real ones where these are at hand (see shared below); then 10 MB of base64 in base64 in gzip, with the seconds and the peak of memory.
#
#   bench/analyze.sh [FOLDER with seed, docker and react2shell; default ../shared/data]
set -euo pipefail
cd "$(dirname "$0")/.."
program=$(mktemp)
trap 'rm -f "$program"' EXIT
go build -o "$program" ./bench/analyze
GOMAXPROCS=1 "$program" "${1:-../shared/data}"
GOMAXPROCS=1 "$program" -bomb
