/*
title: Countries that reached few regions
question: Which countries are seen in some regions and not in others?
scope: [from, to, regions, sensors, kind, ip_version, scanners, over]
rollup: source
params:
  - {name: min_reach, type: int, default: "1", min: 1, max: 1000, meaning: "seen in at least this many places"}
  - {name: max_reach, type: int, default: "2", min: 1, max: 1000, meaning: "seen in at most this many places"}
chart: {type: dots, x: place, y: country, value: attempts}
page: overview
order: 50
span: 6
columns:
  - {name: country, type: string, meaning: "country of the address (ISO 3166-1 alpha-2)"}
  - {name: reach, type: int, unit: places, meaning: "number of regions (or sensors) in which the country was seen"}
  - {name: place, type: string, meaning: "region or sensor"}
  - {name: attempts, type: int, unit: attempts, meaning: "attempts of the kind asked for there"}
  - {name: sources, type: int, unit: addresses, meaning: "different client addresses there"}
  - {name: networks, type: int, unit: ASNs, meaning: "different networks there"}
  - {name: total, type: int, unit: attempts, meaning: "attempts of the country in all places"}
caveats:
  - The country is that of the address, never that of an actor.
  - A country seen with few attempts reaches few regions by chance alone.
*/
WITH told AS (
  SELECT country, place, src_ip, asn, sum(attempts) AS attempts
  FROM scope
  WHERE country IS NOT NULL
  GROUP BY country, place, src_ip, asn
), reached AS (
  SELECT country, count(DISTINCT place) AS reach, sum(attempts) AS total
  FROM told
  GROUP BY country
  HAVING count(DISTINCT place) BETWEEN :min_reach AND :max_reach
)
SELECT r.country, r.reach, t.place, sum(t.attempts) AS attempts,
  count(DISTINCT t.src_ip) AS sources, count(DISTINCT t.asn) AS networks, r.total
FROM told t
JOIN reached r ON r.country = t.country
GROUP BY r.country, r.reach, t.place, r.total
ORDER BY r.total DESC, r.country, t.place
