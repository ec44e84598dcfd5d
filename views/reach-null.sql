/*
title: Reach by chance
question: How many countries, networks or sources would reach so few regions by chance alone?
statement_of: reach-corrected
scope: [from, to, regions, sensors, kind, ip_version, scanners, over]
params:
  - {name: by}
  - {name: min_contacts, type: int, default: "1", min: 1, max: 1000000, meaning: "only those with at least this many contacts"}
  - {name: exposure}
chart: {type: bars, y: reach, value: count, x2: by_chance}
page: regions
order: 20
span: 6
step: reach-null
columns:
  - {name: reach, type: int, unit: places, meaning: "number of regions (or sensors)"}
  - {name: count, type: int, meaning: "countries, networks or sources with this reach"}
  - {name: by_chance, type: float, meaning: "how many would have it if their contacts were spread by chance"}
  - {name: up_to, type: int, meaning: "with this reach or less"}
  - {name: up_to_by_chance, type: float, meaning: "how many would have this reach or less by chance"}
caveats:
  - "Null: each contact of an entity comes to place r with a probability proportional to r's exposure, independently of the others; E[reach] = Σ 1 − (1 − w)ⁿ, and P(reach ≤ k) is exact (Johnson and Kotz 1977, Urn models). Contacts are different sources, for single sources days, and never events: those of one source are not independent."
  - "The reach of a country or network is a union over its sources. Where source_reach is above 1 these are not independent, and p is too small or too large."
  - "With exposure=contacts, places are as attractive as they were to all; a place that was down for long counts less. exposure=watched takes sensor hours × ports instead, so that a place that gets more traffic for other reasons makes all others' entities look regional."
*/
