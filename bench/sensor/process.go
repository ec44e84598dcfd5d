package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func ctx() context.Context { return context.Background() }

// server is the address of those that are measured.
const server = "192.0.2.2"

// process is a server that is measured.
type process struct {
	cmd *exec.Cmd
	log string
}

// start starts a program at the servers' end and waits until the address, if there is one, accepts connections.
func start(dir, address string, args ...string) (*process, error) {
	args = append([]string{"ip", "netns", "exec", os.Getenv("TERROIR_BENCH_SERVERS")}, args...)
	p := &process{cmd: exec.Command(args[0], args[1:]...), log: filepath.Join(dir, "log")}
	out, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	for end := time.Now().Add(20 * time.Second); address != ""; time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("tcp", address)
		if err == nil {
			_ = c.(*net.TCPConn).SetLinger(0)
			_ = c.Close()
			break
		}
		if time.Now().After(end) {
			return nil, p.failed(fmt.Errorf("nothing listens on %s", address))
		}
	}
	return p, nil
}

// failed adds to an error what the process said.
func (p *process) failed(err error) error {
	said, _ := os.ReadFile(p.log)
	return fmt.Errorf("%w: %s: %s", err, p.cmd.Path, said)
}

// stop asks the process to end and waits for it. A server that does not know how to end is killed.
func (p *process) stop(how os.Signal) error {
	_ = p.cmd.Process.Signal(how)
	err := p.cmd.Wait()
	if how == os.Kill {
		return nil
	}
	if err != nil {
		return p.failed(err)
	}
	return nil
}

// family is the process and those that it started.
func (p *process) family() []int {
	pids := []int{p.cmd.Process.Pid}
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", p.cmd.Process.Pid))
	for _, name := range tasks {
		text, _ := os.ReadFile(name)
		for _, word := range strings.Fields(string(text)) {
			if pid, err := strconv.Atoi(word); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// cpu is the processor time of the process and its children so far, in user and kernel mode (proc(5), stat).
func (p *process) cpu() time.Duration {
	var ticks int64
	for _, pid := range p.family() {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		_, rest, _ := strings.Cut(string(text), ") ")
		fields := strings.Fields(rest)
		for i := 11; i <= 12 && i < len(fields); i++ {
			n, _ := strconv.ParseInt(fields[i], 10, 64)
			ticks += n
		}
	}
	return time.Duration(ticks) * time.Second / 100 // USER_HZ
}

// memory is what the process and its children hold, in bytes: their own pages, and a share of those that they share
// (proc(5), smaps_rollup, Pss), and the resident set of the process alone.
func (p *process) memory() (pss, rss int64) {
	for i, pid := range p.family() {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		for _, l := range strings.Split(string(text), "\n") {
			f := strings.Fields(l)
			if len(f) < 2 {
				continue
			}
			n, _ := strconv.ParseInt(f[1], 10, 64)
			switch {
			case f[0] == "Pss:":
				pss += n << 10
			case f[0] == "Rss:" && i == 0:
				rss = n << 10
			}
		}
	}
	return pss, rss
}
