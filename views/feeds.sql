/*
title: One list for all?
question: Does a region's own list serve it better than one of the same size for all regions?
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
  - {name: draws, type: int, default: "1000", min: 99, max: 100000, meaning: "draws for an interval"}
  - {name: seed, type: int, default: "1", min: 0, max: 2147483647, meaning: "of what is drawn at random: the same seed gives the same result"}
chart: {type: bars, y: place, value: own_coverage, x2: union_coverage}
page: regions
order: 65
span: 6
step: feeds
rows:
  - {name: entity, type: string, meaning: "source, /24, network, template, family or indicator"}
  - {name: place, type: string, meaning: "region or sensor"}
  - {name: day, type: int, meaning: "UTC day, counted from 1970-01-01"}
  - {name: events, type: int, unit: attempts, meaning: "on that day"}
  - {name: first, type: int, unit: seconds, meaning: "first time on that day, since 1970"}
columns:
  - {name: place, type: string, meaning: "region or sensor"}
  - {name: days, type: int, unit: days, meaning: "days compared"}
  - {name: own_coverage, type: float, unit: share, meaning: "of what it then saw, its own list had. Mean over the days"}
  - {name: union_coverage, type: float, unit: share, meaning: "of the same, a list for all of the same size had"}
  - {name: own_precision, type: float, unit: share, meaning: "of its own list, then seen"}
  - {name: union_precision, type: float, unit: share, meaning: "of the list for all, then seen"}
  - {name: gain, type: float, unit: share, meaning: "own_coverage less union_coverage: above 0, one size does not fit all"}
  - {name: gain_low, type: float, unit: share, meaning: "lower end of the 95 % interval (block bootstrap over days)"}
  - {name: gain_high, type: float, unit: share, meaning: "upper end"}
  - {name: verdict, type: string, meaning: "in words"}
caveats:
  - "The list for all has first what was known in most regions, of these what came most; it is cut to the size of the region's own list, since a longer list covers more whatever is in it."
  - "Declared scanners come everywhere and hide the effect: compare scanners=marked with scanners=excluded."
  - "A day without visits in the middle of an outage counts as a day on which nothing was seen there."
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
SELECT entity, place, day, sum(events) AS events, min(first) AS first
FROM entities
GROUP BY entity, place, day
