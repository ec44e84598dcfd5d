package views

import "strings"

// The relation scope, which every view may read, is the table events with the shared parameters applied and one more
// column, place: the region or the sensor, whichever the view compares. Views with a rollup see two more: events, how many of
// them a row is, and last_ts, when the last of these was. Filters apply before anything is counted.

// sharedParams are the parameters that views share, each with the condition on events that it stands for.
var sharedParams = []struct {
	Param
	// condition is put into scope unless the value is without effect ("", "any" or "marked"); "" for parameters that are no filter.
	condition string
}{
	{Param{Name: "from", Type: "time", Meaning: "events at or after this time"}, "ts >= :from"},
	{Param{Name: "to", Type: "time", Meaning: "events before this time"}, "ts < :to"},
	{Param{Name: "regions", Type: "list", Meaning: "only these regions"}, "region IN (:regions)"},
	{Param{Name: "sensors", Type: "list", Meaning: "only these sensors"}, "sensor IN (:sensors)"},
	{Param{Name: "kind", Type: "enum", Default: "payload", Meaning: "kind of event", Values: []EnumValue{
		{"payload", "'payload'"}, {"connection", "'connection'"}, {"error", "'error'"}, {"unserved", "'unserved'"}, {"any", "NULL"},
	}}, "kind = :kind"},
	{Param{Name: "ip_version", Type: "enum", Default: "any", Meaning: "version of the internet protocol", Values: []EnumValue{
		{"4", "4"}, {"6", "6"}, {"any", "NULL"},
	}}, "ip_version = :ip_version"},
	{Param{Name: "scanners", Type: "enum", Default: "marked", Meaning: "sources that say they are scanners: counted like all others, left out, or alone", Values: []EnumValue{
		{"marked", "TRUE"}, {"excluded", "scanner IS NULL"}, {"only", "scanner IS NOT NULL"},
	}}, ":scanners"},
	{Param{Name: "over", Type: "enum", Default: "region", Meaning: "places to compare", Values: []EnumValue{
		{"region", "region"}, {"sensor", "sensor"},
	}}, ""},
}

func sharedParam(name string) (Param, bool) {
	for _, s := range sharedParams {
		if s.Name == name {
			return s.Param, true
		}
	}
	return Param{}, false
}

func sharedNames() []string {
	names := make([]string, len(sharedParams))
	for i, s := range sharedParams {
		names[i] = s.Name
	}
	return names
}

// SharedParams returns the parameters that views share, in the order in which pages show them.
func SharedParams() []Param {
	ps := make([]Param, len(sharedParams))
	for i, s := range sharedParams {
		ps[i] = s.Param
	}
	return ps
}

// scopeCTE is the definition of scope for the values, with placeholders still in it.
func (v *View) scopeCTE(values map[string]string, columns, relation string) string {
	place := "region"
	var where []string
	for _, s := range sharedParams {
		value, takes := values[s.Name]
		switch {
		case !takes || value == "" || value == "any" || value == "marked":
		case s.condition != "":
			where = append(where, s.condition)
		default:
			place = ":" + s.Name
		}
	}
	cte := "scope AS (\n  SELECT " + columns + ", " + place + " AS place\n  FROM " + relation
	if len(where) > 0 {
		cte += "\n  WHERE " + strings.Join(where, "\n    AND ")
	}
	return cte + "\n)"
}
