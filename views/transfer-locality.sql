/*
title: Do regions know their own visitors better?
question: Is what a region learns worth more to itself than to others, beyond chance?
statement_of: transfer
scope: [from, to, regions, sensors, kind, ip_version, scanners, over]
params:
  - {name: by}
  - {name: country}
  - {name: horizon}
  - {name: memory}
  - {name: shuffles, type: int, default: "199", min: 19, max: 9999, meaning: "shuffled worlds of the permutation test"}
  - name: alpha
    type: enum
    default: "0.05"
    meaning: "level of significance"
    values:
      - {name: "0.05", sql: "0.05"}
      - {name: "0.01", sql: "0.01"}
      - {name: "0.1", sql: "0.1"}
  - {name: draws}
  - {name: seed}
chart: {type: numbers}
page: regions
order: 55
span: 6
step: transfer-locality
columns:
  - {name: gain, type: float, unit: share, meaning: "locality gain: mean coverage of the regions' own lists less that of all others'"}
  - {name: gain_low, type: float, unit: share, meaning: "lower end of the 95 % interval (block bootstrap over days)"}
  - {name: gain_high, type: float, unit: share, meaning: "upper end"}
  - {name: own_coverage, type: float, unit: share, meaning: "mean coverage of the regions' own lists"}
  - {name: other_coverage, type: float, unit: share, meaning: "mean coverage of other regions' lists"}
  - {name: null_mean, type: float, unit: share, meaning: "mean gain of the shuffled worlds"}
  - {name: null_max, type: float, unit: share, meaning: "largest gain of the shuffled worlds"}
  - {name: p, type: float, unit: probability, meaning: "of a gain as large without locality (permutation test)"}
  - {name: draws, type: int, meaning: "shuffled worlds"}
  - {name: sampled, type: float, unit: share, meaning: "of the entities, taken for the test (not for the gain)"}
  - {name: verdict, type: string, meaning: "in words"}
caveats:
  - "In each shuffled world pairs of sightings of a day swap their regions, so that each entity keeps its number of regions and each region its number of entities (Gotelli 2000, Null model analysis of species co-occurrence patterns)."
  - "Declared scanners come everywhere and hide the effect: compare scanners=marked with scanners=excluded."
  - "A day without visits in the middle of an outage counts as a day on which nothing was seen there."
*/
