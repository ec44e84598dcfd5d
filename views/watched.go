package views

import "strings"

// The relation watched says when which sensor was really watching: the heartbeats of the window, with the columns place (as in
// scope), sensor, region, revision, tap, ts (the end of an interval) and micros (its length, whole, so that
// sums are the same in any order), and ports, how many its
// configuration then served.

// watchedParams are the shared parameters that choose heartbeats, too, with the conditions.
var watchedParams = []struct{ name, condition string }{
	{"from", "h.ts >= :from"}, {"to", "h.ts < :to"}, {"regions", "h.region IN (:regions)"}, {"sensors", "h.sensor IN (:sensors)"},
}

// watchedCTE is the definition of watched for the values, with placeholders still in it.
func watchedCTE(values map[string]string) string {
	place := "h.region"
	if values["over"] == "sensor" {
		place = "h.sensor"
	}
	var where []string
	for _, p := range watchedParams {
		if values[p.name] != "" {
			where = append(where, p.condition)
		}
	}
	cte := `watched AS (
  SELECT ` + place + ` AS place, h.sensor, h.region, h.revision, h.tap, h.ts, h.interval_us AS micros, coalesce(p.ports, 0) AS ports
  FROM heartbeats h
  LEFT JOIN (
    SELECT sensor, revision, count(DISTINCT transport || '/' || CAST(port AS varchar)) AS ports
    FROM served_ports
    GROUP BY sensor, revision
  ) p ON p.sensor = h.sensor AND p.revision = h.revision`
	if len(where) > 0 {
		cte += "\n  WHERE " + strings.Join(where, "\n    AND ")
	}
	return cte + "\n)"
}
