package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"terroir"
	"terroir/bus/server"
	"terroir/enrich"
	"terroir/hub"
	"terroir/lake"
	"terroir/sensor"
	"terroir/sensor/listen"
	"terroir/sensor/monitor"
)

// TestMain lets the test binary be the sensor's process, too.
func TestMain(m *testing.M) {
	monitor.Main()
	if os.Getenv("TERROIR_E2E_SENSOR") != "" {
		runSensorProcess()
	}
	os.Exit(m.Run())
}

// field is a bus and a hub in this process, and sensors in processes of their own.
type field struct {
	*world
	bus  *server.Server
	stop func()
	home string
	// asHub is how the hub is known to the bus.
	asHub []nats.Option
	// hubs is where sensors look for the hub; "" means the bus.
	hubs string
	// fleetDir is the folder of its fleet, if it has one.
	fleetDir string
	// as is whose processes the sensors are; nil means the test's.
	as *syscall.Credential
}

func newField(t *testing.T) *field {
	t.Helper()
	f := &field{world: openWorld(t, t.TempDir()), home: t.TempDir()}
	var err error
	if f.bus, err = server.Start("127.0.0.1:0", t.TempDir(), nil); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.bus.Shutdown)
	f.startHub()
	t.Cleanup(func() { f.stop() })
	return f
}

// startHub starts a hub; stop, which it sets, ends it.
func (f *field) startHub() {
	f.t.Helper()
	b, err := f.bus.Connect("hub", f.asHub...)
	if err != nil {
		f.t.Fatal(err)
	}
	geo, err := enrich.Open(nil, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	h := hub.New(f.lake, b, hub.Options{Interval: 100 * time.Millisecond, Enricher: geo, Analyzer: analyze})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	f.stop = func() {
		cancel()
		if err := <-done; err != nil {
			f.t.Error(err)
		}
		b.Close()
		f.stop = func() {}
	}
}

// process is a sensor in a process of its own.
type process struct {
	t     *testing.T
	f     *field
	name  string
	cmd   *exec.Cmd
	home  string
	bound map[string]netip.AddrPort
	log   *log
}

// sensor starts a sensor on the address. It serves the theme, on other ports where its own are not free.
func (f *field) sensor(name, address string) *process {
	f.t.Helper()
	return f.sensorThat(name, address, false)
}

// sensorThat is sensor; with answer, the personas answer.
func (f *field) sensorThat(name, address string, answer bool) *process {
	f.t.Helper()
	return f.start(name, fmt.Sprintf("listen: {addresses: [%q], answer: %t}\nlimits: {idle_before: 1s, idle_after: 500ms}\n"+
		"heartbeat: 1s\ntap: {interval: 200ms}\n", address, answer))
}

// start starts a sensor; text is the rest of its configuration.
func (f *field) start(name, text string) *process {
	f.t.Helper()
	p := &process{t: f.t, f: f, name: name, home: filepath.Join(f.home, name), log: &log{}}
	if err := os.MkdirAll(p.home, 0o755); err != nil {
		f.t.Fatal(err)
	}
	p.configure(text)
	_ = os.Remove(filepath.Join(p.home, sensor.BoundFile)) // left by one that was killed
	p.cmd = exec.Command(f.program())
	p.cmd.Env = append(os.Environ(), "TERROIR_E2E_SENSOR="+p.file())
	p.cmd.Stderr = p.log
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Credential: f.as}
	if err := p.cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = p.cmd.Process.Kill(); _ = p.cmd.Wait() })
	p.waitBound()
	return p
}

// program is this test's, or a copy that everybody may start.
func (f *field) program() string {
	if f.as == nil {
		return os.Args[0]
	}
	file := filepath.Join(f.home, "program")
	text, err := os.ReadFile(os.Args[0])
	if err == nil {
		err = os.WriteFile(file, text, 0o755)
	}
	if err != nil {
		f.t.Fatal(err)
	}
	return file
}

func (p *process) file() string { return filepath.Join(p.f.home, p.name+".yaml") }

