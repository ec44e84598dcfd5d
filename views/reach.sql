/*
title: How far do they reach?
question: In how many regions was a source, network or country seen?
scope: [from, to, regions, sensors, kind, ip_version, scanners, over]
rollup: source
params:
  - name: by
    type: enum
    default: country
    meaning: what is counted
    values:
      - {name: source, sql: src_ip}
      - {name: asn, sql: CAST(asn AS varchar)}
      - {name: country, sql: country}
chart: {type: bars, y: reach, value: count, x2: sources}
page: overview
order: 30
span: 4
columns:
  - {name: reach, type: int, unit: places, meaning: "number of regions (or sensors) in which it was seen"}
  - {name: count, type: int, meaning: "sources, networks or countries with this reach"}
  - {name: sources, type: int, unit: addresses, meaning: "client addresses in them"}
  - {name: attempts, type: int, unit: attempts, meaning: "attempts by them"}
caveats:
  - Reach grows with volume. Of five equal regions, three random contacts reach at most two with a probability of 0.52.
  - Addresses without a known network or country are left out where those are counted.
*/
WITH entities AS (
  SELECT :by AS entity, count(DISTINCT place) AS reach, count(DISTINCT src_ip) AS sources, sum(attempts) AS attempts
  FROM scope
  WHERE :by IS NOT NULL
  GROUP BY :by
)
SELECT reach, count(*) AS count, sum(sources) AS sources, sum(attempts) AS attempts
FROM entities
GROUP BY reach
ORDER BY reach
