package monitor

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"terroir/sensor/confine"
)

// dialWithin is how long a connection to the hub may take.
const dialWithin = 5 * time.Second

// Main is the monitor, in a process that Start started; it does not return there. In every other process it does
// nothing. The main function of a program that runs sensors calls it first.
func Main() {
	if os.Getenv(variable) != "3" {
		return
	}
	_ = os.WriteFile("/proc/self/comm", []byte("terroir-monitor"), 0) // for ps; otherwise it is called exe
	// The sensor decides when the monitor ends: a signal to both must not take the hub away from what is still to be sent.
	signal.Ignore(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	if err := serve(Options{Hubs: strings.Split(os.Getenv(variable+"_HUB"), ","), File: os.Getenv(variable + "_FILE")}); err != nil {
		fmt.Fprintln(os.Stderr, "terroir monitor:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func serve(opt Options) error {
	f := os.NewFile(3, "sensor")
	any, err := net.FileConn(f)
	if err != nil {
		return err
	}
	_ = f.Close()
	conn := any.(*net.UnixConn)
	if err := confineSelf(opt); err != nil {
		return err
	}
	want := make([]byte, 1)
	for {
		if n, err := conn.Read(want); err != nil || n == 0 {
			return nil // The sensor ended.
		}
		var err error
		switch what := want[0]; {
		case what >= wantConnection && int(what-wantConnection) < len(opt.Hubs):
			err = giveConnection(conn, what, opt.Hubs[what-wantConnection])
		case what == wantConfiguration:
			text, failed := readFile(opt.File)
			err = answer(conn, what, text, failed, nil)
		default:
			return fmt.Errorf("request %q", want)
		}
		if err != nil {
			return err
		}
	}
}

// confineSelf leaves the monitor what it needs: to read the configuration's folder and to resolve the hub's name, and to
// connect to the hub's ports. What the system cannot take away it says once, as the sensor does of itself.
func confineSelf(opt Options) error {
	// Folders, not files: whoever manages a resolv.conf puts a new file in its place.
	rules := confine.Rules{ReadFolders: []string{"/etc"}}
	if file, err := filepath.EvalSymlinks("/etc/resolv.conf"); err == nil {
		rules.ReadFolders = append(rules.ReadFolders, filepath.Dir(file))
	}
	if opt.File != "" {
		rules.ReadFolders = append(rules.ReadFolders, filepath.Dir(opt.File))
	}
	rules.Connect = []uint16{53}
	for _, hub := range opt.Hubs {
		_, port, err := net.SplitHostPort(hub)
		if err != nil {
			return err
		}
		number, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return err
		}
		rules.Connect = append(rules.Connect, uint16(number))
	}
	for _, step := range []func() error{confine.KeepNothing, confine.NoNewPrivileges, func() error { return confine.Paths(rules) }, confine.CallsOut} {
		if err := step(); err != nil && !errors.Is(err, confine.ErrMissing) {
			return err
		}
	}
	return nil
}

func giveConnection(conn *net.UnixConn, what byte, hub string) error {
	c, err := net.DialTimeout("tcp", hub, dialWithin)
	if err != nil {
		return answer(conn, what, nil, err, nil)
	}
	defer c.Close()
	f, err := c.(*net.TCPConn).File()
	if err != nil {
		return answer(conn, what, nil, err, nil)
	}
	defer f.Close()
	return answer(conn, what, nil, nil, f)
}

// answer sends what was asked for, or why there is none.
func answer(conn *net.UnixConn, what byte, text []byte, failed error, f *os.File) error {
	status := byte(statusDone)
	if failed != nil {
		status, text = statusFailed, []byte(failed.Error())
	}
	message := append(binary.BigEndian.AppendUint32([]byte{what, status}, uint32(len(text))), text...)
	var rights []byte
	if f != nil {
		rights = unix.UnixRights(int(f.Fd()))
	}
	n, _, err := conn.WriteMsgUnix(message, rights, nil)
	if err == nil && n < len(message) {
		_, err = conn.Write(message[n:])
	}
	return err
}
