#!/usr/bin/env bash
# Memory of a sensor with its usual theme: alone, and with 20,000 silent sessions (or as many as there are descriptors for).
# The size of its program. In network namespaces of its own; needs the superuser.
#
#   bench/idle.sh
exec "$(dirname "$0")/in-namespace.sh" idle
