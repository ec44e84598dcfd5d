/*
title: Who watched how long?
question: Did the regions watch equally long, and how much came for each hour of it?
scope: [from, to, regions, sensors, kind, ip_version, scanners, over]
chart: {type: bars, y: place, value: coverage, x2: attempts_per_hour}
page: [regions, gaps]
order: 90
span: 6
columns:
  - {name: place, type: string, meaning: "region or sensor"}
  - {name: sensors, type: int, unit: sensors, meaning: "with an event of the kind asked for, or a heartbeat, in the window"}
  - {name: hours, type: float, unit: sensor hours, meaning: "watched, by the heartbeats; none where there are none"}
  - {name: unserved_hours, type: float, unit: sensor hours, meaning: "of these, with unserved ports observed, too"}
  - {name: window_hours, type: float, unit: sensor hours, meaning: "that all its sensors could have watched: from the parameters, or from the first to the last event"}
  - {name: coverage, type: float, unit: share, meaning: "hours over window_hours"}
  - {name: exposure, type: float, unit: port hours, meaning: "sensor hours × ports that were served"}
  - {name: attempts, type: int, unit: attempts, meaning: "of the kind asked for"}
  - {name: attempts_per_hour, type: float, unit: attempts an hour, meaning: "for each sensor hour watched: comparable also where coverage differs"}
  - {name: verdict, type: string, meaning: "unequal where a region watched less than nine tenths as much of the window as another; unknown without heartbeats"}
caveats:
  - "Regions of unequal coverage differ for that reason alone: compare numbers for each hour, or choose a window in which all watched."
  - "Imported files have no heartbeats; when their sensors watched is not known."
*/
WITH came AS (
  SELECT place, count(DISTINCT sensor) AS sensors, sum(attempts) AS attempts
  FROM scope
  GROUP BY place
), span AS (
  SELECT to_unixtime(coalesce(:to, max(ts))) - to_unixtime(coalesce(:from, min(ts))) AS seconds
  FROM scope
), watching AS (
  SELECT place, count(DISTINCT sensor) AS sensors, sum(micros) / 3600000000e0 AS hours,
    sum(CASE WHEN tap THEN micros ELSE 0 END) / 3600000000e0 AS unserved_hours, sum(micros * ports) / 3600000000e0 AS exposure
  FROM watched
  GROUP BY place
), places AS (
  SELECT place FROM came
  UNION
  SELECT place FROM watching
), measured AS (
  SELECT p.place, greatest(coalesce(c.sensors, 0), coalesce(w.sensors, 0)) AS sensors, w.hours, w.unserved_hours, w.exposure, coalesce(c.attempts, 0) AS attempts,
    greatest(coalesce(c.sensors, 0), coalesce(w.sensors, 0)) * x.seconds / 3600 AS window_hours
  FROM places p
  CROSS JOIN span x
  LEFT JOIN came c ON c.place = p.place
  LEFT JOIN watching w ON w.place = p.place
), shared AS (
  SELECT measured.*, CASE WHEN hours > window_hours THEN 1e0 WHEN window_hours > 0 THEN hours / window_hours END AS coverage
  FROM measured
)
SELECT place, sensors, round(hours, 3) AS hours, round(unserved_hours, 3) AS unserved_hours, round(window_hours, 3) AS window_hours, round(coverage, 4) AS coverage,
  round(exposure, 3) AS exposure, attempts, round(CASE WHEN hours > 0 THEN attempts / hours END, 3) AS attempts_per_hour,
  CASE WHEN coverage IS NULL THEN 'unknown' WHEN coverage < 0.9e0 * max(coverage) OVER () THEN 'unequal' ELSE 'equal' END AS verdict
FROM shared
ORDER BY place
