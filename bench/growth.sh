#!/usr/bin/env bash
# How the time of every view grows from ten to a hundred million events, or between other numbers, and how much memory that takes.
# Filling the larger lake takes half an hour; both are kept for the next run where a folder is named.
#
#   bench/growth.sh [FEW MANY [FOLDER]]
set -euo pipefail
cd "$(dirname "$0")/.."
program=$(mktemp)
trap 'rm -f "$program"' EXIT
go build -o "$program" ./bench/lake
[ $# -gt 0 ] || set -- 10000000 100000000
"$program" growth "$@"
