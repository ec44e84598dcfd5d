/*
title: Regions side by side
question: How do the regions differ in what they see?
scope: [from, to, regions, sensors, kind, ip_version, scanners, over]
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
WITH reached AS (
  SELECT src_ip, count(DISTINCT place) AS reach
  FROM scope
  GROUP BY src_ip
)
SELECT s.place, sum(s.attempts) AS attempts, count(DISTINCT s.src_ip) AS sources,
  count(DISTINCT CASE WHEN r.reach = 1 THEN s.src_ip END) AS only_here,
  count(DISTINCT s.asn) AS networks, count(DISTINCT s.country) AS countries, count(DISTINCT s.payload_id) AS distinct_payloads
FROM scope s
JOIN reached r ON r.src_ip = s.src_ip
GROUP BY s.place
ORDER BY attempts DESC, s.place
