package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestAConfigurationChangesWhileTheSensorRuns opens and closes what differs, and lets sessions on other ports live on.
func TestAConfigurationChangesWhileTheSensorRuns(t *testing.T) {
	f := newField(t)
	const text = "theme: none\nheartbeat: 1h\nlimits: {idle_before: 1m, idle_after: 1m}\ntap: {enabled: false}\n" +
		"listen: {addresses: [127.77.0.5], ports: [{port: 6379, service: redis, transport: tcp}, {port: %s, transport: tcp}]}\n"
	p := f.start("changes", fmt.Sprintf(text, "2375, service: docker"))
	stays := p.dial("tcp/6379")
	defer stays.Close()
	answers(t, stays, "PING\r\n", "+PONG")

	p.configure(fmt.Sprintf(text, "2379, service: etcd-client"))
	p.hangUp("configuration changed")
	p.waitBound()
	if _, open := p.bound["tcp/2375"]; open || p.bound["tcp/2379"].Port() == 0 {
		t.Errorf("bound are %v", p.bound)
	}
	answers(t, stays, "PING\r\n", "+PONG")
	f.wait(2, "SELECT DISTINCT revision FROM served_ports WHERE sensor = 'changes'")
	f.wait(1, "SELECT 1 FROM heartbeats WHERE sensor = 'changes' AND revision = 1") // one for the part of an interval before

	p.configure("theme: nonsense\n")
	p.hangUp("there is no theme")
	p.configure(fmt.Sprintf(text, "2379, service: etcd-client") + "drain: 4s\n")
	p.hangUp("need a restart")
	answers(t, stays, "PING\r\n", "+PONG")
	stays.Close()
	const said = "S 7\n+PONG\r\n\nC 6\nPING\r\n\nS 7\n+PONG\r\n\n"
	f.wait(1, fmt.Sprintf("SELECT 1 FROM events e JOIN payloads p ON p.payload_id = e.transcript_id WHERE dst_port = 6379 AND hex(p.bytes) LIKE '%X%%'", said))
	p.end()

	again := f.start("changes", fmt.Sprintf(text, "2379, service: etcd-client")) // the same configuration has the same revision
	again.end()
	f.wait(1, "SELECT 1 FROM heartbeats WHERE sensor = 'changes' AND revision = 2")
	if rows := f.wait(0, "SELECT 1 FROM served_ports WHERE revision > 2"); len(rows) > 0 {
		t.Error("a restart made a new revision")
	}
}

// hangUp sends SIGHUP and waits until the sensor says the words.
func (p *process) hangUp(words string) {
	p.t.Helper()
	before := len(p.log.String())
	if err := p.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		p.t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); !strings.Contains(p.log.String()[before:], words); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			p.t.Fatalf("the sensor does not say %q: %s", words, p.log)
		}
	}
}

// answers sends a line and compares the beginning of the next.
func answers(t *testing.T, c net.Conn, line, want string) {
	t.Helper()
	say(t, c, line)
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	got, err := bufio.NewReader(c).ReadString('\n')
	if err != nil || !strings.HasPrefix(got, want) {
		t.Fatalf("%q %v, want %s", got, err, want)
	}
}

// TestASensorThatRunsIsConfined looks at the process: another user, no capability but that of low ports, no new
// privileges, a filter of calls; and still what it sees arrives. Without its monitor it reaches nobody.
func TestASensorThatRunsIsConfined(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs the superuser, whom it gives up")
	}
	f := newField(t)
	open(t, f.home)
	p := f.start("confined", "confine: {user: nobody, required: true}\nlisten: {addresses: [127.77.0.6]}\ntap: {interval: 200ms}\n")
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Uid:\t65534\t65534\t65534\t65534\n", "CapEff:\t0000000000000400\n", "CapPrm:\t0000000000000400\n",
		"NoNewPrivs:\t1\n", "Seccomp:\t2\n"} {
		if !strings.Contains(string(status), want) {
			t.Errorf("%q is missing: %s", want, status)
		}
	}
	c := p.dial("tcp/6379")
	answers(t, c, "PING\r\n", "+PONG")
	c.Close()
	f.wait(1, "SELECT 1 FROM events WHERE dst_port = 6379 AND kind = 'payload'")
	if c, err := net.Dial("tcp", "127.77.0.6:47012"); err == nil {
		c.Close()
		t.Error("something listens on 47012")
	}
	f.wait(1, "SELECT 1 FROM events WHERE dst_port = 47012 AND kind = 'unserved'") // the tap was opened before
	monitors := children(t, p.cmd.Process.Pid)
	if len(monitors) != 1 {
		t.Fatalf("children of the sensor: %v", monitors)
	}
	if out, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", monitors[0])); err != nil || !strings.Contains(string(out), "Uid:\t65534") ||
		!strings.Contains(string(out), "CapPrm:\t0000000000000000") || !strings.Contains(string(out), "Seccomp:\t2\n") {
		t.Errorf("the monitor: %s %v", out, err)
	}
	p.end()
	if _, err := os.Stat(fmt.Sprintf("/proc/%d", monitors[0])); err == nil {
		t.Errorf("the monitor %d is left", monitors[0])
	}
}

