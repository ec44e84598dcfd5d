package confine

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestMain lets the test binary be a confined process that tries what the test asks for.
func TestMain(m *testing.M) {
	if what := os.Getenv("TERROIR_TRY"); what != "" {
		if strings.HasPrefix(what, "become") {
			fmt.Println(become(what))
			os.Exit(0)
		}
		fmt.Println(try(what, os.Getenv("TERROIR_TRY_DIR"), os.Getenv("TERROIR_TRY_ADDR")))
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// try confines the process as a sensor's is, and does what is named.
func try(what, dir, addr string) string {
	l, err := net.Listen("tcp4", "127.0.0.1:0") // bound before, as a sensor's ports are
	if err != nil {
		return err.Error()
	}
	defer l.Close()
	steps := []func() error{KeepOnly, NoNewPrivileges, func() error {
		return Paths(Rules{ReadFiles: []string{os.DevNull}, WriteFolders: []string{dir}})
	}, Calls}
	if only := os.Getenv("TERROIR_TRY_ONLY"); only == "paths" {
		steps = steps[1:3]
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return "confine: " + err.Error()
		}
	}
	return outcome(attempts[what](dir, addr))
}

func outcome(err error) string {
	if err == nil {
		return "done"
	}
	for _, no := range []syscall.Errno{syscall.EPERM, syscall.EACCES} {
		if errors.Is(err, no) {
			return "denied"
		}
	}
	return err.Error()
}

var attempts = map[string]func(dir, addr string) error{
	"write in its folder": func(dir, _ string) error {
		if err := os.WriteFile(filepath.Join(dir, "a"), []byte("x"), 0o600); err != nil {
			return err
		}
		return os.Rename(filepath.Join(dir, "a"), filepath.Join(dir, "b"))
	},
	"read /dev/null":            func(_, _ string) error { return open(os.DevNull) },
	"read a file of the system": func(_, _ string) error { return open("/etc/passwd") },
	"write elsewhere":           func(dir, _ string) error { return os.WriteFile(filepath.Dir(dir)+"/x", nil, 0o600) },
	"list the root":             func(_, _ string) error { _, err := os.ReadDir("/"); return err },
	"connect":                   func(_, addr string) error { return dial("tcp", addr) },
	"connect by UDP":            func(_, addr string) error { return dial("udp", addr) },
	"send a datagram from a bound socket": func(_, addr string) error {
		c, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer c.Close()
		to, err := net.ResolveUDPAddr("udp4", addr)
		if err != nil {
			return err
		}
		_, err = c.WriteTo([]byte("x"), to)
		return err
	},
	"sendmsg": func(_, addr string) error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			return err
		}
		to, err := net.ResolveUDPAddr("udp4", addr)
		if err != nil {
			return err
		}
		return unix.Sendmsg(fd, []byte("x"), nil, &unix.SockaddrInet4{Port: to.Port, Addr: [4]byte{127, 0, 0, 1}}, 0)
	},
	"raw socket":      func(_, _ string) error { return socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP) },
	"packet socket":   func(_, _ string) error { return socket(unix.AF_PACKET, unix.SOCK_DGRAM, 0) },
	"unix socket":     func(_, _ string) error { return socket(unix.AF_UNIX, unix.SOCK_STREAM, 0) },
	"start a program": func(_, _ string) error { return exec.Command("/bin/true").Run() },
	"trace a process": func(_, _ string) error { return syscall.PtraceAttach(os.Getppid()) },
	"signal another":  func(_, _ string) error { return syscall.Kill(os.Getppid(), 0) },
	"new namespace":   func(_, _ string) error { return unix.Unshare(unix.CLONE_NEWUSER) },
	"io_uring": func(_, _ string) error {
		if _, _, no := unix.Syscall(unix.SYS_IO_URING_SETUP, 1, 0, 0); no != 0 {
			return no
		}
		return nil
	},
	"listen on another port": func(_, _ string) error {
		l, err := net.Listen("tcp4", "127.0.0.1:0")
		if err != nil {
			return err
		}
		defer l.Close()
		u, err := net.ListenPacket("udp6", "[::1]:0")
		if err != nil {
			return err
		}
		return u.Close()
	},
	"read the machine's addresses": func(_, _ string) error { _, err := net.InterfaceAddrs(); return err },
	"many threads": func(_, _ string) error {
		done := make(chan error, 64)
		for range 64 {
			go func() { time.Sleep(time.Millisecond); done <- syscall.Fsync(-1) }()
		}
		for range 64 {
			if err := <-done; err != syscall.EBADF {
				return err
			}
		}
		return nil
	},
}

