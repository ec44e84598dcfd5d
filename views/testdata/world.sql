-- A small world for the golden tests: three regions, a scanner that says so, others, and a few rare things.
INSERT INTO payload_facts BY NAME
SELECT * FROM (VALUES
  ('p-info', 't-info', 'redis', 'INFO', NULL, NULL),
  ('p-info2', 't-info', 'redis', 'INFO', NULL, NULL),
  ('p-cron', 't-cron', 'redis', 'SET', NULL, NULL),
  ('p-amqp', 't-amqp', 'amqp', 'protocol header', NULL, NULL),
  ('p-censys', 't-censys', 'http', 'GET /', 'Mozilla/5.0 (compatible; CensysInspect/1.1; +https://about.censys.io/)', 'Censys'),
  ('p-zgrab', 't-zgrab', 'http', 'GET /', 'Mozilla/5.0 zgrab/0.x', NULL),
  ('p-docker', 't-docker', 'docker', 'GET /containers/json', 'Go-http-client/1.1', NULL),
  ('p-tls', 't-tls', 'tls', 'ClientHello', NULL, NULL),
  ('p-3270', 't-3270', 'tn3270', 'IBM-3279-4-E', NULL, NULL),
  ('p-odd', 't-odd', NULL, NULL, NULL, NULL)
) AS f(payload_id, template_id, app_proto, label, user_agent, scanner);

INSERT INTO served_ports BY NAME
SELECT 1 AS revision, 'tcp' AS transport, *, 'r-east' AS region, 's-east' AS sensor, TIMESTAMPTZ '2022-06-14 00:00:00+00' AS ts FROM (VALUES
  (6379, 'redis', false), (2375, 'docker', false), (6443, 'kubernetes', true), (2323, 'telnet-alt', false), (9992, 'outlier', false)
) AS p(port, service, tls);

INSERT INTO events BY NAME
SELECT TIMESTAMPTZ '2022-06-14 00:00:00+00' + to_minutes(minute) AS ts, 0 AS duration_us, 'e-' || minute AS event_id, 's-' || place AS sensor, 'r-' || place AS region, 1 AS revision,
  kind, transport, CASE WHEN contains(src_ip, ':') THEN 6 ELSE 4 END AS ip_version, src_ip, dst_port, attempts, payload_id,
  (SELECT app_proto FROM payload_facts f WHERE f.payload_id = x.payload_id) AS app_proto, ja4, CASE WHEN ja4 IS NOT NULL THEN 'ja3-' || src_ip END AS ja3,
  CASE WHEN ja4 IS NOT NULL THEN '1.3' END AS tls_version, CASE WHEN ja4 IS NOT NULL THEN 'h2,http/1.1' END AS tls_alpn,
  CASE WHEN ja4 IS NOT NULL AND place = 'east' THEN 'www.example.org' END AS tls_sni, tool,
  CASE WHEN transport = 'tcp' THEN CASE tool WHEN 'zmap' THEN '4:64:0:0:65535,0::0' ELSE '4:64:0:1460:mss*10,7:mss,sok,ts,nop,ws:df:0' END END AS tcp_signature,
  country, asn, 'Network ' || asn AS as_name, '2022-06-01' AS geo_date, scanner, CASE WHEN scanner IS NOT NULL THEN '2022-05' END AS scanner_date