// configure writes the sensor's configuration file.
func (p *process) configure(text string) {
	p.t.Helper()
	hubs := p.f.hubs
	if hubs == "" {
		hubs = p.f.bus.URL()
	}
	text = fmt.Sprintf("sensor: %s\nregion: eu-west-3\ndir: %q\nhub: %s\n%s", p.name, p.home, hubs, text)
	if err := os.WriteFile(p.file(), []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// log is what a process says, also while it runs.
type log struct {
	mu  sync.Mutex
	all bytes.Buffer
}

// Write implements io.Writer.
func (l *log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(b)
}

// String implements fmt.Stringer.
func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

func (p *process) waitBound() {
	p.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		text, err := os.ReadFile(filepath.Join(p.home, sensor.BoundFile))
		if err == nil {
			var list []listen.Bound
			if err := json.Unmarshal(text, &list); err != nil {
				p.t.Fatal(err)
			}
			p.bound = map[string]netip.AddrPort{}
			for _, b := range list {
				p.bound[b.Port.String()] = b.Addr
			}
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("the sensor does not listen: %s", p.log)
		}
	}
}

// end asks the sensor to end and waits until it has.
func (p *process) end() {
	p.t.Helper()
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	if err := p.cmd.Wait(); err != nil {
		p.t.Errorf("the sensor ended with %v: %s", err, p.log)
	}
}

func (p *process) dial(port string) net.Conn {
	p.t.Helper()
	network, _, _ := strings.Cut(port, "/")
	c, err := net.Dial(network, p.bound[port].String())
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

// wait returns the rows of a statement once there are n of them.
func (f *field) wait(n int, statement string) [][]any {
	f.t.Helper()
	deadline := time.Now().Add(40 * time.Second)
	for {
		r, err := f.engine.Query(context.Background(), statement)
		if err != nil {
			f.t.Fatal(err)
		}
		if len(r.Rows) >= n {
			return r.Rows
		}
		if time.Now().After(deadline) {
			f.t.Fatalf("%d rows, want %d of: %s", len(r.Rows), n, statement)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// TestRowsAreWhatClientsDid drives real sockets against a real sensor process and compares the rows of the lake with
// what was sent, on IPv4 and IPv6.
func TestRowsAreWhatClientsDid(t *testing.T) {
	for address, client := range map[string]string{"127.77.0.1": "127.0.0.1", "::1": "::1"} {
		t.Run(address, func(t *testing.T) {
			f := newField(t)
			p := f.sensor("real-1", address)
			drive(t, p)
			got := f.wait(9, "SELECT dst_port, transport, kind, close, src_bytes, truncated, app_proto, tls_sni, duration_us >= 0, "+
				"dst_ip, src_ip, sensor, region FROM events WHERE kind <> 'unserved' ORDER BY dst_port, transport")
			var lines []string
			for _, r := range got {
				if r[8] != true || r[9] != address || r[10] != client || r[11] != "real-1" || r[12] != "eu-west-3" {
					t.Errorf("%v", r)
				}
				lines = append(lines, strings.Trim(fmt.Sprint(r[:8]), "[]"))
			}
			want := []string{
				"2323 tcp connection idle_limit 0 false <nil> <nil>",
				"2375 tcp error client_fin 0 false <nil> <nil>",
				"2376 tcp payload client_fin 18 false http <nil>",
				"2379 tcp error client_rst 0 false <nil> <nil>",
				"2380 tcp payload idle_limit 1 false <nil> <nil>",
				"5001 tcp payload client_fin 1048576 true <nil> <nil>",
				"6379 tcp payload client_fin PLACE false tls redis.example",
				"6443 tcp payload client_fin 20 false http kube.example",
				"11211 udp payload idle_limit 11 true memcached <nil>",
			}
			for i := range want {
				if i >= len(lines) || !strings.HasPrefix(lines[i], strings.Split(want[i], "PLACE")[0]) || !strings.HasSuffix(lines[i], last(strings.Split(want[i], "PLACE"))) {
					t.Errorf("got  %s\nwant %s", lines[min(i, len(lines)-1)], want[i])
				}
			}
			payloads(t, f)
			tapped(t, f, address, client)
			f.wait(1, "SELECT 1 FROM heartbeats WHERE sensor = 'real-1' AND interval_us > 0")
			f.wait(28, "SELECT port FROM served_ports WHERE sensor = 'real-1'")
			p.end()
		})
	}
}

func last(list []string) string { return list[len(list)-1] }

// drive does one thing on each port.
func drive(t *testing.T, p *process) {
	t.Helper()
	idle := p.dial("tcp/2323") // no byte
	t.Cleanup(func() { idle.Close() })
	p.dial("tcp/2375").Close() // FIN before a byte
	reset := p.dial("tcp/2379").(*net.TCPConn)
	_ = reset.SetLinger(0) // RST before a byte
	reset.Close()
	one := p.dial("tcp/2380") // one byte
	t.Cleanup(func() { one.Close() })
	say(t, one, "x")
	big := p.dial("tcp/5001") // 1 MiB
	say(t, big, strings.Repeat("0123456789abcdef", 1<<16))
	big.Close()
	hello := tls.Client(p.dial("tcp/6379"), &tls.Config{InsecureSkipVerify: true, ServerName: "redis.example"}) // TLS to a plain port
	_ = hello.SetDeadline(time.Now().Add(200 * time.Millisecond))
	_ = hello.Handshake()
	hello.Close()
	plain := p.dial("tcp/2376") // plain text to a TLS port
	say(t, plain, "GET / HTTP/1.0\r\n\r\n")
	plain.Close()
	inside := tls.Client(p.dial("tcp/6443"), &tls.Config{InsecureSkipVerify: true, ServerName: "kube.example"})
	say(t, inside, "GET /ok HTTP/1.1\r\n\r\n")
	inside.Close()
	udp := p.dial("udp/11211")
	say(t, udp, "stats\r\n")
	say(t, udp, "more")
	udp.Close()
	// An attempt where nobody listens; a SYN that is never answered is not a session.
	closed := netip.AddrPortFrom(p.bound["tcp/6379"].Addr(), 47011)
	if c, err := net.Dial("tcp", closed.String()); err == nil {
		c.Close()
		t.Fatalf("something listens on %s", closed)
	}
}

func say(t *testing.T, w io.Writer, s string) {
	t.Helper()
	if _, err := io.WriteString(w, s); err != nil {
		t.Fatal(err)
	}
}

// payloads compares the bytes in the lake with those that were sent.
func payloads(t *testing.T, f *field) {
	t.Helper()
	for port, sent := range map[int]string{2376: "GET / HTTP/1.0\r\n\r\n", 2380: "x", 5001: strings.Repeat("0123456789abcdef", 1<<12),
		6443: "GET /ok HTTP/1.1\r\n\r\n", 11211: "stats\r\n"} {
		id := terroir.NewPayloadID([]byte(sent))
		f.wait(1, fmt.Sprintf("SELECT 1 FROM events e JOIN payloads p ON p.payload_id = e.payload_id WHERE dst_port = %d AND e.payload_id = '%s' AND hex(p.bytes) = '%X'",
			port, id, sent))
	}
}

// tapped looks for the attempt on the closed port, where packets may be read at all.
func tapped(t *testing.T, f *field, address, client string) {
	t.Helper()
	r, err := f.engine.Query(context.Background(), "SELECT max(CAST(tap AS INTEGER)) FROM heartbeats")
	if err != nil {
		t.Fatal(err)
	}
	if r.Rows[0][0] == int64(0) {
		t.Log("CAP_NET_RAW is missing: unserved ports are not observed here")
		return
	}
	rows := f.wait(1, "SELECT src_ip, dst_ip, attempts, transport FROM events WHERE kind = 'unserved' AND dst_port = 47011")
	same(t, "the attempt on a closed port", rows, [][]any{{client, address, int64(1), "tcp"}})
}

// TestNothingIsLostOrDoubledWhenSensorsAreKilled kills a sensor while clients send numbered payloads, and starts hubs
// anew; each payload that a client saw accepted for certain is in the lake exactly once.
func TestNothingIsLostOrDoubledWhenSensorsAreKilled(t *testing.T) {
	f := newField(t)
	sent := 0
	for round := range 4 {
		p := f.sensor("killed-1", "127.77.0.2")
		for range 25 {
			c := p.dial("tcp/6379")
			say(t, c, fmt.Sprintf("numbered payload %d\n", sent))
			sent++
			c.Close()
		}
		// The sensor is killed once these sessions have ended; what it acknowledged to itself is on disk.
		recorded(t, f, p, sent)
		if round == 1 {
			f.stop()
			f.startHub()
		}
		_ = p.cmd.Process.Kill()
		_ = p.cmd.Wait()
	}
	p := f.sensor("killed-1", "127.77.0.2")
	rows := f.wait(sent, "SELECT payload_id, count(*), count(DISTINCT event_id) FROM events WHERE kind = 'payload' GROUP BY payload_id")
	for _, r := range rows {
		if r[1] != int64(1) || r[2] != int64(1) {
			t.Errorf("payload %s is there %v times", r[0], r[1])
		}
	}
	if len(rows) != sent {
		t.Errorf("%d payloads, %d were sent", len(rows), sent)
	}
	p.end()
	m, err := f.lake.Marks(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if n := marksOf(m, "killed-1"); n != 1 {
		t.Errorf("the sensor has %d epochs, its spool survived", n)
	}
}

// recorded waits until the sessions have ended at the sensor: then the lake, the bus or the spool has them.
func recorded(t *testing.T, f *field, p *process, sent int) {
	t.Helper()
	if p.cmd.ProcessState != nil {
		t.Fatal("the sensor ended")
	}
	f.wait(sent, "SELECT DISTINCT payload_id FROM events WHERE kind = 'payload'")
}

func marksOf(m lake.Marks, name string) (n int) {
	for s := range m.Last {
		if s.Sensor == name {
			n++
		}
	}
	return n
}
