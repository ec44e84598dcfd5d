/*
title: Would it have worked?
question: Chosen from the first part of the window, how much of the rest do the recommended ports cover, and how much do simpler choices?
scope: [from, to, regions, sensors, ip_version, scanners, over]
params:
  - {name: region, type: string, default: "", meaning: "only this region (or sensor); each of them without it"}
  - {name: fit, type: int, default: "50", min: 1, max: 99, meaning: "per cent of the days with attempts from which ports are chosen"}
  - {name: max_reach, type: int, default: "2", min: 1, max: 64, meaning: "sources that were seen in at most this many places, with any kind of event"}
  - name: weigh
    type: enum
    default: payloads
    meaning: "what a port gains: expected payloads of new sources, scans of many ports weighing less (each source times the probability of a payload, over the root of the number of its ports), or new sources"
    values:
      - {name: payloads, sql: "0"}
      - {name: sources, sql: "1"}
  - {name: seed, type: int, default: "1", min: 0, max: 2147483647, meaning: "of what is drawn at random: the same seed gives the same result"}
chart: {type: heatmap, x: k, y: strategy, value: share}
page: gaps
order: 40
span: 12
step: backtest
rows:
  - {name: what, type: string, meaning: "source, want, port, world, served or span"}
  - {name: place, type: string, meaning: "region or sensor"}
  - {name: source, type: string, meaning: "client address"}
  - {name: transport, type: string, meaning: "tcp or udp"}
  - {name: port, type: int, meaning: "port"}
  - {name: day, type: int, meaning: "day with attempts, counted from 1 on"}
  - {name: n, type: int, meaning: "ports that a source tried and nobody serves; sources of a port; sensors that serve a port; last day of the span"}
  - {name: served, type: int, unit: pairs, meaning: "pairs of a source that met a listener"}
  - {name: unserved, type: int, unit: pairs, meaning: "pairs of a source that did not"}
  - {name: heard, type: int, meaning: "served pairs with a payload; of a port's sources those that were heard"}
  - {name: declared, type: int, meaning: "a source says that it is a scanner; of a port's sources those that do"}
  - {name: reach, type: int, unit: places, meaning: "of a source; of a port's sources those of more than max_reach"}
  - {name: class, type: string, meaning: "of a source's SYN; the service of a served port"}
  - {name: network, type: string, meaning: "ASN of a source"}
  - {name: country, type: string, meaning: "of a source"}
  - {name: block, type: string, meaning: "/24 of a source"}
  - {name: first, type: int, unit: seconds, meaning: "first attempt of a want, since 1970"}
  - {name: last, type: int, unit: seconds, meaning: "last attempt of a want"}
columns:
  - {name: place, type: string, meaning: "region or sensor"}
  - {name: k, type: int, meaning: "number of ports"}
  - {name: strategy, type: string, meaning: "recommended; as it is (the ports served now); world (most tried in all regions); most frequent (in the region); random (mean of 100 sets); hindsight (knows the rest)"}
  - {name: gain, type: float, meaning: "on the rest of the days: expected payloads of new sources, or new sources"}
  - {name: share, type: float, unit: share, meaning: "of what all ports would have gained there"}
  - {name: ports, type: string, meaning: "the ports chosen"}
  - {name: days, type: string, meaning: "days of the first part and of the rest"}
  - {name: verdict, type: string, meaning: "of a recommendation: does it beat the world's most tried ports?"}
caveats:
  - "A recommendation that does not beat the world's most tried ports is worth nothing beyond them; it says so."
  - "Which sources are new and regional is judged from the whole window."
  - "It claims attempts, not payloads: an unserved port has no first bytes. The probability of a payload is estimated from what a source and its like did where they were heard (see lossiness), and assumes that they treat unserved ports alike."
  - "New are sources without a payload in the region, in the window; known scanners are left out. Ports of icmp there are none."
*/
WITH pairs AS (
  SELECT place, src_ip, ip_version, transport, dst_port, CAST(floor(to_unixtime(ts) / 86400) AS bigint) AS day,
    max(CASE WHEN kind = 'unserved' OR coalesce(explored, false) THEN 0 ELSE 1 END) AS served,
    max(CASE WHEN kind = 'payload' AND NOT coalesce(explored, false) THEN 1 ELSE 0 END) AS heard,
    max(scanner) AS scanner, max(asn) AS asn, max(country) AS country, max(tool) AS tool, max(CASE WHEN tcp_signature IS NULL THEN 0 ELSE 1 END) AS signed, min(ts) AS first, max(ts) AS last
  FROM scope
  WHERE transport <> 'icmp'
  GROUP BY 1, 2, 3, 4, 5, 6
), tries AS (
  SELECT place, src_ip, transport, dst_port, max(ip_version) AS ip_version, sum(served) AS served, sum(1 - served) AS unserved, sum(heard) AS heard,
    max(scanner) AS scanner, max(asn) AS asn, max(country) AS country, max(tool) AS tool, max(signed) AS signed
  FROM pairs
  GROUP BY 1, 2, 3, 4
), senders AS (
  SELECT place, src_ip, max(ip_version) AS ip_version, CAST(sum(served) AS bigint) AS served, CAST(sum(unserved) AS bigint) AS unserved,
    CAST(sum(heard) AS bigint) AS heard, CAST(sum(CASE WHEN unserved > 0 THEN 1 ELSE 0 END) AS bigint) AS ports, max(scanner) AS scanner,
    coalesce(max(tool), CASE WHEN max(signed) = 0 THEN 'unknown' ELSE 'stack' END) AS class, CAST(max(asn) AS varchar) AS network, max(country) AS country
  FROM tries
  GROUP BY place, src_ip
), reached AS (
  SELECT src_ip, count(*) AS reach, CASE WHEN max(scanner) IS NULL THEN 0 ELSE 1 END AS declared
  FROM senders
  GROUP BY src_ip
), sources AS (
  SELECT s.place, s.src_ip, s.ip_version, s.served, s.unserved, s.heard, s.ports, r.declared, r.reach, s.class, s.network, s.country
  FROM senders s
  JOIN reached r ON r.src_ip = s.src_ip
), days AS (
  SELECT day, row_number() OVER (ORDER BY day) AS number
  FROM (SELECT DISTINCT day FROM pairs) d
), span AS (
  SELECT min(number) AS first, max(number) AS last
  FROM days
), tried AS (
  SELECT DISTINCT p.place, p.src_ip, p.transport, p.dst_port
  FROM pairs p
  JOIN days d ON d.day = p.day
  CROSS JOIN span x
  WHERE p.served = 0 AND (d.number - 1) * 100 < x.last * :fit
), ports AS (
  SELECT t.place, t.transport, t.dst_port, count(*) AS n, sum(CASE WHEN s.heard > 0 THEN 1 ELSE 0 END) AS heard, sum(s.declared) AS declared,
    sum(CASE WHEN s.reach > :max_reach THEN 1 ELSE 0 END) AS wide, row_number() OVER (PARTITION BY t.place ORDER BY count(*) DESC, t.dst_port, t.transport) AS rank
  FROM tried t
  JOIN sources s ON s.place = t.place AND s.src_ip = t.src_ip
  GROUP BY t.place, t.transport, t.dst_port
), world AS (
  SELECT transport, dst_port, count(DISTINCT src_ip) AS n
  FROM tried
  GROUP BY transport, dst_port
  ORDER BY n DESC, dst_port, transport
  LIMIT 500
), latest AS (
  SELECT sensor, max_by(revision, ts) AS revision
  FROM served_ports
  GROUP BY sensor
), now_served AS (
  SELECT :over AS place, transport, port, max(service) AS service, count(DISTINCT p.sensor) AS n
  FROM (SELECT a.region, a.sensor, a.transport, a.port, a.service FROM served_ports a JOIN latest l ON l.sensor = a.sensor AND l.revision = a.revision) p
  GROUP BY 1, 2, 3
)
SELECT 'source' AS what, place, src_ip AS source, NULL AS transport, 0 AS port, 0 AS day, ports AS n, served, unserved, heard, declared, reach, class, network, country,
  CASE WHEN ip_version = 4 THEN regexp_extract(src_ip, '^[0-9]+[.][0-9]+[.][0-9]+') || '.0/24' ELSE regexp_extract(src_ip, '^[0-9a-f]*:[0-9a-f]*:[0-9a-f]*') END AS block, 0 AS first, 0 AS last
