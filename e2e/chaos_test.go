package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// TestChaos kills sensors, bus and hubs (SIGKILL) at random moments while clients send numbered payloads, cuts and
// darkens the network between them, fills disks, moves clocks by hours, puts an old spool back, and then compares the
// table with what was sent: each exactly once, or counted as lost by a full spool.
//
// What counts as sent: the sensor's kernel accepted the connection, the client delivered its payload and saw the sensor
// end the session. A sensor writes a record within 10 ms of that and by design loses what was not written when it is
// killed, without knowing. So a session that a SIGKILL of its sensor interrupted, or that ended less than settle before
// one, may be missing; it may not be there twice. All other sessions must be there once.
//
// TERROIR_CHAOS_SEED repeats a schedule, as far as the machine does; TERROIR_CHAOS_ROUNDS is how often each kind of part
// is killed (default 20).
func TestChaos(t *testing.T) {
	if testing.Short() {
		t.Skip("takes minutes")
	}
	home := t.TempDir()
	if os.Getenv(chaosDisks) == "" && withDisks(t, home) {
		return
	}
	if dir := os.Getenv(chaosDisks); dir != "" {
		home = dir
	}
	seed := number(t, "TERROIR_CHAOS_SEED", time.Now().UnixNano())
	kills := int(number(t, "TERROIR_CHAOS_ROUNDS", 20))
	t.Logf("TERROIR_CHAOS_SEED=%d", seed)
	c := newChaos(t, home, buildPrograms(t), uint64(seed))
	c.await()
	stop := c.clients(3, 25*time.Millisecond)
	begun := time.Now()
	c.storm(kills)
	t.Logf("the storm took %s", time.Since(begun).Round(time.Second))
	c.await()
	stop()
	c.judge(c.settleAll(5 * time.Minute))
	if t.Failed() {
		c.report(t)
		t.FailNow()
	}
	c.replay(1)
	c.fullDisk(0)
	c.away(30_000)
	c.overLimit()
	c.judge(c.settleAll(time.Minute))
	c.report(t)
}

// number is an environment variable's value.
func number(t *testing.T, name string, otherwise int64) int64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// withDisks runs the test again in a process with mounts of its own, in which lake and one sensor have small disks. It
// returns false, and says so, where the system gives none: nothing is filled then.
func withDisks(t *testing.T, home string) bool {
	t.Helper()
	space := []string{"--mount", "--map-root-user", "--kill-child"}
	if out, err := exec.Command("unshare", append(space, "true")...).CombinedOutput(); err != nil {
		if os.Getenv("TERROIR_TEST_TOOLS") == "all" {
			t.Fatalf("no mount namespace: %v %s", err, out)
		}
		t.Logf("this system gives no mount namespace, so no disk is filled: %v %s", err, out)
		return false
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	const script = `mkdir "$0/lake" "$0/sensor-1"; mount -t tmpfs -o size=160m,mode=755 tmpfs "$0/lake"
		mount -t tmpfs -o size=8m,mode=755 tmpfs "$0/sensor-1"; exec "$@"`
	cmd := exec.Command("unshare", append(space, "sh", "-euc", script, home, exe, "-test.run", "^"+t.Name()+"$", "-test.v", "-test.timeout", "30m")...)
	cmd.Env = append(os.Environ(), chaosDisks+"="+home)
	cmd.Dir, err = filepath.Abs(".")
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Run(); err != nil {
		t.Fatalf("with small disks: %v", err)
	}
	return true
}
