package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"terroir/rollout"
)

// rolledOut is a hub and three sensors of a region, each a process, and the commands that tell them what to serve.
type rolledOut struct {
	t   *testing.T
	dir string
	hub *process
}

// address is where the sensor with the number listens.
func (r *rolledOut) address(sensor, port int) string {
	return fmt.Sprintf("127.88.1.%d:%d", sensor, port)
}

func startRegion(t *testing.T) *rolledOut {
	t.Helper()
	if l, err := net.Listen("tcp", "127.88.1.1:0"); err != nil {
		t.Skip("the system has no addresses 127.88.1.1 to 127.88.1.3")
	} else {
		l.Close()
	}
	r := &rolledOut{t: t, dir: t.TempDir()}
	r.file("hub.yaml", fmt.Sprintf("dir: %q\nlisten: 127.0.0.1:0\nbus: {listen: \"127.0.0.1:0\"}\n", r.dir+"/hub"))
	r.hub = begin(t, "hub", "run", "-c", r.dir+"/hub.yaml")
	bus := r.hub.wait(`bus for sensors: (\S+)`)
	for i := 1; i <= 3; i++ {
		file := r.file(fmt.Sprintf("s%d.yaml", i), fmt.Sprintf("sensor: sp-%d\nregion: sa-east-1\ndir: %q\nhub: %s\ntheme: none\nheartbeat: 1s\ntap: {enabled: false}\n"+
			"drain: 100ms\nlimits: {idle_before: 5m, idle_after: 5m}\nlisten: {addresses: [127.88.1.%d], ports: [{port: 6379, service: redis, transport: tcp}]}\n", i, fmt.Sprintf("%s/s%d", r.dir, i), bus, i))
		begin(t, "sensor", "run", "-c", file)
	}
	for i := 1; i <= 3; i++ {
		r.until(func() bool {
			return r.open(i, 6379) && exists(fmt.Sprintf("%s/hub/rollout/sensors/sp-%d.json", r.dir, i))
		}, "sensor %d is not heard of", i)
	}
	return r
}

func exists(file string) bool {
	_, err := os.Stat(file)
	return err == nil
}

func (r *rolledOut) file(name, text string) string {
	r.t.Helper()
	name = filepath.Join(r.dir, name)
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		r.t.Fatal(err)
	}
	return name
}

// until waits for something to be so.
func (r *rolledOut) until(so func() bool, otherwise string, args ...any) {
	r.t.Helper()
	for end := time.Now().Add(time.Minute); !so(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatalf(otherwise+"\n"+r.hub.said(), args...)
		}
	}
}

// open reports whether the sensor serves the port.
func (r *rolledOut) open(sensor, port int) bool {
	c, err := net.Dial("tcp", r.address(sensor, port))
	if err == nil {
		c.Close()
	}
	return err == nil
}

// command runs terroir config, and returns what it said and its exit code.
func (r *rolledOut) command(args ...string) (string, int) {
	r.t.Helper()
	p := r.start(args...)
	select {
	case <-p.done:
	case <-time.After(2 * time.Minute):
		r.t.Fatalf("%v does not end: %s", args, p.said())
	}
	return p.said(), p.cmd.ProcessState.ExitCode()
}

func (r *rolledOut) start(args ...string) *process {
	return begin(r.t, append([]string{"config", args[0], "--dir", r.dir + "/hub"}, args[1:]...)...)
}

func (r *rolledOut) history() (list []rollout.Rollout) {
	r.t.Helper()
	text, code := r.command("history", "-o", "json")
	if err := json.Unmarshal([]byte(text), &list); err != nil || code != 0 {
		r.t.Fatalf("%v: %s", err, text)
	}
	return list
}

