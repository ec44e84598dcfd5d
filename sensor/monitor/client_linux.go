package monitor

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Client asks a monitor. Its methods may be called concurrently.
type Client struct {
	mu    sync.Mutex
	conn  *net.UnixConn
	hubs  []string
	ended chan struct{}
}

const (
	variable = "TERROIR_MONITOR"
	// ownProgram is how a process starts its own program again, whatever happened to its file.
	ownProgram = "/proc/self/exe"
)

// Start starts a monitor: this program again, whose main function calls Main.
func Start(opt Options) (*Client, error) {
	if len(opt.Hubs) == 0 || len(opt.Hubs) > maxHubs {
		return nil, fmt.Errorf("monitor: %d servers of the hub", len(opt.Hubs))
	}
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("monitor: %w", err)
	}
	own, other := os.NewFile(uintptr(fds[0]), "monitor"), os.NewFile(uintptr(fds[1]), "sensor")
	defer own.Close() // net.FileConn has a copy.
	defer other.Close()
	conn, err := net.FileConn(own)
	if err != nil {
		return nil, fmt.Errorf("monitor: %w", err)
	}
	cmd := exec.Command(ownProgram, "monitor")
	cmd.Args[0] = os.Args[0] // as which the program may be told what it is
	cmd.Env = append(os.Environ(), variable+"=3", variable+"_HUB="+strings.Join(opt.Hubs, ","), variable+"_FILE="+opt.File)
	cmd.ExtraFiles = []*os.File{other}
	cmd.Stderr = os.Stderr
	// Who ends the sensor with the keys of a terminal does not mean the monitor, which ends after it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if opt.UID != 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(opt.UID), Gid: uint32(opt.GID)}
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(fmt.Errorf("monitor: %w", err), conn.Close())
	}
	c := &Client{conn: conn.(*net.UnixConn), hubs: opt.Hubs, ended: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(c.ended)
	}()
	return c, nil
}

// Close ends the monitor.
func (c *Client) Close() error {
	err := c.conn.Close() // It ends when nobody can ask any more.
	<-c.ended
	return err
}

// Ended is closed when the monitor has ended: the sensor cannot reach the hub again.
func (c *Client) Ended() <-chan struct{} { return c.ended }

// Dial implements nats.CustomDialer: a connection to the server of the hub that has the address, or to the first where none
// has it.
func (c *Client) Dial(_, address string) (net.Conn, error) {
	_, fd, err := c.ask(wantConnection + byte(max(0, slices.Index(c.hubs, address))))
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "hub")
	defer f.Close()
	return net.FileConn(f)
}

// Configuration is the text of the configuration file as it is now.
func (c *Client) Configuration() ([]byte, error) {
	text, _, err := c.ask(wantConfiguration)
	return text, err
}

// answerWithin is more than a monitor takes to find that the hub does not answer.
const answerWithin = dialWithin + 5*time.Second

// ask sends a request and reads the answer to it. After one that failed midway nothing is asked any more: what would come
// next could be the answer to another request.
func (c *Client) ask(what byte) (text []byte, fd int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	text, fd, failed, err := c.exchange(what)
	if err != nil {
		_ = c.conn.Close()
		if fd >= 0 {
			_ = unix.Close(fd)
		}
		return nil, -1, ErrEnded
	}
	if failed {
		return nil, -1, errors.New(string(text))
	}
	return text, fd, nil
}

var errAnswer = errors.New("not an answer to what was asked")

func (c *Client) exchange(what byte) (text []byte, fd int, failed bool, err error) {
	_ = c.conn.SetDeadline(time.Now().Add(answerWithin))
	if _, err := c.conn.Write([]byte{what}); err != nil {
		return nil, -1, false, err
	}
	var head [headSize]byte
	control := make([]byte, unix.CmsgSpace(4))
	n, controlSize, _, _, err := c.conn.ReadMsgUnix(head[:], control)
	if err != nil {
		return nil, -1, false, err
	}
	fd = descriptor(control[:controlSize])
	if _, err := io.ReadFull(c.conn, head[n:]); err != nil {
		return nil, fd, false, err
	}
	failed = head[1] != statusDone
	size := binary.BigEndian.Uint32(head[2:])
	if head[0] != what || size > maxConfiguration || (fd >= 0) != (what >= wantConnection && !failed) {
		return nil, fd, false, errAnswer
	}
	text = make([]byte, size)
	_, err = io.ReadFull(c.conn, text)
	return text, fd, failed, err
}

// descriptor is the one that came with a message, or -1.
func descriptor(control []byte) int {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil || len(messages) == 0 {
		return -1
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) == 0 {
		return -1
	}
	unix.CloseOnExec(fds[0])
	for _, fd := range fds[1:] { // There is room for a second one, which nobody wants.
		_ = unix.Close(fd)
	}
	return fds[0]
}
