/*
title: What more ports would gain
question: How much of the new regional sources do the first, the first two, the first three ports meet?
statement_of: recommend
scope: [from, to, regions, sensors, ip_version, scanners, over]
params:
  - {name: region}
  - {name: ports, type: int, default: "20", min: 1, max: 200, meaning: "number of ports"}
  - {name: max_reach}
  - {name: weigh}
  - {name: seed}
chart: {type: curves, x: k, y: place, value: share}
page: gaps
order: 20
span: 6
step: gain-curve
columns:
  - {name: place, type: string, meaning: "region or sensor"}
  - {name: k, type: int, meaning: "number of ports"}
  - {name: transport, type: string, meaning: "of the last of them"}
  - {name: port, type: int, meaning: "the last of them"}
  - {name: gain, type: float, meaning: "what it adds: expected payloads of new sources a window, or new sources"}
  - {name: total, type: float, meaning: "what all of them gain"}
  - {name: share, type: float, unit: share, meaning: "total, of what all ports that were tried would gain"}
  - {name: new_sources, type: int, unit: addresses, meaning: "that no port before it meets"}
caveats:
  - "It claims attempts, not payloads: an unserved port has no first bytes. The probability of a payload is estimated from what a source and its like did where they were heard (see lossiness), and assumes that they treat unserved ports alike."
  - "New are sources without a payload in the region, in the window; known scanners are left out. Ports of icmp there are none."
*/
