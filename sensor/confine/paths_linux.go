package confine

import (
	"errors"
	"fmt"
	"os"

	"github.com/landlock-lsm/go-landlock/landlock"
	"github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
	"kernel.org/pub/linux/libs/security/libcap/psx"
)

// connectVersion is the first version of Landlock that knows connections (Linux 6.7).
const connectVersion = 4

// LandlockVersion is the kernel's, or 0 without Landlock.
func LandlockVersion() int {
	v, err := syscall.LandlockGetABIVersion()
	if err != nil {
		return 0
	}
	return v
}

// NoNewPrivileges makes every thread unable to gain privileges by starting a program (PR_SET_NO_NEW_PRIVS).
func NoNewPrivileges() error {
	if _, _, no := psx.Syscall6(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0); no != 0 {
		return fmt.Errorf("no new privileges: %w", no)
	}
	return nil
}

// Paths leaves the files and connections of r to every thread, and takes away all others, signals to other processes
// and abstract sockets. The error wraps ErrMissing where the kernel has no Landlock, or one that is too old to know
// connections; files are then confined all the same.
func Paths(r Rules) error {
	have := LandlockVersion()
	if have == 0 {
		return fmt.Errorf("landlock: %w", ErrMissing)
	}
	c := landlock.V7
	c.HandledAccessNet = syscall.AccessNetConnectTCP // Ports may be opened later.
	if err := c.BestEffort().Restrict(r.list()...); err != nil {
		return fmt.Errorf("landlock: %w", err)
	}
	if have < connectVersion {
		return fmt.Errorf("landlock: version %d knows files but not connections: %w", have, ErrMissing)
	}
	return nil
}

func (r *Rules) list() []landlock.Rule {
	rules := []landlock.Rule{
		landlock.ROFiles(existing(r.ReadFiles)...),
		landlock.RODirs(existing(r.ReadFolders)...),
		landlock.RWDirs(existing(r.WriteFolders)...),
	}
	for _, port := range r.Connect {
		rules = append(rules, landlock.ConnectTCP(port))
	}
	return rules
}

func existing(names []string) []string {
	var list []string
	for _, name := range names {
		if _, err := os.Stat(name); !errors.Is(err, os.ErrNotExist) {
			list = append(list, name)
		}
	}
	return list
}
