package e2e

import (
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"
)

// part is a process that is killed and comes back, as under systemd: whenever it ends, it is started again.
type part struct {
	t       *testing.T
	name    string
	command []string
	clock   clock
	link    *link // its way to the bus; the bus has none
	// up reports whether the process that says this does its work.
	up func(said string) bool
	// before, which may be nil, is called before each start.
	before func()
	log    *log

	mu      sync.Mutex
	running *os.Process
	begun   int // of the log, at the last start
	held    bool
	ended   bool
	down    chan struct{} // closed when the running process has ended
	stopped chan struct{}
	// kills is when SIGKILL was sent: from before the call to after the end. own counts the ends of its own.
	kills []span
	own   int
}

// span is a time that is not known better.
type span struct{ from, to time.Time }

// startPart keeps the process running until the test ends.
func startPart(t *testing.T, p *part) *part {
	t.Helper()
	p.t, p.log, p.stopped = t, &log{}, make(chan struct{})
	if err := p.clock.move(0); err != nil {
		t.Fatal(err)
	}
	go p.supervise()
	t.Cleanup(func() { p.hold(); p.mu.Lock(); p.ended = true; p.mu.Unlock(); <-p.stopped })
	return p
}

// restartAfter is how long a part is away, at least.
const restartAfter = 50 * time.Millisecond

func (p *part) supervise() {
	runtime.LockOSThread() // A process is told of its parent's end by the end of the thread that started it.
	defer close(p.stopped)
	for {
		p.mu.Lock()
		ended, held := p.ended, p.held
		p.mu.Unlock()
		if ended {
			return
		}
		if !held && !p.runOnce() {
			return
		}
		time.Sleep(restartAfter)
	}
}

func (p *part) runOnce() bool {
	if p.before != nil {
		p.before()
	}
	cmd := exec.Command(p.command[0], p.command[1:]...)
	cmd.Env = append(os.Environ(), "TERROIR_CHAOS_CLOCK="+string(p.clock))
	cmd.Stdout, cmd.Stderr = p.log, p.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	p.mu.Lock()
	p.begun = len(p.log.String())
	if err := cmd.Start(); err != nil {
		p.mu.Unlock()
		p.t.Errorf("%s: %v", p.name, err)
		return false
	}
	p.running, p.down = cmd.Process, make(chan struct{})
	killed := len(p.kills)
	p.mu.Unlock()
	_ = cmd.Wait()
	p.mu.Lock()
	if len(p.kills) == killed && !p.held {
		p.own++
	}
	p.running = nil
	close(p.down)
	p.mu.Unlock()
	return true
}

// kill sends SIGKILL and returns when the process has ended. It returns false when none runs.
func (p *part) kill() bool {
	p.mu.Lock()
	process, down := p.running, p.down
	if process == nil {
		p.mu.Unlock()
		return false
	}
	p.kills = append(p.kills, span{from: time.Now()})
	at := len(p.kills) - 1
	_ = process.Kill()
	p.mu.Unlock()
	<-down
	p.mu.Lock()
	p.kills[at].to = time.Now()
	p.mu.Unlock()
	return true
}

// hold kills the process and keeps it away; release lets it come back.
func (p *part) hold() {
	p.mu.Lock()
	p.held = true
	p.mu.Unlock()
	p.kill()
}

func (p *part) release() {
	p.mu.Lock()
	p.held = false
	p.mu.Unlock()
}

// isUp reports whether the process that runs now does its work.
func (p *part) isUp() bool {
	p.mu.Lock()
	runs, begun := p.running != nil, p.begun
	p.mu.Unlock()
	return runs && p.up(p.log.String()[begun:])
}

// await waits until the part does its work, at most a minute.
func (p *part) await() bool {
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if p.isUp() {
			return true
		}
	}
	p.t.Errorf("%s does not come up; it says:\n%s", p.name, tail(p.log.String()))
	return false
}

func (p *part) killed() []span {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]span(nil), p.kills...)
}

// tail is the end of what a process said.
func tail(s string) string {
	const most = 4000
	return s[max(0, len(s)-most):]
}
