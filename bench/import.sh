#!/usr/bin/env bash
# What an import of a table costs: the real attempts of 2013 (252,702 rows), read into queryable Iceberg tables with country
# and network looked up, against DuckDB's own reading of the same file into one Parquet file without either (= 1).
#
#   bench/import.sh [rounds]
set -euo pipefail
cd "$(dirname "$0")/.."
data=${TERROIR_DATA:-../shared/data}/marx/marx-2013-03-to-06.csv.gz
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
go build -o "$work/terroir" ./cmd/terroir
go build -o "$work/copy" ./bench/copy
printf '%-8s %12s %14s %14s %8s\n' round rows 'import, s' 'COPY, s' 'rows/s'
for round in $(seq "${1:-3}"); do
  begun=$(date +%s.%N)
  "$work/terroir" import --dir "$work/$round" --mapping bench/marx.yaml "$data" 2>"$work/log"
  ended=$(date +%s.%N)
  rows=$("$work/terroir" sql --dir "$work/$round" -o csv 'SELECT count(*) FROM events' | tail -1)
  copied=$("$work/copy" "$data" "$work/$round.parquet")
  awk -v n="$round" -v r="$rows" -v s="$begun" -v e="$ended" -v c="$copied" \
    'BEGIN { t = e - s; printf "%-8s %12d %14.2f %14.2f %8.0f   ratio %.2f\n", n, r, t, c, r / t, c / t }'
  cat "$work/log" | head -1
done