func open(name string) error {
	f, err := os.Open(name)
	if err == nil {
		f.Close()
	}
	return err
}

func dial(network, addr string) error {
	c, err := net.DialTimeout(network, addr, time.Second)
	if err == nil {
		c.Close()
	}
	return err
}

func socket(family, kind, protocol int) error {
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, protocol)
	if err == nil {
		unix.Close(fd)
	}
	return err
}

func TestAConfinedProcessTries(t *testing.T) {
	if LandlockVersion() < connectVersion {
		t.Skip("this kernel has no Landlock that knows connections")
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for what, want := range map[string]string{
		"write in its folder": "done", "read /dev/null": "done", "listen on another port": "done",
		"read the machine's addresses": "done", "many threads": "done",
		"read a file of the system": "denied", "write elsewhere": "denied", "list the root": "denied", "connect": "denied",
		"connect by UDP": "denied", "send a datagram from a bound socket": "denied", "sendmsg": "denied", "raw socket": "denied",
		"packet socket": "denied", "unix socket": "denied", "start a program": "denied", "trace a process": "denied",
		"signal another": "denied", "new namespace": "denied", "io_uring": "denied",
	} {
		t.Run(what, func(t *testing.T) {
			if got := inProcess(t, what, l.Addr().String()); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		})
	}
}

// TestLandlockAlone shows that files and TCP connections are denied twice: without the filter of calls, too.
func TestLandlockAlone(t *testing.T) {
	if LandlockVersion() < connectVersion {
		t.Skip("this kernel has no Landlock that knows connections")
	}
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Setenv("TERROIR_TRY_ONLY", "paths")
	for what, want := range map[string]string{"connect": "denied", "read a file of the system": "denied", "unix socket": "done"} {
		if got := inProcess(t, what, l.Addr().String()); got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
}

// become makes the process nobody's, and looks whom its threads are.
func become(what string) string {
	id, err := Find("nobody")
	if err == nil {
		err = Become(id)
	}
	if err == nil && !Has("cap_net_raw") {
		err = errors.New("capabilities went before they were to go")
	}
	if err == nil {
		err = KeepOnly()
	}
	if err != nil {
		return err.Error()
	}
	if what == "become and come back" {
		return outcome(syscall.Setuid(0))
	}
	tasks, err := filepath.Glob("/proc/self/task/*/status")
	if err != nil || len(tasks) < 2 {
		return fmt.Sprint(tasks, err)
	}
	for _, name := range tasks {
		status, err := os.ReadFile(name)
		if err != nil {
			return err.Error()
		}
		want := fmt.Sprintf("Uid:\t%d\t%d\t%d\t%d\n", id.UID, id.UID, id.UID, id.UID)
		if !strings.Contains(string(status), want) || !strings.Contains(string(status), "CapEff:\t0000000000000400\n") {
			return string(status)
		}
	}
	l, err := net.Listen("tcp4", "127.0.0.1:1") // tcpmux
	if err != nil {
		return err.Error()
	}
	_ = l.Close()
	return id.Name + ", low port open"
}

// inProcess lets a process of its own try it.
func inProcess(t *testing.T, what, addr string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "own")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "TERROIR_TRY="+what, "TERROIR_TRY_DIR="+dir, "TERROIR_TRY_ADDR="+addr, "GORACE=atexit_sleep_ms=0")
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %s", err, log.Bytes())
	}
	return strings.TrimSpace(out.String())
}

// TestBecome leaves the superuser behind on every thread, keeps low ports, and cannot come back.
func TestBecome(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs the superuser")
	}
	for what, want := range map[string]string{"become": "nobody, low port open", "become and come back": "denied"} {
		if got := inProcess(t, what, ""); got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
}
