/*
title: Regions side by side
question: How do the regions differ in what they see?
scope: [from, to, regions, sensors, kind, ip_version, scanners, over]
rollup: payload
chart: {type: table, y: place, value: attempts}
page: overview
order: 40
span: 12
columns:
  - {name: place, type: string, meaning: "region or sensor"}
  - {name: attempts, type: int, unit: attempts, meaning: "attempts of the kind asked for"}
  - {name: sources, type: int, unit: addresses, meaning: "different client addresses"}
  - {name: only_here, type: int, unit: addresses, meaning: "of these, seen in no other place"}
  - {name: networks, type: int, unit: ASNs, meaning: "different networks"}
  - {name: countries, type: int, unit: countries, meaning: "different countries"}
  - {name: distinct_payloads, type: int, unit: payloads, meaning: "different payloads"}
caveats:
  - A sensor that was down for part of the window saw less; compare only places that were observed equally long.
*/
WITH told AS (
  SELECT place, src_ip, asn, country, sum(attempts) AS attempts
  FROM scope
  GROUP BY place, src_ip, asn, country
), reached AS (
  SELECT src_ip, count(DISTINCT place) AS reach
  FROM told
  GROUP BY src_ip
), sent AS (
  SELECT place, count(DISTINCT payload_id) AS distinct_payloads
  FROM scope
  GROUP BY place
)
SELECT t.place, sum(t.attempts) AS attempts, count(DISTINCT t.src_ip) AS sources,
  count(DISTINCT CASE WHEN r.reach = 1 THEN t.src_ip END) AS only_here,
  count(DISTINCT t.asn) AS networks, count(DISTINCT t.country) AS countries, max(s.distinct_payloads) AS distinct_payloads
FROM told t
JOIN reached r ON r.src_ip = t.src_ip
JOIN sent s ON s.place = t.place
GROUP BY t.place
ORDER BY attempts DESC, t.place
