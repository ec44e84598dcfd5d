package sensor

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"terroir/config"
	"terroir/sensor/confine"
	"terroir/sensor/tap"
)

func diagnoseSystem(cfg *config.Sensor) []Finding {
	return []Finding{diagnoseTap(cfg), diagnoseUser(cfg), diagnoseLandlock(cfg), diagnoseSeccomp(cfg), diagnoseDescriptors(cfg), diagnoseClock()}
}

func diagnoseTap(cfg *config.Sensor) Finding {
	const what = "unserved ports"
	if !cfg.Tap.Enabled {
		return good(what, "not wanted (tap.enabled)")
	}
	if err := tap.Check(cfg.Tap.Interface); errors.Is(err, tap.ErrNoCapability) {
		return Finding{Less, what, "CAP_NET_RAW is missing", setcap("cap_net_raw,cap_net_bind_service")}
	} else if err != nil {
		return Finding{Bad, what, err.Error(), "correct tap.interface; ip link lists the interfaces"}
	}
	return good(what, "packets can be read")
}

func diagnoseUser(cfg *config.Sensor) Finding {
	const what = "user"
	if !cfg.Confine.Enabled {
		return Finding{lacks(cfg), what, "the sensor is not confined (confine.enabled)", "take confine.enabled out of the configuration"}
	}
	if os.Geteuid() != 0 {
		return good(what, "an ordinary one (%d)", os.Geteuid())
	}
	id, err := confine.Find(cfg.Confine.User)
	if err == nil {
		err = confine.Reaches(id, cfg.Dir)
	}
	if err != nil {
		return Finding{lacks(cfg), what, fmt.Sprintf("it would stay the superuser: %v", err),
			"useradd --system terroir && install -d -o terroir /var/lib/terroir, and dir: /var/lib/terroir"}
	}
	return good(what, "becomes %s once it listens", id.Name)
}

// lacks is what it means that a part of the confinement is missing.
func lacks(cfg *config.Sensor) State {
	if cfg.Confine.Required {
		return Bad
	}
	return Less
}

func diagnoseLandlock(cfg *config.Sensor) Finding {
	const what, known = "landlock", 4
	switch v := confine.LandlockVersion(); {
	case v == 0:
		return Finding{lacks(cfg), what, "the kernel has none: files are not confined", "Linux 5.13 or later, with landlock in the kernel's parameter lsm="}
	case v < known:
		return Finding{lacks(cfg), what, fmt.Sprintf("version %d knows files, but not connections", v), "Linux 6.7 or later"}
	default:
		return good(what, "version %d", v)
	}
}

func diagnoseSeccomp(cfg *config.Sensor) Finding {
	const what = "seccomp"
	if !confine.CallsSupported() {
		return Finding{lacks(cfg), what, "the kernel or the container lets no filter in: system calls are not confined", "in a container: --security-opt seccomp=unconfined lets the sensor bring its own"}
	}
	return good(what, "system calls can be filtered")
}

func diagnoseDescriptors(cfg *config.Sensor) Finding {
	const what = "descriptors"
	limit, ok := descriptorLimit()
	if !ok {
		return Finding{Less, what, "the limit cannot be read", ""}
	}
	if n := sessionsWithin(cfg, limit); n < cfg.Limits.Sessions {
		want := limit + uint64(cfg.Limits.Sessions-n)
		return Finding{Less, what, fmt.Sprintf("%d suffice for %d sessions, not for the %d of limits.sessions", limit, n, cfg.Limits.Sessions),
			fmt.Sprintf("ulimit -n %d, or LimitNOFILE=%d in the unit, or lower limits.sessions", want, want)}
	}
	return good(what, "%d", limit)
}

// descriptorLimit is how many descriptors the process may have. Go raises the soft limit to it.
func descriptorLimit() (uint64, bool) {
	var limit unix.Rlimit
	err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit)
	return limit.Max, err == nil
}

// diagnoseClock asks the kernel whether anybody keeps its clock right (adjtimex(2)).
func diagnoseClock() Finding {
	const what = "clock"
	var x unix.Timex
	state, err := unix.Adjtimex(&x)
	if err != nil || state == unix.TIME_ERROR {
		return Finding{Less, what, "nobody says that it is right; times of events are the sensor's", "timedatectl set-ntp true"}
	}
	return good(what, "synchronized")
}

func freeBytes(dir string) (uint64, bool) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, false
	}
	return s.Bavail * uint64(s.Bsize), true
}
