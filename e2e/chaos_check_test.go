package e2e

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"terroir/lake"
	"terroir/query"
)

// finding is how the table compares with what was sent.
type finding struct {
	// rows are payload events, twice those that are there more than once, missing those that were certainly recorded and
	// are not there, open those that may be missing and are, strange what nobody sent.
	rows, twice, missing, open, strange []string
	// lost are attempts by stage and reason; full those of a full spool by sensor.
	lost map[string]int64
	full map[string]int64
}

// compare reads the table and compares it with the ledger.
func (c *chaos) compare() (f finding, err error) {
	ctx := context.Background()
	l, err := lake.Open(ctx, c.lakeDir())
	if err != nil {
		return f, err
	}
	defer l.Close()
	e, err := query.Open(l, query.Options{})
	if err != nil {
		return f, err
	}
	defer e.Close()
	r, err := e.Query(ctx, "SELECT hex(p.bytes), count(*) FROM events e LEFT JOIN payloads p ON p.payload_id = e.payload_id WHERE e.kind = 'payload' GROUP BY 1")
	if err != nil {
		return f, err
	}
	there := map[string]bool{}
	for _, row := range r.Rows {
		text := "an event without its payload"
		if h, ok := row[0].(string); ok {
			b, err := hex.DecodeString(h)
			if err != nil {
				return f, err
			}
			text = string(b)
		}
		there[text] = true
		f.rows = append(f.rows, text)
		if row[1].(int64) != 1 {
			f.twice = append(f.twice, fmt.Sprintf("%d × %q", row[1], text))
		}
	}
	c.weigh(&f, there)
	return f, f.losses(ctx, e)
}

func (c *chaos) weigh(f *finding, there map[string]bool) {
	kills := make([][]span, len(c.sensors))
	for i, p := range c.sensors {
		kills[i] = p.killed()
	}
	c.book.mu.Lock()
	defer c.book.mu.Unlock()
	for text, s := range c.book.sessions {
		switch {
		case there[text]:
		case s.certain(kills[s.sensor]):
			f.missing = append(f.missing, text)
		default:
			f.open = append(f.open, text)
		}
		delete(there, text)
	}
	for text := range there {
		f.strange = append(f.strange, text)
	}
}

func (f *finding) losses(ctx context.Context, e query.Engine) error {
	f.lost, f.full = map[string]int64{}, map[string]int64{}
	r, err := e.Query(ctx, "SELECT sensor, stage, reason, CAST(sum(attempts) AS BIGINT) FROM losses GROUP BY 1, 2, 3")
	if err != nil {
		return err
	}
	for _, row := range r.Rows {
		why, n := fmt.Sprintf("%v/%v", row[1], row[2]), row[3].(int64)
		f.lost[why] += n
		if why == "spool/full" {
			f.full[row[0].(string)] += n
		}
	}
	return nil
}

// unexplained are the sessions that are missing beyond what their sensors counted.
func (f *finding) unexplained() int {
	by := map[string]int{}
	for _, text := range f.missing {
		by[sensorOf(text)]++
	}
	n := 0
	for sensor, missing := range by {
		n += max(missing-int(f.full[sensor]), 0)
	}
	return n
}

// sensorOf is the sensor that a payload was sent to.
func sensorOf(text string) string {
	var n, sensor int
	if _, err := fmt.Sscanf(text, "payload %d of sensor %d", &n, &sensor); err != nil {
		return ""
	}
	return fmt.Sprintf("sensor-%d", sensor+1)
}

// numberOf is the number of a payload.
func numberOf(text string) (n int) {
	_, _ = fmt.Sscanf(text, "payload %d", &n) // 0 where it has none
	return n
}

// settleAll waits until the table has everything that was certainly recorded, and does not change any more.
func (c *chaos) settleAll(within time.Duration) finding {
	c.t.Helper()
	var f finding
	quiet, pause := 0, time.Second
	for end := time.Now().Add(within); time.Now().Before(end) && quiet < 3; time.Sleep(pause) {
		now, err := c.compare()
		if err != nil {
			c.t.Fatal(err)
		}
		if len(now.rows) == len(f.rows) && now.unexplained() == 0 {
			quiet++
		} else {
			quiet = 0
			pause = min(pause+pause/10, 10*time.Second) // Looking is work, too.
		}
		f = now
	}
	return f
}

// judge fails the test for everything but exactly once, or counted as lost by a full spool.
func (c *chaos) judge(f finding) {
	c.t.Helper()
	few := func(list []string) []string { return list[:min(len(list), 5)] }
	c.t.Logf("sent %d, in the table %d, lost %v; %d sessions that a kill interrupted are not there", c.book.size(), len(f.rows), f.lost, len(f.open))
	if n := f.unexplained(); n > 0 {
		c.t.Errorf("%d sessions are missing that were recorded, such as %q", n, few(f.missing))
	}
	for what, list := range map[string][]string{"twice": f.twice, "sent by nobody": f.strange} {
		if len(list) > 0 {
			c.t.Errorf("%d payloads are there %s, such as %q", len(list), what, few(list))
		}
	}
	for sensor, n := range f.full {
		if missing := count(f.missing, sensor) + count(f.open, sensor); int(n) > missing {
			c.t.Errorf("%s counted %d as lost, %d are not there", sensor, n, missing)
		}
	}
	for why, n := range f.lost {
		if why != "spool/full" {
			c.t.Errorf("%d attempts were lost: %s; only a full spool may", n, why)
		}
	}
}

func count(list []string, sensor string) (n int) {
	for _, text := range list {
		if sensorOf(text) == sensor {
			n++
		}
	}
	return n
}

// report says how often each part ended, and fails the test where one broke.
func (c *chaos) report(t *testing.T) {
	for _, p := range c.parts() {
		said := p.log.String()
		if t.Failed() {
			t.Logf("%s says:\n%s", p.name, tail(said))
		}
		t.Logf("%s: killed %d times, ended by itself %d times", p.name, len(p.killed()), p.own)
		for _, bad := range []string{"panic:", "fatal error:", "DATA RACE"} {
			if at := strings.Index(said, bad); at >= 0 {
				t.Errorf("%s broke: %.2000s", p.name, said[at:])
			}
		}
	}
}