// TestASensorWithoutItsMonitorEnds: it could not reach the hub again, and whoever started it should know.
func TestASensorWithoutItsMonitorEnds(t *testing.T) {
	f := newField(t)
	p := f.start("alone", "listen: {addresses: [127.77.0.9]}\ntap: {enabled: false}\n")
	monitors := children(t, p.cmd.Process.Pid)
	if len(monitors) != 1 {
		t.Fatalf("children of the sensor: %v", monitors)
	}
	if err := syscall.Kill(monitors[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if err := p.cmd.Wait(); err == nil || !strings.Contains(p.log.String(), "the monitor ended") {
		t.Errorf("%v: %s", err, p.log)
	}
}

// TestAnOrdinaryUsersSensorWorksWithLess says what it lacks, answers, records, and is confined as far as that goes.
func TestAnOrdinaryUsersSensorWorksWithLess(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs the superuser, to start a process as somebody else")
	}
	f := newField(t)
	open(t, f.home)
	f.as = &syscall.Credential{Uid: 65534, Gid: 65534}
	if err := os.Mkdir(filepath.Join(f.home, "ordinary"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(filepath.Join(f.home, "ordinary"), 65534, 65534); err != nil {
		t.Fatal(err)
	}
	p := f.start("ordinary", "heartbeat: 200ms\nconfine: {required: true}\nlisten: {addresses: [127.77.0.8]}\n")
	c := p.dial("tcp/6379")
	answers(t, c, "PING\r\n", "+PONG")
	c.Close()
	f.wait(1, "SELECT 1 FROM events WHERE dst_port = 6379 AND kind = 'payload'")
	f.wait(1, "SELECT 1 FROM heartbeats WHERE NOT tap")
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil || !strings.Contains(string(status), "Seccomp:\t2\n") || !strings.Contains(string(status), "NoNewPrivs:\t1\n") {
		t.Errorf("%s %v", status, err)
	}
	p.end()
	if !strings.Contains(p.log.String(), "CAP_NET_RAW is missing") {
		t.Errorf("it does not say what it lacks: %s", p.log)
	}
}

// TestAnUnservedPortOfInterestIsExplored lets three sources try a port: the sensor opens it for a while, learns what is
// sent there, marks it, and closes the port again.
func TestAnUnservedPortOfInterestIsExplored(t *testing.T) {
	f := newField(t)
	p := f.start("explores", "listen: {addresses: [127.77.0.10]}\nlimits: {idle_after: 500ms}\ntap: {interval: 200ms}\nexplore: {ports: 1, hold: 4s}\n")
	const at = "127.77.0.10:47013"
	try := func(from string) net.Conn {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
		c, err := d.Dial("tcp", at)
		if err != nil {
			return nil
		}
		return c
	}
	for i := range 3 {
		if c := try(fmt.Sprintf("127.0.0.%d", i+1)); c != nil {
			t.Fatal("the port is open")
		}
	}
	f.wait(3, "SELECT 1 FROM events WHERE dst_port = 47013 AND kind = 'unserved' AND NOT explored")
	var c net.Conn
	for end := time.Now().Add(20 * time.Second); c == nil; time.Sleep(50 * time.Millisecond) {
		if c = try("127.0.0.1"); c == nil && time.Now().After(end) {
			t.Fatalf("nobody explores the port: %s", p.log)
		}
	}
	say(t, c, "what is sent here\n")
	c.Close()
	f.wait(1, "SELECT 1 FROM events WHERE dst_port = 47013 AND kind = 'payload' AND explored AND src_bytes = 18")
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if c := try("127.0.0.1"); c == nil {
			break
		} else if c.Close(); time.Now().After(end) {
			t.Fatal("the port stays open")
		}
	}
	p.end()
}

// open lets every user pass to dir.
func open(t *testing.T, dir string) {
	t.Helper()
	for ; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// children are the processes that the process started.
func children(t *testing.T, pid int) (list []int) {
	t.Helper()
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range tasks {
		f, err := os.Open(name)
		if err != nil {
			continue // The thread ended.
		}
		text, err := io.ReadAll(f)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range strings.Fields(string(text)) {
			if n, err := strconv.Atoi(word); err == nil {
				list = append(list, n)
			}
		}
	}
	return list
}
