package views_test

import (
	"strings"
	"testing"

	"terroir/views"
)

// TestARollupStandsInForWholeUnitsOnly asks for windows that a rollup can and cannot tell.
func TestARollupStandsInForWholeUnitsOnly(t *testing.T) {
	reg, err := views.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		view, from, to, want string
	}{
		{"kinds", "", "", "events_by_source"},
		{"kinds", "2022-06-14", "2022-06-15T00:00:00Z", "events_by_source"},
		{"kinds", "2022-06-14T02:00:00+02:00", "", "events_by_source"},
		{"kinds", "2022-06-14T00:00:01Z", "", "events"},
		{"kinds", "", "2022-06-14T12:00", "events"},
		{"port-timeline", "", "2022-06-14T12:00", "events_by_hour"},
		{"port-timeline", "2022-06-14T12:30", "", "events"},
		{"payload-groups", "", "", "events_by_payload"},
		{"lossiness", "", "", "events"},
	} {
		v, err := reg.Get(c.view)
		if err != nil {
			t.Fatal(err)
		}
		sql, _, err := v.RenderDuck(map[string]string{"from": c.from, "to": c.to})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(sql, "FROM "+c.want+"\n") {
			t.Errorf("%s from %q to %q: %s", c.view, c.from, c.to, sql)
		}
	}
	kinds, _ := reg.Get("kinds")
	if _, _, err := kinds.RenderDuck(map[string]string{"from": "yesterday"}); err == nil {
		t.Error("no error for a time that is none")
	}
}
