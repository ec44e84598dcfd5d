/*
title: One list for all?
question: Does a region's own list serve it better than one of the same size for all regions?
statement_of: transfer
scope: [from, to, regions, sensors, kind, ip_version, scanners, over]
params:
  - {name: by}
  - {name: country}
  - {name: horizon}
  - {name: memory}
  - {name: draws}
  - {name: seed}
chart: {type: bars, y: place, value: own_coverage, x2: union_coverage}
page: regions
order: 65
span: 6
step: feeds
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
