/*
title: Does it transfer?
question: What does a feed bought for one region do in another, and with what share of false alarms?
scope: [from, to, regions, sensors, kind, ip_version, scanners, over]
params:
  - name: by
    type: enum
    default: source
    meaning: what a list holds; net24 is the /24 of an IPv4 address, and the first three groups of an IPv6 address as written
    values:
      - {name: source, sql: src_ip}
      - {name: net24, sql: "CASE WHEN ip_version = 4 THEN regexp_extract(src_ip, '^[0-9]+[.][0-9]+[.][0-9]+') || '.0/24' ELSE regexp_extract(src_ip, '^[0-9a-f]*:[0-9a-f]*:[0-9a-f]*') END"}
      - {name: network, sql: CAST(asn AS varchar)}
      - {name: template, sql: payload_id}
      - {name: family, sql: payload_id}
      - {name: indicator, sql: payload_id}
  - {name: country, type: string, default: "", meaning: "only sources of this country"}
  - {name: horizon, type: int, default: "1", min: 1, max: 60, meaning: "days that follow, on which what is known is looked for"}
  - {name: memory, type: int, default: "0", min: 0, max: 366, meaning: "days for which something stays known; 0: without end"}
  - {name: split, type: time, default: "", meaning: "compare all before this day with all from it on, once; without it, every day with the days before"}
  - {name: draws, type: int, default: "1000", min: 99, max: 100000, meaning: "draws for an interval"}
  - {name: seed, type: int, default: "1", min: 0, max: 2147483647, meaning: "of what is drawn at random: the same seed gives the same result"}
chart: {type: heatmap, x: to_place, y: from_place, value: coverage}
page: regions
order: 60
span: 6
step: transfer
rows:
  - {name: entity, type: string, meaning: "source, /24, network, template, family or indicator"}
  - {name: place, type: string, meaning: "region or sensor"}
  - {name: day, type: int, meaning: "UTC day, counted from 1970-01-01"}
  - {name: events, type: int, unit: attempts, meaning: "on that day"}
  - {name: first, type: int, unit: seconds, meaning: "first time on that day, since 1970"}
columns:
  - {name: from_place, type: string, meaning: "who learnt"}
  - {name: to_place, type: string, meaning: "who could use it"}
  - {name: days, type: int, unit: days, meaning: "days compared; none with split"}
  - {name: known, type: int, meaning: "with split: known to from_place before it"}
  - {name: seen, type: int, meaning: "with split: seen in to_place from it on"}
  - {name: hit, type: int, meaning: "with split: both"}
  - {name: precision, type: float, unit: share, meaning: "of what from_place knew, to_place then saw; 1 − precision are false alarms. Mean over the days"}
  - {name: precision_low, type: float, unit: share, meaning: "lower end of the 95 % interval (block bootstrap over days)"}
  - {name: precision_high, type: float, unit: share, meaning: "upper end"}
  - {name: coverage, type: float, unit: share, meaning: "of what to_place then saw, from_place knew. Mean over the days"}
  - {name: coverage_low, type: float, unit: share, meaning: "lower end of the 95 % interval"}
  - {name: coverage_high, type: float, unit: share, meaning: "upper end"}
  - {name: relative_precision, type: float, meaning: "over the precision of to_place's own list; 1 − it is the loss"}
  - {name: relative_coverage, type: float, meaning: "over the coverage of to_place's own list; 1 − it is the loss"}
  - {name: new_coverage, type: float, unit: share, meaning: "of what to_place then saw and did not know itself, from_place knew"}
  - {name: event_coverage, type: float, unit: share, meaning: "coverage, weighted by attempts"}
  - {name: lead_hours, type: float, unit: hours, meaning: "median head start of from_place, where it was first"}
  - {name: lead_share, type: float, unit: share, meaning: "of what both saw in the window, from_place saw first"}
  - {name: sentence, type: string, meaning: "the answer in words"}
caveats:
  - "Definition: known up to day d in from_place against seen on the following days in to_place; precision = |both| / |known|, coverage = |both| / |seen|. Coverage and latency are among the measures of Li et al. (2019), Reading the tea leaves, USENIX Security."
  - "Declared scanners come everywhere and hide the effect: compare scanners=marked with scanners=excluded."
  - "A day without visits in the middle of an outage counts as a day on which nothing was seen there."
  - "The intervals do not say how other regions would compare. A head start is positive by definition; read it with its share."
*/
WITH visits AS (
  SELECT :by AS thing, place, CAST(floor(to_unixtime(ts) / 86400) AS bigint) AS day, sum(attempts) AS events, CAST(floor(to_unixtime(min(ts))) AS bigint) AS first
  FROM scope
  WHERE :by IS NOT NULL AND (:country = '' OR country = :country)
  GROUP BY 1, 2, 3
), named AS (
  SELECT payload_id AS thing, template_id AS entity
  FROM payload_facts
  WHERE :by_name = 'template'
  UNION ALL
  SELECT f.payload_id, g.family_id
  FROM payload_facts f
  JOIN grouped g ON g.template_id = f.template_id
  WHERE :by_name = 'family'
  UNION ALL
  SELECT DISTINCT payload_id, type || ' ' || value
  FROM indicators
  WHERE :by_name = 'indicator'
), entities AS (
  SELECT thing AS entity, place, day, events, first
  FROM visits
  WHERE :by_name IN ('source', 'net24', 'network')
  UNION ALL
  SELECT n.entity, v.place, v.day, v.events, v.first
  FROM visits v
  JOIN named n ON n.thing = v.thing
)
SELECT entity, place, day, CAST(sum(events) AS bigint) AS events, min(first) AS first
FROM entities
GROUP BY entity, place, day
ORDER BY entity, place, day
