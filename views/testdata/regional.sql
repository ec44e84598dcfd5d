-- A world for the measures, small enough for paper: six days, at noon of each the same.
--   AA, eight sources: try tcp/1521 in r-a on the first three days; r-a serves it from the fourth on, and hears them on the last two.
--   BB, four sources: send a payload to tcp/6379 in all three regions, every day.
--   CC, six sources: try tcp/1521 in r-b every day; nobody serves it there.
--   DD, a scanner that says so: does what BB does, and tries tcp/23 everywhere, every day.
-- s-a watches all the time, s-b observes unserved ports on the last three days only, s-c sends no heartbeats.
INSERT INTO payload_facts BY NAME
SELECT * FROM (VALUES ('p-info', 't-info', 'redis', 'INFO'), ('p-tns', 't-tns', 'tns', 'CONNECT')) AS f(payload_id, template_id, app_proto, label);

INSERT INTO served_ports BY NAME
SELECT revision, 'tcp' AS transport, port, service, false AS tls, 'r-' || p AS region, 's-' || p AS sensor, TIMESTAMPTZ '2022-06-13 00:00:00+00' + to_days(day) AS ts
FROM (VALUES (1, 6379, 'redis', 'a', 0), (1, 6379, 'redis', 'b', 0), (1, 6379, 'redis', 'c', 0),
  (2, 6379, 'redis', 'a', 4), (2, 1521, 'oracle', 'a', 4)) AS x(revision, port, service, p, day);

INSERT INTO heartbeats BY NAME
SELECT TIMESTAMPTZ '2022-06-14 00:00:00+00' + to_hours(CAST(h AS integer)) - INTERVAL 1 SECOND AS ts, 3600000000 AS interval_us, 's-' || p AS sensor, 'r-' || p AS region,
  CASE WHEN p = 'a' AND h > 72 THEN 2 ELSE 1 END AS revision, p = 'a' OR h > 72 AS tap
FROM range(1, 145) AS hours(h), (VALUES ('a'), ('b')) AS sensors(p);

INSERT INTO events BY NAME
SELECT TIMESTAMPTZ '2022-06-14 12:00:00+00' + to_days(CAST(day AS integer)) + to_seconds(i) AS ts, 0 AS duration_us, country || '-' || place || '-' || kind || '-' || day || '-' || i AS event_id,
  's-' || place AS sensor, 'r-' || place AS region, CASE WHEN place = 'a' AND day > 2 THEN 2 ELSE 1 END AS revision, kind, 'tcp' AS transport, 4 AS ip_version,
  '10.0.' || asn || '.' || i AS src_ip, port AS dst_port, CASE WHEN kind = 'unserved' THEN 2 ELSE 1 END AS attempts, payload_id,
  (SELECT app_proto FROM payload_facts f WHERE f.payload_id = x.payload_id) AS app_proto, country, asn, 'Network ' || country AS as_name,
  CASE WHEN country = 'DD' THEN 'Some Scanner' END AS scanner, false AS explored
FROM (VALUES
  ('AA', 1, 8, 'a', 'unserved', 1521, NULL, 0, 2), ('AA', 1, 8, 'a', 'payload', 1521, 'p-tns', 4, 5),
  ('BB', 2, 4, 'a', 'payload', 6379, 'p-info', 0, 5), ('BB', 2, 4, 'b', 'payload', 6379, 'p-info', 0, 5), ('BB', 2, 4, 'c', 'payload', 6379, 'p-info', 0, 5),
  ('CC', 3, 6, 'b', 'unserved', 1521, NULL, 0, 5),
  ('DD', 4, 1, 'a', 'payload', 6379, 'p-info', 0, 5), ('DD', 4, 1, 'b', 'payload', 6379, 'p-info', 0, 5), ('DD', 4, 1, 'c', 'payload', 6379, 'p-info', 0, 5),
  ('DD', 4, 1, 'a', 'unserved', 23, NULL, 0, 5), ('DD', 4, 1, 'b', 'unserved', 23, NULL, 0, 5), ('DD', 4, 1, 'c', 'unserved', 23, NULL, 0, 5)
) AS x(country, asn, sources, place, kind, port, payload_id, first, last), range(1, 9) AS n(i), range(0, 6) AS d(day)
WHERE i <= sources AND day BETWEEN first AND last;
