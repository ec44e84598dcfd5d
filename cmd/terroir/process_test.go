package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// needs skips the test where the program is missing; TERROIR_TEST_TOOLS=all, as CI sets it, makes that a failure.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err == nil {
			continue
		}
		if os.Getenv("TERROIR_TEST_TOOLS") == "all" {
			t.Fatalf("%s is not installed", p)
		}
		t.Skipf("%s is not installed; .ci/run installs it", p)
	}
}

// process is a terroir command that runs: this test binary by its other name.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	mu   sync.Mutex
	text bytes.Buffer
	done chan struct{}
}

// begin starts terroir with the arguments; it is ended with the test.
func begin(t *testing.T, args ...string) *process {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: exec.Command(exe), done: make(chan struct{})}
	p.cmd.Args = append([]string{"terroir"}, args...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	r, w := io.Pipe()
	p.cmd.Stdout, p.cmd.Stderr = w, w
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		lines := bufio.NewScanner(r)
		for lines.Scan() {
			p.mu.Lock()
			p.text.WriteString(lines.Text() + "\n")
			p.mu.Unlock()
		}
	}()
	go func() { _ = p.cmd.Wait(); w.Close(); close(p.done) }()
	t.Cleanup(p.stop)
	return p
}

func (p *process) stop() {
	_ = p.cmd.Process.Signal(os.Interrupt)
	select {
	case <-p.done:
	case <-time.After(30 * time.Second):
		p.t.Errorf("terroir did not end within 30 s of an interrupt; it said:\n%s", p.said())
		_ = p.cmd.Process.Kill()
	}
}

func (p *process) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// wait returns the first submatch of what the process says.
func (p *process) wait(pattern string) string {
	p.t.Helper()
	re := regexp.MustCompile(pattern)
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if m := re.FindStringSubmatch(p.said()); m != nil {
			return m[1]
		}
		select {
		case <-p.done:
			p.t.Fatalf("terroir ended; it said:\n%s", p.said())
		default:
		}
	}
	p.t.Fatalf("terroir never said %q, but:\n%s", pattern, p.said())
	return ""
}

// terroirLink makes a folder with a program called terroir, for scripts.
func terroirLink(t *testing.T) string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(exe, filepath.Join(dir, "terroir")); err != nil {
		t.Fatal(err)
	}
	return dir
}

// shell runs a script in which terroir is this program, and returns what it printed and its exit code.
func shell(t *testing.T, program []string, script string, env ...string) (string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program[0], append(program[1:], "sh", "-euc", script)...)
	cmd.Env = append(os.Environ(), append(env, "PATH="+terroirLink(t)+":"+os.Getenv("PATH"))...)
	out, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out)), cmd.ProcessState.ExitCode()
}
