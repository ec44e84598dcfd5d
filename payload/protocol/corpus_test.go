package protocol

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

var data = filepath.Join("..", "..", "..", "shared", "data")

// sample is what one client sent first, with what is known of it from elsewhere.
type sample struct {
	truth, file string
	transport   terroir.Transport
	b           []byte
}

// corpus is one source of samples.
type corpus struct {
	name, about string
	read        func() ([]sample, error)
}

var corpora = []corpus{
	{"captures", "Zeek's captures: each TCP connection's first bytes of the client, each UDP flow's first datagram. The truth is the folder", captures},
	{"udp-probes", "ZMap's UDP probes. The truth is the file's name", probes},
	{"week", "The independent labelled week. The truth is its field `protocol`", week},
	{"study", "The study's payloads of June 2022, without their blanks. The truth is ours", study},
	{"docker", "30,952 requests to a Docker API honeypot, 2021 and 2022. The truth is that all came to one", docker},
}

// samples reads a corpus once.
func (c corpus) samples(t testing.TB) []sample {
	t.Helper()
	if s, ok := read[c.name]; ok {
		return s
	}
	s, err := c.read()
	if err != nil {
		t.Fatal(err)
	}
	if len(s) == 0 {
		t.Fatalf("%s: no samples", c.name)
	}
	read[c.name] = s
	return s
}

var read = map[string][]sample{}

type captureSink struct {
	list        []sample
	truth, file string
}

// Put implements ingest.Sink.
func (s *captureSink) Put(_ context.Context, r terroir.Record) error {
	if len(r.Payload) > 0 {
		s.list = append(s.list, sample{s.truth, s.file, r.Event.Transport, bytes.Clone(r.Payload)})
	}
	return nil
}

func captures() (list []sample, err error) {
	files, _ := filepath.Glob(filepath.Join(data, "pcap", "*", "*.pcap*"))
	for _, file := range files {
		some, err := clients(file, filepath.Base(filepath.Dir(file)))
		if err != nil {
			return nil, err
		}
		list = append(list, some...)
	}
	return list, nil
}

// clients are what the clients of one capture sent first.
func clients(file, truth string) ([]sample, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	sink := &captureSink{truth: truth, file: filepath.Base(file)}
	_, err = pcapfile.Read(context.Background(), ingest.Source{Name: file, Reader: f, Sensor: "s", Region: "r"}, pcapfile.Options{}, sink)
	return sink.list, err
}

func probes() (list []sample, err error) {
	files, _ := filepath.Glob(filepath.Join(data, "zmap-udp-probes", "*.pkt"))
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		name := strings.TrimSuffix(filepath.Base(file), ".pkt")
		service, _, _ := strings.Cut(name, "_")
		list = append(list, sample{service, name, terroir.UDP, b})
	}
	return list, nil
}

func week() (list []sample, err error) {
	truth := map[string]string{}
	err = eachLine(filepath.Join(data, "synth", "truth.jsonl.gz"), func(line []byte) error {
		var r struct {
			ID       string `json:"event_id"`
			Protocol string
		}
		err := json.Unmarshal(line, &r)
		truth[r.ID] = r.Protocol
		return err
	})
	if err != nil {
		return nil, err
	}
	err = eachLine(filepath.Join(data, "synth", "events.jsonl.gz"), func(line []byte) error {
		var r struct {
			ID      string `json:"event_id"`
			Proto   string
			Payload []byte `json:"payload_b64"`
		}
		err := json.Unmarshal(line, &r)
		if err == nil && len(r.Payload) > 0 {
			transport := terroir.TCP
			if r.Proto == "udp" {
				transport = terroir.UDP
			}
			list = append(list, sample{truth[r.ID], "events.jsonl.gz", transport, r.Payload})
		}
		return err
	})
	return list, err
}

// studyNames are what the study's payloads are, in their order. The sixth is a header of a protocol that nobody knows.
var studyNames = []string{"redis", "amqp", "rtsp", "rsync", "http", "", "http", "http-proxy", "http-proxy", "tn3270", "http", "http", "http", "http"}

func study() (list []sample, err error) {
	err = eachLine(filepath.Join(data, "seed", "payloads.jsonl"), func(line []byte) error {
		var p struct {
			Port     int
			Rendered string
		}
		err := json.Unmarshal(line, &p)
		if len(list) == len(studyNames) {
			return fmt.Errorf("more than %d payloads", len(list))
		}
		list = append(list, sample{studyNames[len(list)], fmt.Sprintf("%d on port %d", len(list)+1, p.Port), terroir.TCP, render.Parse([]byte(p.Rendered))})
		return err
	})
	return list, err
}

// docker puts the requests together again as the data's description says.
func docker() (list []sample, err error) {
	err = eachLine(filepath.Join(data, "docker", "docker_2021_2022.jsonl.gz"), func(line []byte) error {
		var r struct {
			Method, URL string
			Headers     [][2]string
			Data        []byte `json:"data_b64"`
		}
		err := json.Unmarshal(line, &r)
		_, target, _ := strings.Cut(r.URL, "://")
		_, path, _ := strings.Cut(target, "/")
		b := fmt.Appendf(nil, "%s /%s HTTP/1.1\r\n", r.Method, path)
		for _, h := range r.Headers {
			b = fmt.Appendf(b, "%s: %s\r\n", h[0], h[1])
		}
		list = append(list, sample{"docker", "docker_2021_2022.jsonl.gz", terroir.TCP, append(append(b, "\r\n"...), r.Data...)})
		return err
	})
	return list, err
}

// eachLine calls use for the lines of a file, which may be compressed.
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
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		if err := use(lines.Bytes()); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return lines.Err()
}
