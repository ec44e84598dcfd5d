/*
title: In short
question: How much was seen?
scope: [from, to, regions, sensors, ip_version, scanners]
rollup: payload
chart: {type: numbers}
page: overview
order: 10
span: 12
columns:
  - {name: events, type: int, unit: rows, meaning: "rows of the table events"}
  - {name: attempts, type: int, unit: attempts, meaning: "attempts that the rows stand for"}
  - {name: payload_events, type: int, unit: events, meaning: "events whose client sent at least one byte"}
  - {name: distinct_payloads, type: int, unit: payloads, meaning: "different payloads among them"}
  - {name: sources, type: int, unit: addresses, meaning: "different client addresses"}
  - {name: networks, type: int, unit: ASNs, meaning: "different networks of these addresses"}
  - {name: countries, type: int, unit: countries, meaning: "different countries of these addresses"}
  - {name: unserved_attempts, type: int, unit: attempts, meaning: "attempts on ports that nobody serves"}
caveats:
  - A source is an address, not an actor.
*/
SELECT
  coalesce(sum(events), 0) AS events,
  coalesce(sum(attempts), 0) AS attempts,
  coalesce(sum(CASE WHEN kind = 'payload' THEN events ELSE 0 END), 0) AS payload_events,
  count(DISTINCT payload_id) AS distinct_payloads,
  count(DISTINCT src_ip) AS sources,
  count(DISTINCT asn) AS networks,
  count(DISTINCT country) AS countries,
  coalesce(sum(CASE WHEN kind = 'unserved' THEN attempts ELSE 0 END), 0) AS unserved_attempts
FROM scope
