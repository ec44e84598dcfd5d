package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"terroir"
	"terroir/sensor/spool"
	"terroir/wire"
)

const (
	clients      = 64
	payloadBytes = 200
	sessionsEach = 2 * time.Second
	rounds       = 9
	busAt        = server + ":4222"
)

// contender is a server that takes sessions.
type contender struct {
	name string
	// command starts it in a folder; recorded says how often each numbered payload was recorded there.
	command  func(dir string) ([]string, error)
	recorded func(dir string) (map[uint64]int, error)
	end      os.Signal
}

// result is one run of a contender.
type result struct {
	perSecond, cpu float64
	sent           int
	lost, doubled  int
}

// sessions compares the sensor with the accept loop, in turn, and prints a table of medians.
func sessions(args []string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	sensor := func(more string) func(string) ([]string, error) {
		return func(dir string) ([]string, error) {
			return []string{args[0], "-c", filepath.Join(dir, "sensor.yaml")}, os.WriteFile(filepath.Join(dir, "sensor.yaml"),
				[]byte(fmt.Sprintf("sensor: bench\ndir: %s\n%s", filepath.Join(dir, "data"), more)), 0o644)
		}
	}
	const port = "theme: none\nlisten: {ports: [{port: 6379, service: %s, transport: tcp}]}\n"
	away, there := "hub: nats://127.0.0.1:1\n", "hub: nats://"+busAt+"\n"
	list := []contender{
		{"accept loop", func(dir string) ([]string, error) {
			return []string{self, "loop", server + ":6379", filepath.Join(dir, "lines")}, nil
		}, readLines, os.Kill},
		{"sensor, silent", sensor(away + fmt.Sprintf(port, "none")), readSpool, syscall.SIGTERM},
		{"sensor, answers as redis", sensor(away + fmt.Sprintf(port, "redis")), readSpool, syscall.SIGTERM},
		{"sensor, silent, sends to a bus", sensor(there + fmt.Sprintf(port, "none")), readSpool, syscall.SIGTERM},
	}
	results := make([][]result, len(list))
	for round := range rounds {
		for i := range list {
			if round%2 == 1 { // There and back, so that no contender always has the same neighbour.
				i = len(list) - 1 - i
			}
			r, err := list[i].run(self)
			if err != nil {
				return fmt.Errorf("%s: %w", list[i].name, err)
			}
			results[i] = append(results[i], r)
		}
	}
	print(list, results)
	return nil
}

// print shows medians over the rounds. A ratio is that of two runs of one round, which share what the machine did meanwhile.
func print(list []contender, results [][]result) {
	rate, cpu := func(r result) float64 { return r.perSecond }, func(r result) float64 { return r.cpu }
	fmt.Printf("%d clients, %d bytes a session, %d rounds of %s, each in turn; medians, and in brackets the least and the most\n",
		clients, payloadBytes, rounds, sessionsEach)
	fmt.Printf("%-32s %10s %18s %11s %18s %9s %5s %8s\n", "", "sessions/s", "ratio", "CPU µs each", "ratio", "sessions", "lost", "doubled")
	for i, c := range list {
		var sum result
		for _, r := range results[i] {
			sum.sent, sum.lost, sum.doubled = sum.sent+r.sent, sum.lost+r.lost, sum.doubled+r.doubled
		}
		fmt.Printf("%-32s %10.0f %18s %11.1f %18s %9d %5d %8d\n", c.name, median(each(results[i], rate)), ratios(results, i, rate),
			median(each(results[i], cpu))*1e6, ratios(results, i, cpu), sum.sent, sum.lost, sum.doubled)
	}
}

func each(results []result, of func(result) float64) (all []float64) {
	for _, r := range results {
		all = append(all, of(r))
	}
	return all
}

func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}

// ratios compares a contender's rounds with the first contender's.
func ratios(results [][]result, i int, of func(result) float64) string {
	all := each(results[i], of)
	for k, first := range results[0] {
		all[k] /= of(first)
	}
	middle := median(all)
	return fmt.Sprintf("%.2f (%.2f to %.2f)", middle, all[0], all[len(all)-1])
}

