/*
title: … and the ports they wanted
question: Which ports do the countries try that reached few regions?
scope: [from, to, regions, sensors, kind, ip_version, scanners, over]
rollup: source
params:
  - {name: min_reach, type: int, default: "1", min: 1, max: 1000, meaning: "seen in at least this many places"}
  - {name: max_reach, type: int, default: "2", min: 1, max: 1000, meaning: "seen in at most this many places"}
chart: {type: heatmap, x: port, y: country, value: attempts, scale: log}
page: overview
order: 60
span: 6
columns:
  - {name: country, type: string, meaning: "country of the address (ISO 3166-1 alpha-2)"}
  - {name: reach, type: int, unit: places, meaning: "number of regions (or sensors) in which the country was seen"}
  - {name: transport, type: string, meaning: "tcp, udp or icmp"}
  - {name: port, type: int, meaning: "port tried (the type for icmp)"}
  - {name: attempts, type: int, unit: attempts, meaning: "attempts of the kind asked for"}
  - {name: sources, type: int, unit: addresses, meaning: "different client addresses"}
caveats:
  - The country is that of the address, never that of an actor.
*/
WITH told AS (
  SELECT country, place, transport, dst_port, src_ip, sum(attempts) AS attempts
  FROM scope
  WHERE country IS NOT NULL
  GROUP BY country, place, transport, dst_port, src_ip
), reached AS (
  SELECT country, count(DISTINCT place) AS reach, sum(attempts) AS total
  FROM told
  GROUP BY country
  HAVING count(DISTINCT place) BETWEEN :min_reach AND :max_reach
), cells AS (
  SELECT r.country, r.reach, r.total, t.transport, t.dst_port AS port,
    sum(t.attempts) AS attempts, count(DISTINCT t.src_ip) AS sources
  FROM told t
  JOIN reached r ON r.country = t.country
  GROUP BY r.country, r.reach, r.total, t.transport, t.dst_port
)
SELECT country, reach, transport, port, attempts, sources
FROM cells
ORDER BY total DESC, country, attempts DESC, port, transport
