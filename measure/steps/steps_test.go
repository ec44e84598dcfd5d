package steps_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"terroir"
	"terroir/measure/steps"
	"terroir/views"
)

func shipped(t *testing.T) *views.Registry {
	t.Helper()
	r, err := views.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestViewsAndStepsNameEachOther(t *testing.T) {
	var named []string
	for _, v := range shipped(t).All() {
		if v.Step != "" {
			named = append(named, v.Step)
		}
	}
	slices.Sort(named)
	if got := slices.Compact(named); !slices.Equal(got, steps.Names()) {
		t.Errorf("views name the steps %v, there are %v", got, steps.Names())
	}
}

func TestAStepThatThereIsNotIsAnError(t *testing.T) {
	r := &views.Result{}
	if err := steps.Run(context.Background(), "no-such", r, nil); terroir.ErrorCode(err) != terroir.EINVALID {
		t.Error(err)
	}
}

// Rows that lack a column are an error of every step, and no rows at all are none.
func TestStepsTakeNoRows(t *testing.T) {
	for _, v := range shipped(t).All() {
		if v.Step == "" {
			continue
		}
		if err := steps.Run(context.Background(), v.Step, &views.Result{}, nil); terroir.ErrorCode(err) != terroir.EINVALID {
			t.Errorf("%s without columns: %v", v.Name, err)
		}
		r := &views.Result{Columns: v.Rows}
		if err := steps.Run(context.Background(), v.Step, r, nil); err != nil {
			t.Errorf("%s without rows: %v", v.Name, err)
			continue
		}
		if err := v.Adopt(r, nil); err != nil || len(r.Rows) != 0 {
			t.Errorf("%s without rows: %d rows, %v", v.Name, len(r.Rows), err)
		}
	}
}

// A view of made-up sightings, in many orders, is always the same.
func TestTheOrderOfRowsShowsInNoResult(t *testing.T) {
	v, err := shipped(t).Get("transfer")
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	var rows [][]any
	for day := range int64(6) {
		for i := range 40 {
			if random.IntN(3) == 0 {
				rows = append(rows, []any{fmt.Sprint("e", i), fmt.Sprint("r", random.IntN(3)), day, int64(1 + random.IntN(5)), day*86400 + int64(random.IntN(86400))})
			}
		}
	}
	for _, name := range []string{"transfer", "transfer-locality", "feeds"} {
		first := ""
		for range 5 {
			random.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
			r := &views.Result{Columns: v.Rows, Rows: slices.Clone(rows)}
			if err := steps.Run(context.Background(), name, r, map[string]string{"draws": "99", "shuffles": "19", "seed": "3"}); err != nil {
				t.Fatal(err)
			}
			got := fmt.Sprint(r.Rows)
			if first == "" {
				first = got
			}
			if got != first {
				t.Errorf("%s in another order is another", name)
			}
		}
	}
}