// run starts the contender, sends it sessions, ends it and compares what it recorded with what was sent.
func (c *contender) run(self string) (r result, err error) {
	dir, err := os.MkdirTemp("", "terroir-bench-*")
	if err != nil {
		return r, err
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o755); err != nil { // The sensor's user is to reach its folder.
		return r, err
	}
	busDir := filepath.Join(dir, "bus")
	if err := os.Mkdir(busDir, 0o700); err != nil {
		return r, err
	}
	bus, err := start(busDir, busAt, self, "bus", busAt, busDir)
	if err != nil {
		return r, err
	}
	defer bus.stop(os.Kill)
	command, err := c.command(dir)
	if err != nil {
		return r, err
	}
	p, err := start(dir, server+":6379", command...)
	if err != nil {
		return r, err
	}
	time.Sleep(500 * time.Millisecond)
	before, begun := p.cpu(), time.Now()
	sent, err := send(begun.Add(sessionsEach))
	took := time.Since(begun)
	time.Sleep(200 * time.Millisecond) // What is recorded after the client has gone belongs to the bill.
	spent := p.cpu() - before
	if err := errors.Join(err, p.stop(c.end)); err != nil {
		return r, err
	}
	r = result{perSecond: float64(sent) / took.Seconds(), cpu: spent.Seconds() / float64(sent), sent: sent}
	counts, err := c.recorded(dir)
	for n := range uint64(sent) {
		switch counts[n+1] {
		case 0:
			r.lost++
		case 1:
		default:
			r.doubled++
		}
	}
	return r, err
}

// send runs the clients until the time is over, and returns how many sessions there were, numbered from 1.
func send(until time.Time) (int, error) {
	var number atomic.Uint64
	var wg sync.WaitGroup
	errs := make(chan error, clients)
	for i := range clients {
		wg.Go(func() {
			payload := make([]byte, payloadBytes)
			for j := range payload {
				payload[j] = 'a'
			}
			from := &net.TCPAddr{IP: net.IPv4(198, 18, byte(i), 1)}
			for time.Now().Before(until) {
				copy(payload, fmt.Sprintf("session %020d\r\n", number.Add(1)))
				if err := session(from, payload); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	select {
	case err := <-errs:
		return int(number.Load()), err
	default:
		return int(number.Load()), nil
	}
}

// session sends the payload, ends, and waits until the server has ended, too.
func session(from *net.TCPAddr, payload []byte) error {
	c, err := net.DialTCP("tcp", from, &net.TCPAddr{IP: net.ParseIP(server), Port: 6379})
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.Write(payload); err != nil {
		return err
	}
	if err := c.CloseWrite(); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, c)
	return err
}

// number is that of a payload; 0 for another one.
func number(payload []byte) (n uint64) {
	_, _ = fmt.Sscanf(string(payload), "session %d", &n)
	return n
}

func readLines(dir string) (map[uint64]int, error) {
	f, err := os.Open(filepath.Join(dir, "lines"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	counts := map[uint64]int{}
	for in := json.NewDecoder(bufio.NewReader(f)); in.More(); {
		var l line
		if err := in.Decode(&l); err != nil {
			return nil, err
		}
		counts[number(l.Payload)]++
	}
	return counts, nil
}

// readSpool counts what the sensor has on disk.
func readSpool(dir string) (map[uint64]int, error) {
	counts := map[uint64]int{}
	err := eachRecord(filepath.Join(dir, "data", "spool"), func(r *terroir.Record) {
		if r.Event != nil {
			counts[number(r.Payload)]++
		}
	})
	return counts, err
}

// eachRecord reads a spool that was closed.
func eachRecord(dir string, use func(*terroir.Record)) error {
	s, err := spool.Open(dir, spool.Options{MaxBytes: 4 << 30})
	if err != nil {
		return err
	}
	defer s.Close()
	r := s.Reader(1)
	defer r.Close()
	for left := s.Pending(); left > 0; {
		entries, err := r.Next(ctx(), 4096, 1<<20)
		if err != nil {
			return err
		}
		for _, e := range entries {
			var record terroir.Record
			if err := wire.DecodeRecord(e.Data, &record); err != nil {
				return err
			}
			use(&record)
		}
		left -= uint64(len(entries))
	}
	return nil
}
