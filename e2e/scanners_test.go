package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"terroir"
	"terroir/sensor"
	"terroir/sensor/spool"
	"terroir/wire"
)

// The two ends of a network that a test made for itself: names, hardware and IP addresses (RFC 5737, RFC 3849).
const (
	scannerLink, sensorLink = "scanner", "sensor"
	scannerMAC, sensorMAC   = "02:00:00:00:00:01", "02:00:00:00:00:02"
	scanner4, sensor4       = "192.0.2.1", "192.0.2.2"
	scanner6, sensor6       = "2001:db8::1", "2001:db8::2"
)

// network is two namespaces with a cable between them.
type network struct {
	t                *testing.T
	scanner, watched string
}

func newNetwork(t *testing.T) *network {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs the superuser, to make network namespaces")
	}
	needs(t, "ip")
	n := &network{t: t, scanner: fmt.Sprintf("terroir-c-%d", os.Getpid()), watched: fmt.Sprintf("terroir-s-%d", os.Getpid())}
	for _, name := range []string{n.scanner, n.watched} {
		if out, err := exec.Command("ip", "netns", "add", name).CombinedOutput(); err != nil {
			t.Skipf("this machine lets nobody make a network namespace: %s", out)
		}
		t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", name).Run() })
	}
	for _, line := range []string{
		"link add " + scannerLink + " netns " + n.scanner + " address " + scannerMAC + " type veth peer name " + sensorLink + " netns " + n.watched + " address " + sensorMAC,
		"-n " + n.scanner + " addr add " + scanner4 + "/24 dev " + scannerLink, "-n " + n.watched + " addr add " + sensor4 + "/24 dev " + sensorLink,
		"-n " + n.scanner + " addr add " + scanner6 + "/64 dev " + scannerLink + " nodad", "-n " + n.watched + " addr add " + sensor6 + "/64 dev " + sensorLink + " nodad",
		"-n " + n.scanner + " link set " + scannerLink + " up", "-n " + n.watched + " link set " + sensorLink + " up", "-n " + n.watched + " link set lo up", "-n " + n.scanner + " link set lo up",
	} {
		if out, err := exec.Command("ip", strings.Fields(line)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %s", line, out)
		}
	}
	return n
}

// needs skips the test without the program, or fails it where all of them have to be there.
func needs(t *testing.T, program string) {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		if os.Getenv("TERROIR_TEST_TOOLS") == "all" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

// scan runs a program beside the scanner's end of the cable.
func (n *network) scan(command string) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "ip", append([]string{"netns", "exec", n.scanner}, strings.Fields(command)...)...)
	cmd.Dir = n.t.TempDir() // masscan leaves a file
	out, err := cmd.CombinedOutput()
	if strings.HasPrefix(command, "hping3") && cmd.ProcessState.ExitCode() == 1 {
		err = nil // Nobody answered.
	}
	if err != nil {
		n.t.Fatalf("%s: %v: %s", command, err, out)
	}
}

// watch starts a sensor at the other end; the function that it returns ends it and gives its records.
func (n *network) watch(text string) (end func() []terroir.Record) {
	n.t.Helper()
	dir := n.t.TempDir()
	file := filepath.Join(dir, "sensor.yaml")
	text = fmt.Sprintf("sensor: watched\nregion: eu-west-3\ndir: %q\nhub: nats://127.0.0.1:1\ndrain: 1ms\n%s", dir, text)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		n.t.Fatal(err)
	}
	cmd := exec.Command("ip", "netns", "exec", n.watched, os.Args[0])
	cmd.Env = append(os.Environ(), "TERROIR_E2E_SENSOR="+file)
	said := &log{}
	cmd.Stderr = said
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(dir, sensor.BoundFile)); err == nil {
			break
		}
		if time.Now().After(deadline) {
			n.t.Fatalf("the sensor does not listen: %s", said)
		}
	}
	return func() []terroir.Record {
		n.t.Helper()
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil {
			n.t.Fatalf("the sensor ended with %v: %s", err, said)
		}
		return spooled(n.t, filepath.Join(dir, "spool"))
	}
}

