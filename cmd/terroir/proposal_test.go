package main

import (
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"terroir"
	"terroir/views"
)

func resultOf(columns string, rows ...[]any) *views.Result {
	r := &views.Result{Rows: rows}
	for name := range strings.FieldsSeq(columns) {
		r.Columns = append(r.Columns, views.Column{Name: name})
	}
	return r
}

var (
	someDay       = time.Date(2022, 6, 14, 3, 0, 0, 0, time.UTC)
	someRecommend = resultOf("place rank transport port service gain gain_low gain_high share sources networks countries first_seen last_seen hint reason",
		[]any{"r-1", int64(1), "tcp", int64(1521), "oracle", 12.5, 9., 16., .4, int64(40), int64(40), "BD, LK", someDay, someDay.AddDate(0, 0, 2), nil, "40 new regional sources tried it"},
		[]any{"r-1", nil, "tcp", int64(23), nil, nil, nil, nil, nil, int64(3), int64(1), nil, nil, nil, nil, "frequent, but\x1b[31m heard already"},
		[]any{"r-2", int64(1), "udp", int64(53), nil, 1., .5, 2., .1, int64(4), int64(4), nil, someDay, someDay, "a range", "4 tried it"})
	someBacktest = resultOf("place k strategy gain share ports days verdict",
		[]any{"r-1", int64(1), "recommended", 6., .5, "tcp/1521", "4 + 3", "beats the world's most tried ports"},
		[]any{"r-1", int64(1), "world", 2., .16, "tcp/23", "4 + 3", nil},
		[]any{"r-1", int64(3), "recommended", 7., .6, "tcp/1521", "4 + 3", "beats the world's most tried ports"})
	someGain = resultOf("region revision since transport port verdict",
		[]any{"r-1", int64(2), someDay, "tcp", int64(9999), "drop: nothing came"}, []any{"r-1", int64(2), someDay, "tcp", int64(9998), "keep"})
)

func TestAProposalIsAnOverlayWithItsEvidence(t *testing.T) {
	p, err := propose("r-1", someRecommend, someBacktest, someGain)
	if err != nil {
		t.Fatal(err)
	}
	text, err := p.YAML()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"region: r-1", "# gain 12.5 (9 to 16), 40 sources", "port: 1521", "service: oracle", "tcp/9999", "beats the world's", "covers 50.0 %", "left out: tcp/23"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	var back proposal
	if err := yaml.UnmarshalWithOptions(text, &back, yaml.Strict()); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if len(back.Add) != 1 || back.Add[0].Port != 1521 || len(back.Drop) != 1 || back.Region != "r-1" || len(back.Evidence) != len(p.Evidence) {
		t.Errorf("read back: %+v", back)
	}
	if j, err := p.JSON(); err != nil || !strings.Contains(string(j), `"port": 1521`) {
		t.Errorf("%s, %v", j, err)
	}
}

func TestNothingToRecommendIsSaid(t *testing.T) {
	if _, err := propose("r-3", someRecommend, someBacktest, someGain); terroir.ErrorCode(err) != terroir.ENOTFOUND {
		t.Error(err)
	}
}
