/*
title: How much does the region matter?
question: How strongly do the ports, protocols, families, networks or countries together depend on the region?
scope: [from, to, regions, sensors, kind, ip_version, scanners, over]
params:
  - name: by
    type: enum
    default: port
    meaning: what is compared
    values:
      - {name: port, sql: "CASE WHEN s.transport <> 'icmp' THEN s.transport || '/' || CAST(s.dst_port AS varchar) END"}
      - {name: protocol, sql: s.app_proto}
      - {name: family, sql: n.family_id}
      - {name: network, sql: CAST(s.asn AS varchar)}
      - {name: country, sql: s.country}
  - name: unit
    type: enum
    default: sources
    meaning: "what is counted; the tests hold for sources only: the events of one are not independent"
    values:
      - {name: sources, sql: "count(DISTINCT src_ip)"}
      - {name: events, sql: sum(events)}
  - {name: top, type: int, default: "10", min: 2, max: 200, meaning: "the things of most sources"}
  - {name: draws, type: int, default: "1000", min: 99, max: 100000, meaning: "draws for an interval"}
  - {name: seed, type: int, default: "1", min: 0, max: 2147483647, meaning: "of what is drawn at random: the same seed gives the same result"}
chart: {type: numbers}
page: regions
order: 5
span: 12
step: regionality-overall
rows:
  - {name: what, type: string, meaning: "place, thing or unit"}
  - {name: name, type: string, meaning: "of the place or thing; of a unit the cells in which it is, separated by commas"}
  - {name: number, type: int, meaning: "of the place or thing; cells are numbered thing by thing"}
  - {name: n, type: int, meaning: "number of such units"}
columns:
  - {name: things, type: int, meaning: "rows of the table that are not empty"}
  - {name: places, type: int, meaning: "columns of the table that are not empty"}
  - {name: n, type: int, meaning: "sum of the table"}
  - {name: chi2, type: float, meaning: "χ² of the table thing × place"}
  - {name: dof, type: int, meaning: "degrees of freedom"}
  - {name: p, type: float, unit: probability, meaning: "of χ²; none where a source stands in several cells: see regionality for tests that allow for that"}
  - {name: log10_p, type: float, meaning: "decimal logarithm of p, where p itself is too small for a number"}
  - {name: v, type: float, meaning: "Cramér's V, corrected for bias (Bergsma 2013)"}
  - {name: v_low, type: float, meaning: "lower end of the 95 % interval of V (BCa bootstrap over sources)"}
  - {name: v_high, type: float, meaning: "upper end"}
  - {name: v_uncorrected, type: float, meaning: "Cramér's V as it is"}
  - {name: min_expected, type: float, meaning: "smallest expected count; below 5 the χ² distribution is a poor approximation (Cochran 1954)"}
  - {name: verdict, type: string, meaning: "in words"}
caveats:
  - "Definition: the table of the things of most sources × place; χ² (Pearson 1900), V (Cramér 1946) with the correction of Bergsma (2013). V on distinct sources is stable where p-values underflow."
  - "Words are Cohen's (1988) for w = V √(k−1), k the smaller side of the table: from 0.1 small, 0.3 medium, 0.5 large."
  - "With unit=events, p and intervals mean nothing: one noisy source may be a whole cell."
*/
WITH named AS (
  SELECT f.payload_id, g.family_id
  FROM payload_facts f
  JOIN grouped g ON g.template_id = f.template_id
  WHERE :by_name = 'family'
), visits AS (
  SELECT s.src_ip, s.place, :by AS thing, sum(s.attempts) AS events
  FROM scope s
  LEFT JOIN named n ON n.payload_id = s.payload_id
  GROUP BY s.src_ip, s.place, :by
), tops AS (
  SELECT thing, :unit AS n
  FROM visits
  WHERE thing IS NOT NULL
  GROUP BY thing
  ORDER BY n DESC, thing
  LIMIT :top
), seen_places AS (
  SELECT DISTINCT src_ip, place
  FROM visits
), numbered AS (
  SELECT place, row_number() OVER (ORDER BY place) - 1 AS number
  FROM (SELECT DISTINCT place FROM seen_places) p
), things AS (
  SELECT thing, row_number() OVER (ORDER BY n DESC, thing) - 1 AS number
  FROM tops
), size AS (
  SELECT count(*) AS places
  FROM numbered
), cells AS (
  SELECT v.src_ip, CAST(t.number * z.places + p.number AS varchar) AS cell, v.events
  FROM visits v
  JOIN things t ON t.thing = v.thing
  JOIN numbered p ON p.place = v.place
  CROSS JOIN size z
), sets AS (
  SELECT src_ip, array_join(array_agg(DISTINCT cell ORDER BY cell), ',') AS cells
  FROM cells
  WHERE :unit_name = 'sources'
  GROUP BY src_ip
)
SELECT 'place' AS what, place AS name, number, 0 AS n
FROM numbered
UNION ALL
SELECT 'thing', thing, number, 0
FROM things
UNION ALL
SELECT 'unit', cells, 0, count(*)
FROM sets
GROUP BY cells
UNION ALL
SELECT 'unit', cell, 0, sum(events)
FROM cells
WHERE :unit_name = 'events'
GROUP BY cell
