package main

import (
	"path/filepath"
	"testing"
)

// funnel is what is true of the payloads that came to port 6379.
type funnel struct {
	payloads, raw, masked, families int64
}

// TestTheFunnel: on port 6379 thousands of payloads are some 230 once the sensor's address is masked, some dozens once slots are,
// and fewer families. The first three are exact.
func TestTheFunnel(t *testing.T) {
	t.Run("simulated", func(t *testing.T) {
		dir := t.TempDir()
		if said, code := shell(t, []string{"env"}, "terroir simulate --no-pcaps --out '"+dir+"'"); code != 0 {
			t.Fatalf("exit code %d:\n%s", code, said)
		}
		var truth struct {
			Port struct {
				Payloads, Families int64
				Raw                int64 `json:"distinct_raw"`
				Masked             int64 `json:"distinct_with_the_sensor_masked"`
			} `json:"port_6379"`
		}
		readJSON(t, filepath.Join(dir, "truth.json"), &truth)
		a, _ := imported(t, filepath.Join(dir, "events.jsonl.gz"))
		a.narrows("any", funnel{truth.Port.Payloads, truth.Port.Raw, truth.Port.Masked, truth.Port.Families})
	})
	t.Run("independent", func(t *testing.T) {
		var truth struct {
			Payloads int64 `json:"p6379_payload_events"`
			Raw      int64 `json:"p6379_distinct_raw"`
			Masked   int64 `json:"p6379_distinct_after_hp_substitution"`
			Families int64 `json:"p6379_families"`
		}
		readJSON(t, sharedData(t, "synth", "truth.json"), &truth)
		a, _ := imported(t, sharedData(t, "synth", "events.jsonl.gz"))
		a.narrows("4", funnel{truth.Payloads, truth.Raw, truth.Masked, truth.Families})
	})
}

func (a *answers) narrows(version string, want funnel) {
	rows := 0
	a.view("payload-groups", map[string]string{"ip_version": version}, func(row map[string]any) {
		if row["port"] != int64(6379) || row["transport"] != "tcp" {
			return
		}
		rows++
		a.t.Log(row)
		a.same("payloads, exact, templates", []any{row["payload_events"], row["distinct_payloads"], row["templates"]}, []int64{want.payloads, want.raw, want.masked})
		groups, families := row["substrings"].(int64), row["families"].(int64)
		if groups >= 100 || groups < 10 || families > groups {
			a.t.Errorf("%d groups, %d families", groups, families)
		}
		if families*3 < want.families*2 || families*2 > want.families*3 {
			a.t.Errorf("%d families, truly %d", families, want.families)
		}
	})
	if rows != 1 || want.payloads < 4000 {
		a.t.Errorf("%d rows for the port, %d payloads", rows, want.payloads)
	}
}
