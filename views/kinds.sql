/*
title: What sort of attempts
question: How many attempts ended in a payload, and how many met no listener?
scope: [from, to, regions, sensors, ip_version, scanners, over]
rollup: source
chart: {type: heatmap, x: kind, y: place, value: attempts}
page: overview
order: 35
span: 4
columns:
  - {name: kind, type: string, meaning: "connection, payload, error or unserved"}
  - {name: place, type: string, meaning: "region or sensor"}
  - {name: events, type: int, unit: rows, meaning: "rows of the table events"}
  - {name: attempts, type: int, unit: attempts, meaning: "attempts that the rows stand for"}
  - {name: sources, type: int, unit: addresses, meaning: "different client addresses"}
caveats:
  - "Unserved attempts are counted where the sensor may see them (CAP_NET_RAW); without it there are none."
*/
SELECT kind, place, sum(events) AS events, sum(attempts) AS attempts, count(DISTINCT src_ip) AS sources
FROM scope
GROUP BY kind, place
ORDER BY kind, place
