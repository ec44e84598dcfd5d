package e2e

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"terroir/lake"
	"terroir/query"
	"terroir/views"
)

// rollupsChangeNothing makes rollups of data files that have rows enough, and compares what every view that has one finds in it with what it finds in
// the events, in many ways of asking.
func rollupsChangeNothing(t *testing.T, w *world, least int64, days [2]string) {
	ctx := context.Background()
	made, err := w.lake.RollUp(ctx, w.engine.(*query.Duck), lake.RollUpOptions{LeastRows: least})
	if err != nil {
		t.Fatal(err)
	}
	engine, err := query.Open(w.lake, query.Options{}) // One that has not looked at the tables yet.
	if err != nil {
		t.Fatal(err)
	}
	defer engine.Close()
	asked := 0
	for _, v := range w.views.All() {
		if v.Rollup == "" {
			continue
		}
		for _, params := range waysOfAsking(v, days) {
			asked++
			compareRolled(t, engine, v, params)
		}
	}
	t.Logf("%d rollups, %d questions", made, asked)
	if made == 0 || asked < 60 {
		t.Errorf("%d rollups, %d questions", made, asked)
	}
}

// waysOfAsking are the defaults, each value of each enumeration, and windows of whole days.
func waysOfAsking(v *views.View, days [2]string) []map[string]string {
	window := v.Taken(map[string]string{"from": days[0], "to": days[1], "kind": "any"})
	ways := []map[string]string{nil, window, v.Taken(map[string]string{"from": days[0] + "T00:00:00Z"})}
	for _, p := range v.Params {
		for _, x := range p.Values {
			ways = append(ways, map[string]string{p.Name: x.Name})
		}
	}
	return ways
}

func compareRolled(t *testing.T, engine *query.Duck, v *views.View, params map[string]string) {
	t.Helper()
	ctx := context.Background()
	statement, _, err := v.Render(params)
	if err != nil {
		t.Fatal(err)
	}
	rolled, _, err := v.RenderDuck(params)
	if err != nil || !strings.Contains(rolled, "FROM events_by_"+v.Rollup) {
		t.Fatalf("%s %v: %v in\n%s", v.Name, params, err, rolled)
	}
	want, err := engine.Query(ctx, statement)
	if err != nil {
		t.Fatalf("%s %v: %v", v.Name, params, err)
	}
	got, err := engine.Query(ctx, rolled)
	if err != nil {
		t.Fatalf("%s %v, rolled up: %v", v.Name, params, err)
	}
	if !reflect.DeepEqual(got.Rows, want.Rows) {
		t.Errorf("%s %v: rolled up\n%.2000s\nevents\n%.2000s", v.Name, params, fmt.Sprint(got.Rows), fmt.Sprint(want.Rows))
	}
}