FROM (VALUES
  (1, 'east', 'payload', 'tcp', 6379, '192.0.2.1', 1, 'p-censys', NULL, 'zmap', 'US', 64500, 'Censys'),
  (2, 'west', 'payload', 'tcp', 6379, '192.0.2.1', 1, 'p-censys', NULL, 'zmap', 'US', 64500, 'Censys'),
  (3, 'south', 'payload', 'tcp', 2375, '192.0.2.1', 1, 'p-censys', NULL, 'zmap', 'US', 64500, 'Censys'),
  (4, 'south', 'unserved', 'tcp', 80, '192.0.2.1', 3, NULL, NULL, 'zmap', 'US', 64500, 'Censys'),
  (5, 'east', 'payload', 'tcp', 6443, '192.0.2.2', 1, 'p-tls', 't13d1516h2_a', 'zmap', 'US', 64500, 'Shodan'),
  (6, 'east', 'payload', 'tcp', 2375, '198.51.100.7', 1, 'p-censys', NULL, NULL, 'DE', 64501, NULL),
  (10, 'east', 'payload', 'tcp', 6379, '198.51.100.1', 1, 'p-info', NULL, NULL, 'DE', 64501, NULL),
  (11, 'west', 'payload', 'tcp', 6379, '198.51.100.1', 1, 'p-info2', NULL, NULL, 'DE', 64501, NULL),
  (12, 'south', 'payload', 'tcp', 6379, '198.51.100.2', 1, 'p-info', NULL, NULL, 'CN', 64502, NULL),
  (13, 'south', 'payload', 'tcp', 6379, '198.51.100.2', 1, 'p-cron', NULL, NULL, 'CN', 64502, NULL),
  (14, 'west', 'payload', 'tcp', 6379, '198.51.100.3', 1, 'p-info', NULL, NULL, 'CN', 64502, NULL),
  (15, 'west', 'payload', 'tcp', 6379, '198.51.100.4', 1, 'p-amqp', NULL, NULL, 'BR', 64503, NULL),
  (20, 'east', 'payload', 'tcp', 2375, '198.51.100.2', 1, 'p-docker', NULL, NULL, 'CN', 64502, NULL),
  (21, 'west', 'payload', 'tcp', 2375, '198.51.100.3', 1, 'p-zgrab', NULL, 'masscan', 'CN', 64502, NULL),
  (22, 'west', 'payload', 'tcp', 2375, '198.51.100.5', 1, 'p-tls', 't13d1516h2_a', NULL, 'KE', 64504, NULL),
  (23, 'west', 'payload', 'tcp', 6443, '2001:db8::5', 1, 'p-tls', 't13d1715h2_b', NULL, 'KE', 64504, NULL),
  (24, 'west', 'payload', 'tcp', 2323, '198.51.100.5', 1, 'p-3270', NULL, NULL, 'KE', 64504, NULL),
  (25, 'west', 'payload', 'tcp', 2323, '198.51.100.1', 1, 'p-zgrab', NULL, NULL, 'DE', 64501, NULL),
  (26, 'west', 'payload', 'tcp', 9992, '198.51.100.5', 1, 'p-tls', 't13d1516h2_a', NULL, 'KE', 64504, NULL),
  (27, 'south', 'payload', 'udp', 5060, '198.51.100.6', 1, 'p-odd', NULL, NULL, 'IN', 64505, NULL),
  (30, 'west', 'unserved', 'tcp', 23, '198.51.100.5', 40, NULL, NULL, 'mirai', 'KE', 64504, NULL),
  (31, 'east', 'connection', 'tcp', 6379, '198.51.100.1', 1, NULL, NULL, NULL, 'DE', 64501, NULL),
  (32, 'south', 'error', 'tcp', 2375, '2001:db8::6', 1, NULL, NULL, NULL, 'IN', 64505, NULL),
  (33, 'south', 'unserved', 'icmp', 8, '198.51.100.6', 2, NULL, NULL, NULL, 'IN', 64505, NULL)
) AS x(minute, place, kind, transport, dst_port, src_ip, attempts, payload_id, ja4, tool, country, asn, scanner);

-- Payloads, their groups and what they name. The template t-cron was alone at first, so only its later row holds.
INSERT INTO payloads BY NAME
SELECT payload_id, 'x' AS bytes, 10 AS size, TIMESTAMPTZ '2022-06-14 00:00:00+00' AS first_ts, 's-east' AS first_sensor FROM payload_facts;

INSERT INTO families BY NAME
SELECT *, 'same skeleton' AS why, NULL AS nearest FROM (VALUES
  ('t-cron', 't-cron', 't-cron', 'redis: SET', 'curl', 0.0, 1),
  ('t-info', 't-info', 't-cron', 'redis: INFO', NULL, 0.7, 9),
  ('t-cron', 't-cron', 't-cron', 'redis: INFO', NULL, 0.7, 9),
  ('t-censys', 't-censys', 't-censys', 'http: GET /', NULL, 0.9, 9),
  ('t-zgrab', 't-censys', 't-censys', 'http: GET /', NULL, 0.9, 9),
  ('t-tls', 't-tls', 't-tls', 'tls: hello', NULL, 0.0, 9)
) AS f(template_id, substring_id, family_id, vehicle, cargo, similarity, generation);

INSERT INTO indicators BY NAME
SELECT * FROM (VALUES
  ('p-cron', 'url', 'http://192.0.2.77/x.sh', 'dropper', 2),
  ('p-cron', 'ipv4', '192.0.2.77', 'dropper', 2),
  ('p-censys', 'url', 'https://about.censys.io/', NULL, 0),
  ('p-odd', 'file', 'x.sh', '', 0)
) AS i(payload_id, type, value, role, step);
