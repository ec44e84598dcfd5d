package log4j

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// vector is a message and what is to be found in it.
type vector struct {
	Name, Text string
	// Decoded is the text after transport decoding, where it had any.
	Decoded string
	// Want is attempt, malformed, none, or any where only the golden file says more.
	Want string
	// Of the first lookup.
	Family, Scheme, Host, Path string
	Port                       int
	Exfil                      []string
	// Lookups is how many there are, 0 for one.
	Lookups int
}

// message is what the application logs.
func (v vector) message() string {
	if v.Decoded != "" {
		return v.Decoded
	}
	return v.Text
}

func lines[T any](t testing.TB, file string) (list []T) {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		var v T
		d := json.NewDecoder(bytes.NewReader(s.Bytes()))
		d.DisallowUnknownFields()
		if err := d.Decode(&v); err != nil {
			t.Fatalf("%s: %v", s.Text(), err)
		}
		list = append(list, v)
	}
	return list
}

func vectors(t testing.TB) []vector { return lines[vector](t, "vectors.jsonl") }

const enough = 4 << 20

func find(t testing.TB, text string) []Lookup {
	t.Helper()
	found, complete := Find([]byte(text), &Budget{Left: enough})
	if !complete {
		t.Error("the budget does not suffice")
	}
	return found
}

func TestWhatTheVectorsMean(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			found := find(t, v.Text)
			switch {
			case v.Want == "none" && len(found) > 0:
				t.Fatalf("%+v", found)
			case v.Want == "none", v.Want == "any" && len(found) == 0:
				return
			case len(found) != max(v.Lookups, 1):
				t.Fatalf("%d lookups: %+v", len(found), found)
			}
			got := found[0]
			if v.Want == "malformed" {
				if !got.Malformed || got.Host != "" {
					t.Fatalf("%+v", got)
				}
				return
			}
			if v.Family == "" {
				v.Family = "log4j"
			}
			if got.Family != v.Family || got.Scheme != v.Scheme {
				t.Errorf("%s %s: %+v", got.Family, got.Scheme, got)
			}
			if v.Want == "attempt" && (got.Host != v.Host || got.Port != v.Port || v.Scheme != "script" && got.Path != v.Path ||
				!slices.Equal(got.Exfil, v.Exfil) || got.Malformed) {
				t.Errorf("%+v, want %+v", got, v)
			}
		})
	}
}

// TestALookupStandsWhereItSays: what Offset and Length name is the expression, with everything around it left out.
func TestALookupStandsWhereItSays(t *testing.T) {
	for _, v := range vectors(t) {
		around := "GET / HTTP/1.1\r\nUser-Agent: x\r\nX-Api-Version: "
		alone, within := find(t, v.Text), find(t, around+v.Text+"\r\nAccept: */*\r\n\r\n")
		if len(alone) != len(within) {
			t.Errorf("%s: %d alone, %d within a request", v.Name, len(alone), len(within))
			continue
		}
		for i, l := range alone {
			if got := within[i].Offset - len(around); got != l.Offset {
				t.Errorf("%s: at %d, within a request at %d", v.Name, l.Offset, got)
			}
			if !l.Malformed && v.Want == "attempt" && v.Family == "" && v.Lookups == 0 {
				again := find(t, v.Text[l.Offset:l.Offset+l.Length])
				if len(again) != 1 || again[0].Host != l.Host || again[0].Path != l.Path || again[0].Length != l.Length {
					t.Errorf("%s: %+v, alone %+v", v.Name, l, again)
				}
			}
		}
	}
}
