// Command latency runs a hub and a sensor and measures how long a payload takes from the client to the live tail of the
// page and to a row in a view; then it lets them rest and prints the memory that they hold. bench/latency.sh runs it.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	commitEvery = 2 * time.Second
	payloads    = 20
	restFor     = 90 * time.Second
	pollEvery   = 10 * time.Millisecond
	giveUp      = 30 * time.Second
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: latency TERROIR TERROIR-SENSOR")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, "latency:", err)
		os.Exit(1)
	}
}

func run(terroir, sensor string) error {
	dir, err := os.MkdirTemp("", "terroir-bench-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	page, bus, port := address(), address(), address()
	_, listen, _ := net.SplitHostPort(port)
	for name, text := range map[string]string{
		"hub.yaml": fmt.Sprintf("dir: %s\nlisten: %s\nbus: {listen: %s}\ncommit: {interval: %s}\n", filepath.Join(dir, "hub"), page, bus, commitEvery),
		"sensor.yaml": fmt.Sprintf("sensor: bench\ndir: %s\nhub: nats://%s\ntheme: none\nlisten: {addresses: [127.0.0.1], ports: [{port: %s, transport: tcp}]}\ntap: {enabled: false}\nconfine: {enabled: false}\n",
			filepath.Join(dir, "sensor"), bus, listen),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return err
		}
	}
	hub, err := start(dir, terroir, "hub", "run", "-c", filepath.Join(dir, "hub.yaml"))
	if err != nil {
		return err
	}
	defer end(hub)
	s, err := start(dir, sensor, "-c", filepath.Join(dir, "sensor.yaml"))
	if err != nil {
		return err
	}
	defer end(s)
	if err := wait(func() (bool, error) { return reachable(port) && reachable(page), nil }); err != nil {
		return err
	}
	var live, row []time.Duration
	for i := range payloads {
		time.Sleep(time.Duration(rand.IntN(2000)) * time.Millisecond)
		l, r, err := follow(port, page, i)
		if err != nil {
			return err
		}
		live, row = append(live, l), append(row, r)
	}
	slices.Sort(live)
	slices.Sort(row)
	fmt.Printf("%d payloads, a commit every %s at most; from the client's last byte, ms\n", payloads, commitEvery)
	fmt.Printf("%-24s %10s %10s\n", "", "median", "longest")
	fmt.Printf("%-24s %10d %10d\n", "in the live tail", live[len(live)/2].Milliseconds(), live[len(live)-1].Milliseconds())
	fmt.Printf("%-24s %10d %10d\n", "a row in a view", row[len(row)/2].Milliseconds(), row[len(row)-1].Milliseconds())
	time.Sleep(restFor)
	fmt.Printf("after %s of rest: hub %.1f MiB resident, sensor %.1f MiB\n", restFor, resident(hub), resident(s))
	return nil
}

// follow sends a payload that is like no other, and looks for it.
func follow(port, page string, i int) (live, row time.Duration, err error) {
	word := fmt.Sprintf("bench-%d-%x", i, rand.Uint64())
	c, err := net.Dial("tcp", port)
	if err != nil {
		return 0, 0, err
	}
	defer c.Close()
	if _, err := io.WriteString(c, word+"\r\n"); err != nil {
		return 0, 0, err
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		return 0, 0, err
	}
	begun := time.Now()
	err = wait(func() (bool, error) {
		if live == 0 {
			text, err := get("http://" + page + "/live")
			if err != nil {
				return false, err
			}
			if strings.Contains(text, word) {
				live = time.Since(begun)
			}
		}
		n, err := committed(page)
		if err != nil {
			return false, err
		}
		if n > i {
			row = time.Since(begun)
		}
		return row > 0 && live > 0, nil
	})
	return live, row, err
}

// committed is the number of payload events by the view kinds.
func committed(page string) (int, error) {
	text, err := get("http://" + page + "/api/v1/views/kinds.json")
	if err != nil {
		return 0, err
	}
	var r struct{ Rows [][]any }
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		return 0, err
	}
	for _, row := range r.Rows {
		if row[0] == "payload" {
			return int(row[2].(float64)), nil
		}
	}
	return 0, nil
}

func get(url string) (string, error) {
	r, err := http.Get(url)
	if err != nil {
		return "", err
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	if err == nil && r.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", url, r.Status)
	}
	return string(b), err
}

func wait(done func() (bool, error)) error {
	for end := time.Now().Add(giveUp); time.Now().Before(end); time.Sleep(pollEvery) {
		if ok, err := done(); ok || err != nil {
			return err
		}
	}
	return errors.New("it took too long")
}

func reachable(address string) bool {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return false
	}
	_ = c.(*net.TCPConn).SetLinger(0)
	_ = c.Close()
	return true
}

// address is one of loopback with a port that is free at the moment.
func address() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "127.0.0.1:0"
	}
	defer l.Close()
	return l.Addr().String()
}

func start(dir, name string, args ...string) (*exec.Cmd, error) {
	log, err := os.Create(filepath.Join(dir, filepath.Base(name)+".log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	c := exec.Command(name, args...)
	c.Stdout, c.Stderr, c.SysProcAttr = log, log, &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return c, c.Start()
}

func end(c *exec.Cmd) {
	_ = c.Process.Signal(syscall.SIGTERM)
	_ = c.Wait()
}

// resident is the memory that the process holds, in MiB.
func resident(c *exec.Cmd) float64 {
	text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.Process.Pid))
	_, rest, _ := strings.Cut(string(text), "VmRSS:")
	kib, _ := strconv.ParseFloat(strings.Fields(rest + " 0")[0], 64)
	return kib / 1024
}
