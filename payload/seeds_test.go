package payload

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"terroir"
	"terroir/ingest"
	"terroir/ingest/pcapfile"
	"terroir/payload/render"
)

var data = filepath.Join("..", "..", "shared", "data")

// seeds are what real clients sent, at most maxSeed bytes of each and maxSeeds of each source; fewer where the data is not
// at hand.
type seeds [][]byte

const (
	maxSeeds = 40
	maxSeed  = 4 << 10
)

// realSeeds reads them, from all of shared/data that holds payloads.
func realSeeds(f *testing.F) (list seeds) {
	f.Helper()
	sources := []func(*seeds) error{(*seeds).captures, (*seeds).probes, (*seeds).study, (*seeds).docker, (*seeds).react}
	for _, read := range sources {
		var some seeds
		if err := read(&some); err != nil && !os.IsNotExist(err) {
			f.Fatal(err)
		}
		step := max(len(some)/maxSeeds, 1)
		for i := 0; i < len(some) && i/step < maxSeeds; i += step {
			list = append(list, some[i])
		}
	}
	return list
}

func (s *seeds) add(b []byte) { *s = append(*s, bytes.Clone(b[:min(len(b), maxSeed)])) }

// Put implements ingest.Sink.
func (s *seeds) Put(_ context.Context, r terroir.Record) error {
	if len(r.Payload) > 0 {
		s.add(r.Payload)
	}
	return nil
}

func (s *seeds) captures() error {
	files, _ := filepath.Glob(filepath.Join(data, "pcap", "*", "*.pcap*"))
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if len(b) < 8<<10 { // The large ones have more of the same.
			if _, err := pcapfile.Read(context.Background(), ingest.Source{Reader: bytes.NewReader(b)}, pcapfile.Options{}, s); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *seeds) probes() error {
	files, _ := filepath.Glob(filepath.Join(data, "zmap-udp-probes", "*.pkt"))
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		s.add(b)
	}
	return nil
}

func (s *seeds) study() error {
	return eachLine(filepath.Join(data, "seed", "payloads.jsonl"), func(line []byte) error {
		var p struct{ Rendered string }
		err := json.Unmarshal(line, &p)
		s.add(render.Parse([]byte(p.Rendered)))
		return err
	})
}

// docker takes the first requests; their heads are put together as the data's description says.
func (s *seeds) docker() error {
	return eachLine(filepath.Join(data, "docker", "docker_2021_2022.jsonl.gz"), func(line []byte) error {
		var r struct {
			Method, URL string
			Headers     [][2]string
			Data        []byte `json:"data_b64"`
		}
		err := json.Unmarshal(line, &r)
		b := fmt.Appendf(nil, "%s %s HTTP/1.1\r\n", r.Method, r.URL)
		for _, h := range r.Headers {
			b = fmt.Appendf(b, "%s: %s\r\n", h[0], h[1])
		}
		s.add(append(append(b, "\r\n"...), r.Data...))
		return err
	})
}

func (s *seeds) react() error {
	return eachLine(filepath.Join(data, "react2shell", "payloads.jsonl"), func(line []byte) error {
		var r struct{ B []byte }
		err := json.Unmarshal(line, &r)
		s.add(r.B)
		return err
	})
}

// eachLine calls use for the first lines of a file, which may be compressed.
func eachLine(file string, use func([]byte) error) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(file, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			return err
		}
	}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for n := 0; n < 10*maxSeeds && lines.Scan(); n++ {
		if err := use(lines.Bytes()); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return lines.Err()
}
