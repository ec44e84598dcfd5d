/*
title: Reach, corrected for volume
question: Which countries, networks or sources reach few regions, and not only because there was little of them?
scope: [from, to, regions, sensors, kind, ip_version, scanners, over]
params:
  - name: by
    type: enum
    default: country
    meaning: what is counted; net24 is the /24 of an IPv4 address, and the first three groups of an IPv6 address as written
    values:
      - {name: source, sql: src_ip}
      - {name: net24, sql: "CASE WHEN ip_version = 4 THEN regexp_extract(src_ip, '^[0-9]+[.][0-9]+[.][0-9]+') || '.0/24' ELSE regexp_extract(src_ip, '^[0-9a-f]*:[0-9a-f]*:[0-9a-f]*') END"}
      - {name: asn, sql: CAST(asn AS varchar)}
      - {name: country, sql: country}
  - {name: max_reach, type: int, default: "2", min: 1, max: 64, meaning: "regional means: seen in at most this many places"}
  - name: alpha
    type: enum
    default: "0.05"
    meaning: "level of significance"
    values:
      - {name: "0.05", sql: "0.05"}
      - {name: "0.01", sql: "0.01"}
      - {name: "0.1", sql: "0.1"}
  - name: exposure
    type: enum
    default: contacts
    meaning: "what a place's chance of a contact is taken to be proportional to: all contacts that it had, or the hours that its sensors watched times their ports (from the heartbeats; contacts where a place has none)"
    values:
      - {name: contacts, sql: "0"}
      - {name: watched, sql: "1"}
  - {name: top, type: int, default: "200", min: 1, max: 100000, meaning: "show this many, the regional ones first"}
chart: {type: bars, y: entity, value: contacts, label: class, x2: reach}
page: regions
order: 10
span: 6
tall: 2
step: reach-corrected
rows:
  - {name: entity, type: string, meaning: "source, /24, network or country; none for an exposure"}
  - {name: place, type: string, meaning: "region or sensor"}
  - {name: contacts, type: int, meaning: "different sources there (for sources: days)"}
  - {name: attempts, type: int, unit: attempts, meaning: "attempts there"}
  - {name: sources, type: int, unit: addresses, meaning: "of the entity in all places"}
  - {name: exposure, type: float, unit: port hours, meaning: "of the place"}
columns:
  - {name: entity, type: string, meaning: "country, network (ASN), /24 or source"}
  - {name: contacts, type: int, unit: contacts, meaning: "different sources, summed over the places (for sources: days)"}
  - {name: sources, type: int, unit: addresses, meaning: "different client addresses in all"}
  - {name: attempts, type: int, unit: attempts, meaning: "attempts of the kind asked for"}
  - {name: reach, type: int, unit: places, meaning: "places in which it was seen"}
  - {name: expected, type: float, unit: places, meaning: "reach of as many contacts without regionality"}
  - {name: rarefied, type: float, unit: places, meaning: "expected reach of 20 of its contacts (Hurlbert 1971); none where it has fewer"}
  - {name: p, type: float, unit: probability, meaning: "of a reach this small without regionality"}
  - {name: q, type: float, unit: probability, meaning: "p, corrected for all entities (Benjamini and Hochberg 1995)"}
  - {name: class, type: string, meaning: "regional (reach at most max_reach and q at most alpha), ubiquitous, or too few to tell"}
  - {name: plain, type: string, meaning: "what the plain filter says: regional (reach at most max_reach), professional (all places) or between"}
  - {name: source_reach, type: float, unit: places, meaning: "mean reach of its sources"}
  - {name: exposure, type: string, meaning: "what the null was made from"}
caveats:
  - "Null: each contact of an entity comes to place r with a probability proportional to r's exposure, independently of the others; E[reach] = Σ 1 − (1 − w)ⁿ, and P(reach ≤ k) is exact (Johnson and Kotz 1977, Urn models). Contacts are different sources, for single sources days, and never events: those of one source are not independent."
  - "The reach of a country or network is a union over its sources. Where source_reach is above 1 these are not independent, and p is too small or too large."
  - "With exposure=contacts, places are as attractive as they were to all; a place that was down for long counts less. exposure=watched takes sensor hours × ports instead, so that a place that gets more traffic for other reasons makes all others' entities look regional."
*/
WITH visits AS (
  SELECT DISTINCT :by AS entity, src_ip, place, CASE WHEN :by_name = 'source' THEN CAST(floor(to_unixtime(ts) / 86400) AS bigint) ELSE 0 END AS day
  FROM scope
  WHERE :by IS NOT NULL
), contacts AS (
  SELECT entity, place, count(*) AS contacts
  FROM visits
  GROUP BY entity, place
), volume AS (
  SELECT :by AS entity, place, sum(attempts) AS attempts
  FROM scope
  WHERE :by IS NOT NULL
  GROUP BY :by, place
), entities AS (
  SELECT entity, count(DISTINCT src_ip) AS sources
  FROM visits
  GROUP BY entity
), exposed AS (
  SELECT place, sum(micros * ports) / 3600000000e0 AS exposure
  FROM watched
  GROUP BY place
)
SELECT c.entity, c.place, c.contacts, v.attempts, e.sources, CAST(NULL AS double) AS exposure
FROM contacts c
JOIN volume v ON v.entity = c.entity AND v.place = c.place
JOIN entities e ON e.entity = c.entity
UNION ALL
SELECT NULL, place, 0, 0, 0, exposure
FROM exposed
