/*
title: What the configuration loses
question: How much of what came tried ports that nobody serves?
scope: [from, to, regions, sensors, ip_version, scanners, over]
params:
  - name: by
    type: enum
    default: region
    meaning: groups
    values:
      - {name: region, sql: s.place}
      - {name: country, sql: s.country}
      - {name: network, sql: CAST(s.asn AS varchar)}
      - {name: all, sql: "'all'"}
  - name: set
    type: enum
    default: all
    meaning: "all sources, or those that sent a payload in the group (the study's join)"
    values:
      - {name: all, sql: "0"}
      - {name: senders, sql: "1"}
  - {name: top, type: int, default: "50", min: 1, max: 1000, meaning: "show this many groups, those of most unserved pairs"}
  - {name: draws, type: int, default: "1000", min: 99, max: 100000, meaning: "draws for an interval"}
  - {name: seed, type: int, default: "1", min: 0, max: 2147483647, meaning: "of what is drawn at random: the same seed gives the same result"}
chart: {type: bars, y: group, value: pair, low: pair_low, high: pair_high}
page: gaps
order: 10
span: 6
step: lossiness
rows:
  - {name: what, type: string, meaning: "source, name, watched or window"}
  - {name: group, type: string, meaning: "region (or sensor), country, network or all; the place of a row watched or window"}
  - {name: name, type: string, meaning: "of a network"}
  - {name: source, type: string, meaning: "client address"}
  - {name: network, type: string, meaning: "its ASN"}
  - {name: block, type: string, meaning: "its /24 (IPv6: the first three groups as written)"}
  - {name: class, type: string, meaning: "of its SYN: the tool, stack or unknown"}
  - {name: crafted, type: bool, meaning: "a tool made its SYNs, and it never met a listener"}
  - {name: served, type: int, unit: pairs, meaning: "pairs that met a listener"}
  - {name: unserved, type: int, unit: pairs, meaning: "pairs that did not"}
  - {name: served_attempts, type: int, unit: attempts, meaning: "that met a listener"}
  - {name: unserved_attempts, type: int, unit: attempts, meaning: "that did not"}
  - {name: heard, type: int, unit: pairs, meaning: "served pairs with a payload"}
  - {name: hours, type: float, unit: hours, meaning: "watched, with unserved ports observed; of a window what all sensors of the place could have"}
columns:
  - {name: group, type: string, meaning: "region (or sensor), country, network (ASN) or all"}
  - {name: name, type: string, meaning: "of a network"}
  - {name: sources, type: int, unit: addresses, meaning: "different client addresses"}
  - {name: served, type: int, unit: pairs, meaning: "pairs (source, transport and port, day, place) that met a listener"}
  - {name: unserved, type: int, unit: pairs, meaning: "pairs that did not"}
  - {name: pair, type: float, unit: share, meaning: "λ_pair: unserved of all pairs"}
  - {name: pair_low, type: float, unit: share, meaning: "lower end of the 95 % interval (bootstrap over sources)"}
  - {name: pair_high, type: float, unit: share, meaning: "upper end"}
  - {name: attempt, type: float, unit: share, meaning: "λ_attempt: unserved of all attempts; one busy source may decide it"}
  - {name: attempt_low, type: float, unit: share, meaning: "lower end"}
  - {name: attempt_high, type: float, unit: share, meaning: "upper end"}
  - {name: source, type: float, unit: share, meaning: "λ_source: sources that met no listener at all"}
  - {name: source_low, type: float, unit: share, meaning: "lower end"}
  - {name: source_high, type: float, unit: share, meaning: "upper end"}
  - {name: payload, type: float, unit: share, meaning: "λ_payload: expected share of the pairs with a payload that were lost"}
  - {name: payload_low, type: float, unit: share, meaning: "lower end; the probability of a payload taken as given"}
  - {name: payload_high, type: float, unit: share, meaning: "upper end"}
  - {name: payload_least, type: float, unit: share, meaning: "λ_payload if no crafted SYN had come to a payload (its address may be forged)"}
  - {name: payload_most, type: float, unit: share, meaning: "λ_payload if every unserved pair had come to one"}
  - {name: coverage, type: float, unit: share, meaning: "of the window, watched by the sensors with unserved ports observed (heartbeats); none where that is not known"}
caveats:
  - "Definition: L are the pairs that met a listener, F those that did not, by the configuration that the sensor itself had in force when they came: a port that is served since counts as unserved before. λ_pair = |F| / (|F| + |L|). What came to a listener that was opened to explore counts as unserved. ICMP has no ports."
  - "λ_payload: the probability that a source sends a payload is shrunk from its own share to that of its /24, network, class of SYN and all (beta-binomial, Morris 1983). It assumes that sources treat unserved ports as served ones."
  - "Of sensors with heartbeats only the hours count in which unserved ports were observed. Regions of unequal coverage are still comparable as shares, but not as numbers."
*/
WITH tapped AS (
  SELECT sensor, CAST(floor(to_unixtime(ts) / 3600) AS bigint) AS hour
  FROM watched
  WHERE tap
  UNION
  SELECT sensor, CAST(floor(to_unixtime(ts) / 3600 - micros / 3600000000e0) AS bigint)
  FROM watched
  WHERE tap
), reporting AS (
  SELECT DISTINCT sensor
  FROM watched
), told AS (
  SELECT s.place, :by AS grp, s.src_ip, s.ip_version, s.transport, s.dst_port, s.sensor, CAST(floor(to_unixtime(s.ts) / 3600) AS bigint) AS hour,
    CASE WHEN s.kind = 'unserved' OR coalesce(s.explored, false) THEN 0 ELSE 1 END AS served, CASE WHEN s.kind = 'payload' THEN 1 ELSE 0 END AS sent,
    s.attempts, s.asn, s.tool, CASE WHEN s.tcp_signature IS NULL THEN 0 ELSE 1 END AS signed
  FROM scope s
  WHERE s.transport <> 'icmp'
), seen AS (
  SELECT t.*
  FROM told t
  LEFT JOIN reporting r ON r.sensor = t.sensor
  LEFT JOIN tapped h ON h.sensor = t.sensor AND h.hour = t.hour
  WHERE r.sensor IS NULL OR h.sensor IS NOT NULL
), pairs AS (
  SELECT place, grp, src_ip, transport, dst_port, CAST(floor(hour / 24e0) AS bigint) AS day, max(ip_version) AS ip_version, max(served) AS served, max(served * sent) AS heard,
    sum(served * attempts) AS served_attempts, sum((1 - served) * attempts) AS unserved_attempts, max(asn) AS asn, max(tool) AS tool, max(signed) AS signed
  FROM seen
  WHERE grp IS NOT NULL
  GROUP BY 1, 2, 3, 4, 5, 6
), names AS (
  SELECT CAST(asn AS varchar) AS network, max(as_name) AS name
  FROM scope
  WHERE :by_name = 'network'
  GROUP BY asn
), span AS (
  SELECT coalesce(:to, max(ts)) AS last, coalesce(:from, min(ts)) AS first
  FROM scope
), sensors_of AS (
  SELECT place, count(DISTINCT sensor) AS sensors
  FROM scope
  GROUP BY place
)
SELECT 'source' AS what, grp AS "group", NULL AS name, src_ip AS source, CAST(max(asn) AS varchar) AS network,
  CASE WHEN max(ip_version) = 4 THEN regexp_extract(src_ip, '^[0-9]+[.][0-9]+[.][0-9]+') || '.0/24' ELSE regexp_extract(src_ip, '^[0-9a-f]*:[0-9a-f]*:[0-9a-f]*') END AS block,
  coalesce(max(tool), CASE WHEN max(signed) = 0 THEN 'unknown' ELSE 'stack' END) AS class, max(tool) IS NOT NULL AND max(served) = 0 AS crafted,
  CAST(sum(served) AS bigint) AS served, CAST(sum(1 - served) AS bigint) AS unserved, CAST(sum(served_attempts) AS bigint) AS served_attempts,
  CAST(sum(unserved_attempts) AS bigint) AS unserved_attempts, CAST(sum(heard) AS bigint) AS heard, CAST(NULL AS double) AS hours
FROM pairs
GROUP BY grp, src_ip
UNION ALL
SELECT 'name', network, name, NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 0, 0, NULL
FROM names
WHERE network IS NOT NULL
UNION ALL
SELECT 'watched', w.place, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 0, 0, sum(CASE WHEN w.tap THEN w.micros ELSE 0 END) / 3600000000e0
FROM watched w
GROUP BY w.place
UNION ALL
SELECT 'window', o.place, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 0, 0, o.sensors * (to_unixtime(x.last) - to_unixtime(x.first)) / 3600
FROM sensors_of o
CROSS JOIN span x
ORDER BY what, "group", source