FROM sources
WHERE :region = '' OR place = :region
UNION ALL
SELECT 'want', p.place, p.src_ip, p.transport, p.dst_port, d.number, 0, 0, 0, 0, 0, 0, NULL, NULL, NULL, NULL,
  CAST(floor(to_unixtime(p.first)) AS bigint), CAST(floor(to_unixtime(p.last)) AS bigint)
FROM pairs p
JOIN days d ON d.day = p.day
JOIN sources s ON s.place = p.place AND s.src_ip = p.src_ip
WHERE p.served = 0 AND s.heard = 0 AND s.declared = 0 AND s.reach <= :max_reach AND (:region = '' OR p.place = :region)
UNION ALL
SELECT 'port', place, NULL, transport, dst_port, 0, n, 0, 0, heard, declared, wide, NULL, NULL, NULL, NULL, 0, 0
FROM ports
WHERE rank <= 200 AND (:region = '' OR place = :region)
UNION ALL
SELECT 'world', NULL, NULL, transport, dst_port, 0, n, 0, 0, 0, 0, 0, NULL, NULL, NULL, NULL, 0, 0
FROM world
UNION ALL
SELECT 'served', place, NULL, transport, port, 0, n, 0, 0, 0, 0, 0, service, NULL, NULL, NULL, 0, 0
FROM now_served
UNION ALL
SELECT 'span', NULL, NULL, NULL, 0, first, last, 0, 0, 0, 0, 0, NULL, NULL, NULL, NULL, 0, 0
FROM span
WHERE first IS NOT NULL
ORDER BY what, place, source, port, transport, day
