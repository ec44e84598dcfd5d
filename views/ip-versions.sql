/*
title: IPv4 and IPv6
question: What comes over which version of the internet protocol?
scope: [from, to, regions, sensors, kind, scanners, over]
chart: {type: heatmap, x: version, y: place, value: attempts, scale: log}
columns:
  - {name: place, type: string, meaning: "region or sensor"}
  - {name: version, type: string, meaning: "IPv4 or IPv6"}
  - {name: events, type: int, unit: rows, meaning: "rows of the table events"}
  - {name: attempts, type: int, unit: attempts, meaning: "attempts of the kind asked for"}
  - {name: attempts_share, type: float, unit: share, meaning: "of the attempts at the place"}
  - {name: sources, type: int, unit: addresses, meaning: "different client addresses"}
  - {name: networks, type: int, unit: ASNs, meaning: "different networks"}
  - {name: countries, type: int, unit: countries, meaning: "different countries"}
  - {name: ports, type: int, unit: ports, meaning: "different ports tried"}
  - {name: distinct_payloads, type: int, unit: payloads, meaning: "different payloads"}
caveats:
  - A sensor without an IPv6 address sees none of it. Nobody scans all of IPv6, so an address that is in no list is found seldom.
  - One client may have any number of IPv6 addresses; sources of the two versions are not alike.
*/
WITH places AS (
  SELECT place, sum(attempts) AS attempts
  FROM scope
  GROUP BY place
)
SELECT s.place, 'IPv' || CAST(s.ip_version AS varchar) AS version, count(*) AS events, sum(s.attempts) AS attempts,
  round(CAST(sum(s.attempts) AS double) / max(p.attempts), 4) AS attempts_share, count(DISTINCT s.src_ip) AS sources,
  count(DISTINCT s.asn) AS networks, count(DISTINCT s.country) AS countries,
  count(DISTINCT s.transport || '/' || CAST(s.dst_port AS varchar)) AS ports, count(DISTINCT s.payload_id) AS distinct_payloads
FROM scope s
JOIN places p ON p.place = s.place
GROUP BY s.place, s.ip_version
ORDER BY s.place, s.ip_version
