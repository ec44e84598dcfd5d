/*
title: Same sources, other ports
question: Which ports that nobody serves did the sources of our payloads try?
scope: [from, to, regions, sensors, ip_version, scanners, over]
rollup: source
params:
  - {name: max_reach, type: int, default: "2", min: 1, max: 1000, meaning: "sources from countries whose payloads reached at most this many places"}
  - {name: country, type: string, default: "", meaning: "only sources of this country"}
  - {name: port, type: int, default: "0", min: 0, max: 65535, meaning: "only sources that sent a payload to this port (0 for any)"}
  - {name: top, type: int, default: "500", min: 1, max: 100000, meaning: "show this many rows"}
chart: {type: table, y: port, value: attempts}
page: overview
order: 80
span: 12
columns:
  - {name: country, type: string, meaning: "country of the sources (ISO 3166-1 alpha-2)"}
  - {name: asn, type: int, meaning: "network of the sources"}
  - {name: as_name, type: string, meaning: "name of the network"}
  - {name: transport, type: string, meaning: "tcp, udp or icmp"}
  - {name: port, type: int, meaning: "port tried"}
  - {name: served, type: bool, meaning: "did a listener take the payload"}
  - {name: sources, type: int, unit: addresses, meaning: "different client addresses"}
  - {name: attempts, type: int, unit: attempts, meaning: "attempts (served: payload events)"}
caveats:
  - An attempt on a port that nobody serves has no payload; what would have been sent is not known.
*/
WITH told AS (
  SELECT country, src_ip, kind, transport, dst_port, place, max(asn) AS asn, max(as_name) AS as_name, sum(attempts) AS attempts
  FROM scope
  WHERE kind IN ('payload', 'unserved')
  GROUP BY country, src_ip, kind, transport, dst_port, place
), senders AS (
  SELECT src_ip, country, max(asn) AS asn, max(as_name) AS as_name
  FROM told
  WHERE kind = 'payload' AND (:port = 0 OR dst_port = :port) AND (:country = '' OR country = :country)
  GROUP BY src_ip, country
), regional AS (
  SELECT country
  FROM told
  WHERE kind = 'payload' AND country IS NOT NULL
  GROUP BY country
  HAVING count(DISTINCT place) <= :max_reach
), tried AS (
  SELECT x.country, x.asn, x.as_name, t.transport, t.dst_port AS port, t.kind = 'payload' AS served, t.src_ip, t.attempts
  FROM told t
  JOIN senders x ON x.src_ip = t.src_ip
  JOIN regional r ON r.country = x.country
)
SELECT country, asn, as_name, transport, port, served, count(DISTINCT src_ip) AS sources, sum(attempts) AS attempts
FROM tried
GROUP BY country, asn, as_name, transport, port, served
ORDER BY served, attempts DESC, country, asn, port, transport, as_name
LIMIT :top
