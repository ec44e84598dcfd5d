#!/usr/bin/env bash
# From the bus to committed and queryable: how many events a second the hub brings into the tables, enriched, against
# DuckDB's own COPY of the same rows from memory into one Parquet file (= 1). Sizes in events; a million without argument.
#
#   bench/drain.sh [EVENTS …]
set -euo pipefail
cd "$(dirname "$0")/.."
program=$(mktemp)
trap 'rm -f "$program"' EXIT
go build -o "$program" ./bench/lake
for events in "${@:-1000000}"; do
  "$program" drain "$events"
done
