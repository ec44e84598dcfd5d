package confine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"kernel.org/pub/linux/libs/security/libcap/cap"
)

// fallbackUsers are whom a process becomes when no user is named: the first that exists.
var fallbackUsers = []string{"terroir", "nobody"}

// Find finds the user, or the first of terroir and nobody for "". Where there is none by that name the error is told.
func Find(name string) (Identity, error) {
	names := fallbackUsers
	if name != "" {
		names = []string{name}
	}
	for _, n := range names {
		u, err := user.Lookup(n)
		if err != nil {
			continue
		}
		uid, err1 := strconv.Atoi(u.Uid)
		gid, err2 := strconv.Atoi(u.Gid)
		if err := errors.Join(err1, err2); err != nil {
			return Identity{}, err
		}
		if uid == 0 {
			return Identity{}, fmt.Errorf("user %s is the superuser", n)
		}
		return Identity{Name: n, UID: uid, GID: gid}, nil
	}
	return Identity{}, fmt.Errorf("there is no user %q", names[len(names)-1])
}

// Own gives the folder and all in it to the user; links are not followed.
func Own(dir string, id Identity) error {
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, id.UID, id.GID)
	})
}

// Reaches says whether the user, who is in no other groups, may pass through every folder above dir.
func Reaches(id Identity, dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	for above := filepath.Dir(dir); ; above = filepath.Dir(above) {
		info, err := os.Stat(above)
		if err != nil {
			return err
		}
		owner := info.Sys().(*syscall.Stat_t)
		pass := info.Mode()&0o001 != 0
		switch {
		case int(owner.Uid) == id.UID:
			pass = info.Mode()&0o100 != 0
		case int(owner.Gid) == id.GID:
			pass = info.Mode()&0o010 != 0
		}
		if !pass {
			return fmt.Errorf("user %s cannot reach %s: %s is closed to it", id.Name, dir, above)
		}
		if above == filepath.Dir(above) {
			return nil
		}
	}
}

// Become makes every thread the user's, without other groups. Capabilities stay until KeepOnly: ports are to be opened.
func Become(id Identity) error {
	have := cap.GetProc()
	if err := cap.SetGroups(id.GID); err != nil {
		return fmt.Errorf("group %d: %w", id.GID, err)
	}
	if err := cap.SetUID(id.UID); err != nil {
		return fmt.Errorf("user %d: %w", id.UID, err)
	}
	if err := have.SetProc(); err != nil { // What is permitted is not in effect any more.
		return fmt.Errorf("capabilities: %w", err)
	}
	return nil
}

// KeepNothing takes every capability from every thread.
func KeepNothing() error { return keep(cap.NewSet()) }

// KeepOnly leaves every thread, of the capabilities that it has, those of low ports, so that a configuration may open
// one later, and none to gain.
func KeepOnly() error {
	set := cap.NewSet()
	have := cap.GetProc()
	if ok, err := have.GetFlag(cap.Permitted, cap.NET_BIND_SERVICE); err == nil && ok {
		if err := set.SetFlag(cap.Permitted, true, cap.NET_BIND_SERVICE); err != nil {
			return err
		}
		if err := set.SetFlag(cap.Effective, true, cap.NET_BIND_SERVICE); err != nil {
			return err
		}
	}
	return keep(set)
}

func keep(set *cap.Set) error {
	if err := cap.ResetAmbient(); err != nil {
		return fmt.Errorf("ambient capabilities: %w", err)
	}
	if err := set.SetProc(); err != nil {
		return fmt.Errorf("capabilities: %w", err)
	}
	return nil
}

// Has says whether the process has the capability now, such as "cap_net_raw".
func Has(name string) bool {
	value, err := cap.FromName(name)
	if err != nil {
		return false
	}
	ok, err := cap.GetProc().GetFlag(cap.Effective, value)
	return err == nil && ok
}
