/*
title: Did it gain?
question: What did the last rollout gain in each region, port by port, against what was expected, and which ports should go again?
scope: [from, to, regions, sensors, ip_version, scanners]
params:
  - {name: region, type: string, default: "", meaning: "only this region (or sensor); each of them without it"}
  - {name: revision, type: int, default: "0", min: 0, max: 2147483647, meaning: "the rollout of this revision; 0: the last one of each region"}
  - {name: days, type: int, default: "7", min: 1, max: 90, meaning: "days before and after it; its own day is left out"}
  - {name: draws, type: int, default: "1000", min: 99, max: 100000, meaning: "draws for an interval"}
  - {name: seed, type: int, default: "1", min: 0, max: 2147483647, meaning: "of what is drawn at random: the same seed gives the same result"}
chart: {type: bars, y: port, value: measured, label: verdict, x2: expected}
page: gaps
order: 50
span: 12
step: gain
rows:
  - {name: what, type: string, meaning: "rollout, day, port or chance"}
  - {name: region, type: string, meaning: "region"}
  - {name: transport, type: string, meaning: "tcp or udp"}
  - {name: port, type: int, meaning: "port that a rollout added"}
  - {name: service, type: string, meaning: "expected there"}
  - {name: day, type: int, meaning: "UTC day, counted from 1970-01-01; of a rollout its own"}
  - {name: tried, type: int, unit: addresses, meaning: "sources that tried the port on the day; the revision of a rollout; served pairs before it"}
  - {name: unserved, type: int, unit: addresses, meaning: "of these, that met no listener"}
  - {name: heard, type: int, unit: addresses, meaning: "of these, that sent a payload; served pairs with a payload"}
columns:
  - {name: region, type: string, meaning: "region"}
  - {name: revision, type: int, meaning: "configuration that came into force"}
  - {name: since, type: time, meaning: "day of the rollout, UTC"}
  - {name: transport, type: string, meaning: "tcp or udp"}
  - {name: port, type: int, meaning: "port that it added"}
  - {name: service, type: string, meaning: "expected there"}
  - {name: days_before, type: int, unit: days, meaning: "compared"}
  - {name: days_after, type: int, unit: days, meaning: "compared"}
  - {name: unserved_before, type: float, unit: sources a day, meaning: "that tried the port when nobody served it"}
  - {name: trend, type: float, meaning: "how the other regions changed: sources a day after over before; 1 where there are none"}
  - {name: expected, type: float, unit: sources a day, meaning: "with a payload: unserved_before × trend × the probability of a payload in the region"}
  - {name: measured, type: float, unit: sources a day, meaning: "that sent a payload to the port"}
  - {name: ratio, type: float, meaning: "difference in differences of the sources that tried the port: 1, the rollout did not change who comes"}
  - {name: ratio_low, type: float, meaning: "lower end of the 95 % interval"}
  - {name: ratio_high, type: float, meaning: "upper end"}
  - {name: placebo, type: float, unit: probability, meaning: "share of the regions with a ratio as far from 1 (Abadie, Diamond and Hainmueller 2010)"}
  - {name: verdict, type: string, meaning: "keep, or drop where less than half of what was expected came"}
caveats:
  - "Difference in differences (Card and Krueger 1994): regions with the rollout against those without, before and after. It assumes that both would have changed alike. Intervals are somewhat too narrow (Bertrand, Duflo and Mullainathan 2004)."
  - "A day without any event of a region is left out there: its sensors did not watch."
*/
WITH starts AS (
  SELECT region, revision, min(ts) AS ts
  FROM served_ports
  GROUP BY region, revision
), ordered AS (
  SELECT region, revision, ts, row_number() OVER (PARTITION BY region ORDER BY ts DESC, revision DESC) AS back,
    lead(revision) OVER (PARTITION BY region ORDER BY ts DESC, revision DESC) AS before
  FROM starts
), rollouts AS (
  SELECT region, revision, ts, before, CAST(floor(to_unixtime(ts) / 86400) AS bigint) AS day
  FROM ordered
  WHERE before IS NOT NULL AND (:region = '' OR region = :region) AND CASE WHEN :revision = 0 THEN back = 1 ELSE revision = :revision END
), added AS (
  SELECT DISTINCT r.region, p.transport, p.port
  FROM rollouts r
  JOIN served_ports p ON p.region = r.region AND p.revision = r.revision
  LEFT JOIN served_ports q ON q.region = r.region AND q.revision = r.before AND q.transport = p.transport AND q.port = p.port
  WHERE q.port IS NULL
), services AS (
  SELECT transport, port, max(service) AS service
  FROM served_ports
  GROUP BY transport, port
), daily AS (
  SELECT region, src_ip, transport, dst_port, kind, CAST(floor(to_unixtime(ts) / 86400) AS bigint) AS day
  FROM scope
  WHERE transport <> 'icmp'
  GROUP BY 1, 2, 3, 4, 5, 6
)
SELECT 'rollout' AS what, r.region, a.transport, a.port, s.service, r.day, r.revision AS tried, 0 AS unserved, 0 AS heard
FROM rollouts r
JOIN added a ON a.region = r.region
JOIN services s ON s.transport = a.transport AND s.port = a.port
UNION ALL
SELECT DISTINCT 'day', region, NULL, 0, NULL, day, 0, 0, 0
FROM daily
UNION ALL
SELECT 'port', d.region, d.transport, d.dst_port, NULL, d.day, count(DISTINCT d.src_ip),
  count(DISTINCT CASE WHEN d.kind = 'unserved' THEN d.src_ip END), count(DISTINCT CASE WHEN d.kind = 'payload' THEN d.src_ip END)
FROM daily d
JOIN (SELECT DISTINCT transport, port FROM added) a ON a.transport = d.transport AND a.port = d.dst_port
GROUP BY d.region, d.transport, d.dst_port, d.day
UNION ALL
SELECT 'chance', r.region, NULL, 0, NULL, 0, count(DISTINCT CASE WHEN d.kind <> 'unserved' THEN d.src_ip || ' ' || CAST(d.day AS varchar) || ' ' || CAST(d.dst_port AS varchar) END),
  0, count(DISTINCT CASE WHEN d.kind = 'payload' THEN d.src_ip || ' ' || CAST(d.day AS varchar) || ' ' || CAST(d.dst_port AS varchar) END)
FROM daily d
JOIN rollouts r ON r.region = d.region AND d.day < r.day
GROUP BY r.region
