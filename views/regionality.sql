/*
title: Is it regional?
question: Which ports, protocols, families, networks or countries depend on the region?
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
  - {name: top, type: int, default: "20", min: 1, max: 500, meaning: "test this many, those of most sources"}
  - name: correction
    type: enum
    default: bonferroni
    meaning: "for testing many at once: Bonferroni (1961), Holm (1979) or Benjamini and Hochberg (1995)"
    values:
      - {name: bonferroni, sql: "0"}
      - {name: holm, sql: "1"}
      - {name: bh, sql: "2"}
  - name: alpha
    type: enum
    default: "0.05"
    meaning: "level of significance"
    values:
      - {name: "0.05", sql: "0.05"}
      - {name: "0.01", sql: "0.01"}
      - {name: "0.1", sql: "0.1"}
  - {name: min_sources, type: int, default: "5", min: 1, max: 1000000, meaning: "test only what at least this many sources did"}
  - {name: permutations, type: int, default: "10000", min: 99, max: 1000000, meaning: "random tables where an expected count is below 5"}
  - {name: draws, type: int, default: "1000", min: 99, max: 100000, meaning: "draws for an interval"}
  - {name: seed, type: int, default: "1", min: 0, max: 2147483647, meaning: "of what is drawn at random: the same seed gives the same result"}
chart: {type: bars, y: thing, value: v, label: verdict, x2: sources}
page: regions
order: 40
span: 12
tall: 2
step: regionality
rows:
  - {name: what, type: string, meaning: "place, all or thing"}
  - {name: name, type: string, meaning: "of the place or thing"}
  - {name: did, type: int, meaning: "places in which they did it, as bits; the bit of a place"}
  - {name: seen, type: int, meaning: "places in which they were seen, as bits"}
  - {name: n, type: int, meaning: "sources (or events)"}
columns:
  - {name: thing, type: string, meaning: "port, protocol, family (SHA-256), network (ASN) or country"}
  - {name: sources, type: int, unit: addresses, meaning: "different sources that did it (events with unit=events)"}
  - {name: n, type: int, meaning: "all sources, each counted in every place in which it was seen"}
  - {name: v, type: float, meaning: "Cramér's V, corrected for bias (Bergsma 2013): 0 none, 1 wholly regional"}
  - {name: v_low, type: float, meaning: "lower end of the 95 % interval of V (BCa bootstrap over sources)"}
  - {name: v_high, type: float, meaning: "upper end"}
  - {name: chi2, type: float, meaning: "χ² of the table (it, the rest) × place"}
  - {name: dof, type: int, meaning: "degrees of freedom"}
  - {name: method, type: string, meaning: "the test that p comes from"}
  - {name: p, type: float, unit: probability, meaning: "of an effect as large by chance"}
  - {name: p_corrected, type: float, unit: probability, meaning: "p, corrected for all that is tested here together"}
  - {name: significant, type: bool, meaning: "p_corrected is at most alpha"}
  - {name: strongest, type: string, meaning: "place where it is most over-represented"}
  - {name: quotient, type: float, meaning: "location quotient there: its share of the thing over its share of all sources"}
  - {name: places, type: string, meaning: "location quotient and number of sources of every place"}
  - {name: verdict, type: string, meaning: "in words; n.s. where it is not significant"}
caveats:
  - "Definition: the table (it, the rest) × place of distinct sources; χ² (Pearson 1900), V with the correction of Bergsma (2013). Sources seen in several places are one unit of the test. Where an expected count is below 5: Fisher's exact test or a permutation test."
  - "Words for V are Cohen's (1988): below 0.1 negligible, from 0.1 small, 0.3 medium, 0.5 large. With many sources a negligible effect is significant, too."
  - "Assumes that places observed alike: one that serves another port, or was down when others were not, differs for that reason alone; see coverage in the view lossiness."
  - "With unit=events, p and intervals mean nothing: one noisy source may be a whole cell. At most 62 places."
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
), places AS (
  SELECT place, CAST(power(2, number) AS bigint) AS bit
  FROM numbered
), seen AS (
  SELECT v.src_ip, sum(p.bit) AS seen
  FROM seen_places v
  JOIN places p ON p.place = v.place
  GROUP BY v.src_ip
), done AS (
  SELECT v.thing, v.src_ip, sum(p.bit) AS did
  FROM visits v
  JOIN tops t ON t.thing = v.thing
  JOIN places p ON p.place = v.place
  GROUP BY v.thing, v.src_ip
)
SELECT 'place' AS what, place AS name, bit AS did, 0 AS seen, 0 AS n
FROM places
UNION ALL
SELECT 'all', NULL, 0, seen, count(*)
FROM seen
WHERE :unit_name = 'sources'
GROUP BY seen
UNION ALL
SELECT 'thing', d.thing, d.did, s.seen, count(*)
FROM done d
JOIN seen s ON s.src_ip = d.src_ip
WHERE :unit_name = 'sources'
GROUP BY d.thing, d.did, s.seen
UNION ALL
SELECT 'all', NULL, 0, p.bit, sum(v.events)
FROM visits v
JOIN places p ON p.place = v.place
WHERE :unit_name = 'events'
GROUP BY p.bit
UNION ALL
SELECT 'thing', v.thing, p.bit, p.bit, sum(v.events)
FROM visits v
JOIN tops t ON t.thing = v.thing
JOIN places p ON p.place = v.place
WHERE :unit_name = 'events'
GROUP BY v.thing, p.bit