// spooled reads all records of a spool.
func spooled(t *testing.T, dir string) (records []terroir.Record) {
	t.Helper()
	s, err := spool.Open(dir, spool.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r := s.Reader(1)
	defer r.Close()
	for left := s.Pending(); left > 0; {
		entries, err := r.Next(context.Background(), 1000, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			var record terroir.Record
			if err := wire.DecodeRecord(e.Data, &record); err != nil {
				t.Fatal(err)
			}
			records = append(records, record)
		}
		left -= uint64(len(entries))
	}
	return records
}

// TestEveryProbeOfAScannerIsFound runs the scanners of the field against a sensor, and finds each of their probes as what
// the tables of tap and listen predict; and nothing else.
func TestEveryProbeOfAScannerIsFound(t *testing.T) {
	for _, program := range []string{"nmap", "masscan", "zmap", "hping3"} {
		needs(t, program)
	}
	n := newNetwork(t)
	end := n.watch("limits: {idle_before: 2s, idle_after: 500ms}\ntap: {interval: 200ms, icmp: true, never: [22, 7022]}\n")
	const zmap = "zmap -q -T 1 -i " + scannerLink + " -G " + sensorMAC + " -b /dev/null -r 10 -c 1 -o /dev/null "
	const masscan = "masscan --rate 20 --wait 1 --interface " + scannerLink + " --source-ip " + scanner4 + " --router-mac " + sensorMAC + " "
	cases := []struct {
		scan string
		// want are the events: transport, port, kind, close, tool, and attempts in all.
		want []string
	}{
		{"nmap -n -Pn -sS --max-retries 0 -p 6379,8001,8002,22,7022 " + sensor4, []string{
			"tcp 6379 error client_rst nmap 1", "tcp 8001 unserved  nmap 1", "tcp 8002 unserved  nmap 1"}},
		{"nmap -n -Pn -sT --max-retries 0 -p 2375,8003 " + sensor4, []string{"tcp 2375 error client_rst  1", "tcp 8003 unserved   1"}},
		{"nmap -n -Pn -sU --max-retries 0 -p 11211,8004 " + sensor4, []string{"udp 11211 payload idle_limit  1", "udp 8004 unserved   1"}},
		{"nmap -n -Pn -sF --max-retries 0 -p 8005,6379 " + sensor4, nil}, // no SYN, no attempt
		{"nmap -n -Pn -sA --max-retries 0 -p 8006,6379 " + sensor4, nil},
		{"nmap -6 -n -Pn -sS --max-retries 2 -p 2379,8007 " + sensor6, []string{"tcp 2379 error client_rst nmap 1", "tcp 8007 unserved  nmap 1"}},
		{masscan + "-p 2380,8011,8012 " + sensor4, []string{
			"tcp 2380 error client_rst masscan 1", "tcp 8011 unserved  masscan 1", "tcp 8012 unserved  masscan 1"}},
		{masscan + "-p U:8013 " + sensor4, []string{"udp 8013 unserved   1"}},
		{zmap + "-p 8021 " + sensor4, []string{"tcp 8021 unserved  zmap 1"}},
		{zmap + "-p 5984 " + sensor4, []string{"tcp 5984 error client_rst zmap 1"}},
		{zmap + "-M udp --probe-args=text:hello -p 8022 " + sensor4, []string{"udp 8022 unserved  zmap 1"}},
		{zmap + "-M udp --probe-args=text:hello -p 5984 " + sensor4, []string{"udp 5984 payload idle_limit  1"}},
		{"hping3 -q -S -c 3 -i u20000 -p 8031 " + sensor4, []string{"tcp 8031 unserved   3"}},
		{"hping3 -q -S -c 3 -i u20000 -p 8888 " + sensor4, []string{"tcp 8888 error client_rst  3"}},
		{"hping3 -q -2 -c 2 -i u20000 -p 8032 " + sensor4, []string{"udp 8032 unserved   2"}},
		{"hping3 -q -1 -c 2 -i u20000 " + sensor4, []string{"icmp 8 unserved   2"}},
		{"hping3 -q -S -A -c 2 -i u20000 -p 8033 " + sensor4, nil}, // what others' victims send back
		{"hping3 -q -R -c 2 -i u20000 -p 8034 " + sensor4, nil},
	}
	want := map[string]int64{}
	for _, c := range cases {
		n.scan(c.scan)
		for _, line := range c.want {
			var count int64
			i := strings.LastIndexByte(line, ' ')
			_, _ = fmt.Sscan(line[i:], &count)
			want[line[:i]] += count
		}
	}
	time.Sleep(3 * time.Second) // UDP flows end by a pause.
	got := map[string]int64{}
	for _, r := range end() {
		switch {
		case r.Event != nil:
			e := r.Event
			if e.Source.Addr().String() != scanner4 && e.Source.Addr().String() != scanner6 {
				t.Errorf("from %s: %+v", e.Source, e)
			}
			got[fmt.Sprintf("%s %d %s %s %s", e.Transport, e.Destination.Port(), e.Kind, e.Close, e.Tool)] += e.Attempts
			if e.Transport == terroir.TCP && e.TCPSignature == "" {
				t.Errorf("no signature: %+v", e)
			}
		case r.Loss != nil && r.Loss.Reason != "kernel":
			t.Errorf("lost: %+v", r.Loss)
		}
	}
	compare(t, got, want)
}

// compare tells every difference of two counts.
func compare(t *testing.T, got, want map[string]int64) {
	t.Helper()
	var keys []string
	for k := range got {
		keys = append(keys, k)
	}
	for k := range want {
		if _, both := got[k]; !both {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		if got[k] != want[k] {
			t.Errorf("%s: %d, want %d", k, got[k], want[k])
		}
	}
}
