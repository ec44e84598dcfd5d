package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"terroir"
	"terroir/measure"
	"terroir/views"
)

// proposal is an overlay as its file has it: the ports to listen on in a region, and what speaks for them.
type proposal struct {
	Region   string         `yaml:"region" json:"region"`
	Add      []proposedPort `yaml:"add" json:"add"`
	Drop     []string       `yaml:"drop,omitempty" json:"drop,omitempty"`
	Expires  string         `yaml:"expires,omitempty" json:"expires,omitempty"`
	Reason   string         `yaml:"reason" json:"reason"`
	Evidence []string       `yaml:"evidence" json:"evidence"`
}

type proposedPort struct {
	Port      int64  `yaml:"port" json:"port"`
	Transport string `yaml:"transport" json:"transport"`
	Service   string `yaml:"service,omitempty" json:"service,omitempty"`
	// why stands beside the port, as a comment.
	why string
}

// maxEvidence bounds a line of evidence, as the overlay's check does.
const maxEvidence = 1000

// propose makes an overlay for the region of the results of the views recommend, backtest and gain (of which each may be empty):
// ports that an earlier rollout opened for nothing are dropped. Nothing to recommend yields an ENOTFOUND error.
func propose(region string, recommended, tested, rolledOut *views.Result) (*proposal, error) {
	p := &proposal{Region: region}
	each(recommended, region, func(row map[string]any) {
		if _, ok := row["rank"].(int64); !ok {
			p.note("left out: %s/%d: %s", row["transport"], row["port"], row["reason"])
			return
		}
		p.Add = append(p.Add, proposedPort{row["port"].(int64), row["transport"].(string), word(row["service"]), gained(row)})
		p.note("recommend: %s/%d: %s; %s, in %d networks, countries %s, %s to %s", row["transport"], row["port"], row["reason"], gained(row), row["networks"],
			word(row["countries"]), day(row["first_seen"]), day(row["last_seen"]))
		if hint := word(row["hint"]); hint != "" {
			p.note("hint: %s/%d: %s", row["transport"], row["port"], hint)
		}
	})
	if len(p.Add) == 0 {
		return nil, &terroir.Error{Code: terroir.ENOTFOUND, Message: fmt.Sprintf("nothing to recommend for region %q", region),
			Hint: "choose a longer window, or look at the view recommend for what was left out"}
	}
	verdict := p.backtested(tested)
	each(rolledOut, region, func(row map[string]any) {
		if said := word(row["verdict"]); strings.HasPrefix(said, "drop") {
			p.Drop = append(p.Drop, fmt.Sprintf("%s/%d", row["transport"], row["port"]))
			p.note("drop: %s/%d, open since %s: %s", row["transport"], row["port"], day(row["since"]), said)
		}
	})
	p.Reason = fmt.Sprintf("%s that meet most new regional sources; %s", counted(int64(len(p.Add)), "port"), verdict)
	return p, nil
}

// backtested adds the scores for the number of ports that is nearest, and returns the verdict.
func (p *proposal) backtested(tested *views.Result) string {
	k, verdict := int64(0), "not backtested: the window is too short"
	each(tested, p.Region, func(row map[string]any) {
		if n := row["k"].(int64); k == 0 || n <= int64(len(p.Add)) {
			k = n
		}
	})
	each(tested, p.Region, func(row map[string]any) {
		if row["k"] != k {
			return
		}
		share, _ := row["share"].(float64)
		p.note("backtest, %s, %s days: %s covers %.1f %% of the later demand (%s)", counted(k, "port"), row["days"], row["strategy"], 100*share, word(row["ports"]))
		if row["strategy"] == measure.StrategyGreedy {
			verdict = fmt.Sprintf("backtest of %s: %s", counted(k, "port"), word(row["verdict"]))
		}
	})
	return verdict
}

func (p *proposal) note(format string, args ...any) {
	line := word(fmt.Sprintf(format, args...))
	p.Evidence = append(p.Evidence, strings.ToValidUTF8(line[:min(len(line), maxEvidence)], ""))
}

// YAML is the overlay as a file, with what each port is expected to gain as a comment.
func (p *proposal) YAML() ([]byte, error) {
	comments := yaml.CommentMap{}
	for i, port := range p.Add {
		comments[fmt.Sprintf("$.add[%d]", i)] = []*yaml.Comment{yaml.HeadComment(" " + port.why)}
	}
	return yaml.MarshalWithOptions(p, yaml.WithComment(comments), yaml.IndentSequence(true))
}

// JSON is the same.
func (p *proposal) JSON() ([]byte, error) {
	b, err := json.MarshalIndent(p, "", "  ")
	return append(b, '\n'), err
}

// each calls f with the rows of the region, by the names of the columns.
func each(r *views.Result, region string, f func(row map[string]any)) {
	for _, values := range r.Rows {
		row := map[string]any{}
		for i, c := range r.Columns {
			row[c.Name] = values[i]
		}
		if row["place"] == region || row["region"] == region {
			f(row)
		}
	}
}

// counted is a number of things.
func counted(n int64, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

func day(x any) string {
	t, ok := x.(time.Time)
	if !ok {
		return "?"
	}
	return t.UTC().Format(time.DateOnly)
}

func gained(row map[string]any) string {
	said := func(name string) string {
		x, ok := row[name].(float64)
		if !ok {
			return "?"
		}
		return fmt.Sprintf("%.3g", x)
	}
	n, _ := row["sources"].(int64)
	return fmt.Sprintf("gain %s (%s to %s), %s", said("gain"), said("gain_low"), said("gain_high"), counted(n, "source"))
}

// word is a text for people, without control characters.
func word(x any) string {
	s, _ := x.(string)
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, s)
}
