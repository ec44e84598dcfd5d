package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"terroir"
	"terroir/payload"
	"terroir/simulate"
)

// sent is a payload and to whom it was sent.
type sent struct {
	bytes     []byte
	transport terroir.Transport
	self      payload.Self
}

// set collects distinct payloads.
type set struct {
	list []sent
	seen map[terroir.PayloadID]bool
}

func (s *set) add(x sent) {
	if s.seen == nil {
		s.seen = map[terroir.PayloadID]bool{}
	}
	if id := terroir.NewPayloadID(x.bytes); !s.seen[id] {
		s.seen[id] = true
		s.list = append(s.list, x)
	}
}

func simulated(string) ([]sent, error) {
	w, err := simulate.New(simulate.Options{})
	if err != nil {
		return nil, err
	}
	var s set
	err = w.Events(context.Background(), func(r terroir.Record, _ simulate.Label) error {
		if r.Event.Kind == terroir.KindPayload {
			s.add(sent{r.Payload, r.Event.Transport, payload.Self{Addrs: []netip.Addr{r.Event.Destination.Addr()}}})
		}
		return nil
	})
	return s.list, err
}

// lines calls use with each line of a file, which may be compressed.
func lines(file string, use func([]byte) error) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	in := bufio.NewScanner(bytes.NewReader(b))
	if filepath.Ext(file) == ".gz" {
		z, err := gzip.NewReader(bytes.NewReader(b))
		if err != nil {
			return err
		}
		in = bufio.NewScanner(z)
	}
	for in.Buffer(nil, 1<<24); in.Scan(); {
		if err := use(in.Bytes()); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return in.Err()
}

// seed are the payloads that the study shows.
func seed(folder string) ([]sent, error) {
	var s set
	err := lines(filepath.Join(folder, "seed", "payloads.jsonl"), func(line []byte) error {
		var x struct{ Rendered string }
		if err := json.Unmarshal(line, &x); err != nil {
			return err
		}
		text, err := strconv.Unquote(`"` + strings.ReplaceAll(x.Rendered, `"`, `\"`) + `"`)
		if err != nil {
			text = x.Rendered
		}
		s.add(sent{[]byte(text), terroir.TCP, payload.Self{}})
		return nil
	})
	return s.list, err
}

// docker are the requests to a Docker honeypot, as they were on the wire.
func docker(folder string) ([]sent, error) {
	var s set
	self := payload.Self{Addrs: []netip.Addr{netip.MustParseAddr("142.93.53.4")}}
	err := lines(filepath.Join(folder, "docker", "docker_2021_2022.jsonl.gz"), func(line []byte) error {
		var r struct {
			Method, URL string
			Headers     [][2]string
			Body        []byte `json:"data_b64"`
		}
		if err := json.Unmarshal(line, &r); err != nil {
			return err
		}
		u, err := url.Parse(r.URL)
		if err != nil {
			return err
		}
		var b bytes.Buffer
		fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", r.Method, u.RequestURI())
		for _, h := range r.Headers {
			fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
		}
		b.WriteString("\r\n")
		b.Write(r.Body)
		s.add(sent{b.Bytes(), terroir.TCP, self})
		return nil
	})
	return s.list, err
}

// react2shell are bodies of real exploits.
func react2shell(folder string) ([]sent, error) {
	var s set
	err := lines(filepath.Join(folder, "react2shell", "payloads.jsonl"), func(line []byte) error {
		var x struct{ B []byte }
		if err := json.Unmarshal(line, &x); err != nil {
			return err
		}
		s.add(sent{x.B, terroir.TCP, payload.Self{}})
		return nil
	})
	return s.list, err
}