// TestAnOverlayReachesTheCanaryFirst rolls overlays out over processes, kills the command in the middle, takes a port away
// from the canary, and lets an overlay end while the hub is away.
func TestAnOverlayReachesTheCanaryFirst(t *testing.T) {
	r := startRegion(t)
	session, err := net.Dial("tcp", r.address(1, 6379))
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	lives := func() {
		t.Helper()
		fmt.Fprint(session, "PING\r\n")
		_ = session.SetReadDeadline(time.Now().Add(20 * time.Second))
		if line, err := bufio.NewReader(session).ReadString('\n'); line != "+PONG\r\n" {
			t.Errorf("the session says %q %v", line, err)
		}
	}
	lives()
	overlay := r.file("overlay.yaml", "region: sa-east-1\nadd: [{port: 6380, transport: tcp, service: redis}]\nreason: seen by others\n")

	killed := r.start("apply", overlay, "--yes", "--wait", "1h")
	killed.wait(`(sp-1 serves serial 1)`)
	if !r.open(1, 6380) || r.open(2, 6380) || r.open(3, 6380) {
		t.Errorf("6380 is open at the three: %t %t %t", r.open(1, 6380), r.open(2, 6380), r.open(3, 6380))
	}
	if err := killed.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-killed.done
	if h := r.history(); len(h) != 1 || !h[0].Open() || len(h[0].Sensors) != 1 || h[0].Sensors[0].Confirmed.IsZero() {
		t.Errorf("after the kill: %+v", h)
	}
	if said, code := r.command("apply", overlay, "--yes"); code != 3 || !strings.Contains(said, "--resume") {
		t.Errorf("exit %d: %s", code, said)
	}
	if said, code := r.command("apply", "--resume", "--wait", "1s"); code != 0 {
		t.Fatalf("exit %d: %s", code, said)
	}
	for i := 1; i <= 3; i++ {
		if !r.open(i, 6380) {
			t.Errorf("6380 is not open at sensor %d", i)
		}
	}
	lives()

	taken, err := net.Listen("tcp", r.address(1, 6381))
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	overlay = r.file("overlay.yaml", "region: sa-east-1\nadd: [{port: 6381, transport: tcp}]\ndrop: [tcp/6380]\nreason: seen by others\n")
	said, code := r.command("apply", overlay, "--yes", "--wait", "1s")
	if last := said[strings.LastIndex(strings.TrimSpace(said), "\n")+1:]; code != 8 || !strings.Contains(last, "canary sp-1") || !strings.Contains(last, "in use") {
		t.Errorf("exit %d: %s", code, said)
	}
	for i := 1; i <= 3; i++ {
		if !r.open(i, 6380) || i > 1 && r.open(i, 6381) {
			t.Errorf("sensor %d changed", i)
		}
	}
	if h := r.history(); len(h) != 2 || h[1].State != rollout.Returned || len(h[1].Sensors) != 1 || !h[1].Sensors[0].Returned {
		t.Errorf("after the failure: %+v", h)
	}

	overlay = r.file("overlay.yaml", "sensors: [sp-1, sp-2]\nadd: [{port: 6382, transport: tcp}]\nreason: for a while\nexpires: "+
		time.Now().Add(20*time.Second).UTC().Format(time.RFC3339)+"\n")
	if said, code := r.command("apply", overlay, "--yes", "--wait", "0s", "--canary", "2"); code != 0 {
		t.Fatalf("exit %d: %s", code, said)
	}
	if r.hub.cmd.Process.Kill() != nil {
		t.Error("the hub cannot be killed")
	}
	<-r.hub.done
	for i := 1; i <= 2; i++ {
		r.until(func() bool { return !r.open(i, 6382) }, "6382 stays open at sensor %d", i)
		if !r.open(i, 6380) {
			t.Errorf("sensor %d does not return to what it served", i)
		}
		r.until(func() bool { // Its own, and three changes. It is written once the port is closed.
			text, err := os.ReadFile(fmt.Sprintf("%s/s%d/revision.json", r.dir, i))
			return err == nil && strings.Contains(string(text), `"Revision":4,`)
		}, "sensor %d does not get to revision 4", i)
	}
	if said, code := r.command("rollback"); code != 6 {
		t.Errorf("without a hub: exit %d: %s", code, said)
	}
	lives()
}
