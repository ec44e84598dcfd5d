#!/usr/bin/env bash
# SYNs to unserved ports: how many a second the sensor sees, and that none is lost without being counted, against tcpdump -w
# /dev/null with the same filter (= 1). In network namespaces of its own; needs the superuser.
#
#   bench/syns.sh
exec "$(dirname "$0")/in-namespace.sh" syns
