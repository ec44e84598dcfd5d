/*
title: The world's ranking and the regional one
question: Which ports are first among all, and which among the countries that reach few regions?
scope: [from, to, regions, sensors, kind, ip_version, scanners, over]
params:
  - {name: max_reach, type: int, default: "2", min: 1, max: 1000, meaning: "regional means: countries seen in at most this many places"}
  - {name: top, type: int, default: "50", min: 1, max: 65536, meaning: "show this many ports, those first in either ranking"}
chart: {type: table, y: port, value: regional_events}
page: regions
order: 30
span: 6
columns:
  - {name: transport, type: string, meaning: "tcp or udp"}
  - {name: port, type: int, meaning: "port"}
  - {name: rank, type: int, meaning: "place among all, by events"}
  - {name: regional_rank, type: int, meaning: "place among the countries of few regions, by events; none where these did not try it"}
  - {name: shift, type: int, meaning: "places gained among the regional ones; below 0, lost"}
  - {name: events, type: int, unit: events, meaning: "of all"}
  - {name: regional_events, type: int, unit: events, meaning: "of the countries of few regions"}
  - {name: sources, type: int, unit: addresses, meaning: "of all"}
  - {name: regional_sources, type: int, unit: addresses, meaning: "of the countries of few regions"}
  - {name: regional_share, type: float, unit: share, meaning: "of the port's events"}
caveats:
  - Ranks of few events are chance; see the number of sources, and the view regionality for a test.
  - The regional countries are those of the plain filter, which volume confounds; see reach-corrected.
*/
WITH regional AS (
  SELECT country
  FROM scope
  WHERE country IS NOT NULL
  GROUP BY country
  HAVING count(DISTINCT place) <= :max_reach
), ports AS (
  SELECT s.transport, s.dst_port AS port, count(*) AS events, count(r.country) AS regional_events, count(DISTINCT s.src_ip) AS sources,
    count(DISTINCT CASE WHEN r.country IS NOT NULL THEN s.src_ip END) AS regional_sources
  FROM scope s
  LEFT JOIN regional r ON r.country = s.country
  WHERE s.transport <> 'icmp'
  GROUP BY s.transport, s.dst_port
), ranked AS (
  SELECT ports.*, row_number() OVER (ORDER BY events DESC, port, transport) AS rank,
    CASE WHEN regional_events > 0 THEN row_number() OVER (ORDER BY regional_events DESC, port, transport) END AS regional_rank
  FROM ports
)
SELECT transport, port, rank, regional_rank, rank - regional_rank AS shift, events, regional_events, sources, regional_sources,
  round(CAST(regional_events AS double) / events, 4) AS regional_share
FROM ranked
ORDER BY least(rank, coalesce(regional_rank, rank)), rank
LIMIT :top
