/*
title: Two regions side by side
question: How much do the most frequent ports, networks or countries of two regions differ?
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
  - {name: top, type: int, default: "10", min: 1, max: 100, meaning: "compare the union of this many most frequent of either"}
  - name: correction
    type: enum
    default: holm
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
chart: {type: heatmap, x: b, y: a, value: v}
page: regions
order: 50
span: 6
step: compare-regions
rows:
  - {name: place, type: string, meaning: "region or sensor"}
  - {name: value, type: string, meaning: "port, protocol, family, network or country"}
  - {name: sources, type: int, unit: addresses, meaning: "different client addresses"}
columns:
  - {name: a, type: string, meaning: "one place"}
  - {name: b, type: string, meaning: "the other"}
  - {name: n, type: int, unit: sources, meaning: "sources in the table, of both"}
  - {name: values, type: int, meaning: "columns of the table: the union of both tops, and all others together"}
  - {name: chi2, type: float, meaning: "χ² of the table"}
  - {name: dof, type: int, meaning: "degrees of freedom"}
  - {name: v, type: float, meaning: "Cramér's V, corrected for bias (Bergsma 2013)"}
  - {name: p, type: float, unit: probability, meaning: "of χ²"}
  - {name: p_corrected, type: float, unit: probability, meaning: "p, corrected for all pairs"}
  - {name: jaccard, type: float, meaning: "members that both tops have, of those in either"}
  - {name: overlap, type: float, meaning: "rank-biased overlap of both tops, p 0.9 (Webber, Moffat and Zobel 2010): 1 the same order, 0 nothing in common"}
  - {name: verdict, type: string, meaning: "in words; n.s. where it is not significant"}
  - {name: top_a, type: string, meaning: "most frequent of a, with their sources"}
  - {name: top_b, type: string, meaning: "most frequent of b"}
caveats:
  - "After Izhikevich et al. (2023), Cloud Watching, IMC: the union of the top lists; cells whose expected count is below 5 are pooled (Cochran 1954)."
  - "A source that was seen in both places is counted in each, and one that tried several ports once for each, so that p is too small where many did; V and the overlaps are not affected."
*/
WITH named AS (
  SELECT f.payload_id, g.family_id
  FROM payload_facts f
  JOIN grouped g ON g.template_id = f.template_id
  WHERE :by_name = 'family'
), told AS (
  SELECT s.place, :by AS value, s.src_ip
  FROM scope s
  LEFT JOIN named n ON n.payload_id = s.payload_id
)
SELECT place, value, count(DISTINCT src_ip) AS sources
FROM told
WHERE value IS NOT NULL
GROUP BY place, value
