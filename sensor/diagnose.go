package sensor

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"terroir"
	"terroir/config"
)

// State is what a finding means for the sensor.
type State string

// The states of findings.
const (
	// Good: the sensor has it.
	Good State = "ok"
	// Less: the sensor runs, with less.
	Less State = "less"
	// Bad: the sensor does not run.
	Bad State = "bad"
)

// Finding is one thing that a sensor needs.
type Finding struct {
	State State
	// What was looked at, and what was found.
	What, Found string
	// Do is the command or the change that gives what is missing; "" when nothing is.
	Do string
}

func good(what, found string, args ...any) Finding {
	return Finding{Good, what, fmt.Sprintf(found, args...), ""}
}

// Diagnose looks at what the sensor of the configuration would need, as the user who asks. It changes nothing but a file
// in the sensor's folder that it removes again, and binds each port for a moment.
func Diagnose(cfg *config.Sensor) []Finding {
	findings := []Finding{diagnoseFolder(cfg), diagnosePorts(cfg), diagnoseHub(cfg)}
	return append(findings, diagnoseSystem(cfg)...)
}

// WriteFindings prints them as a table. It returns an ECHECK error when one is bad.
func WriteFindings(w io.Writer, findings []Finding) error {
	tw := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	var bad []string
	for _, f := range findings {
		fmt.Fprintf(tw, "%s\t%s\t%s\n", f.State, f.What, f.Found)
		if f.Do != "" {
			fmt.Fprintf(tw, "\t\tdo: %s\n", f.Do)
		}
		if f.State == Bad {
			bad = append(bad, f.What)
		}
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	if len(bad) > 0 {
		return &terroir.Error{Code: terroir.ECHECK, Message: "a sensor does not run like this: " + strings.Join(bad, ", "), Hint: "do what is said above"}
	}
	return nil
}

func diagnoseFolder(cfg *config.Sensor) Finding {
	const what = "folder"
	dir := cfg.Dir
	for { // The sensor makes it.
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	f, err := os.CreateTemp(dir, ".terroir-doctor-*")
	if err != nil {
		return Finding{Bad, what, fmt.Sprintf("%s: %v", cfg.Dir, rootCause(err)), "install -d -o $(id -un) " + cfg.Dir}
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if free, ok := freeBytes(dir); ok && free < uint64(cfg.Limits.SpoolBytes) {
		return Finding{Less, what, fmt.Sprintf("%s: %s are free, the spool may take %s", cfg.Dir, config.Size(free), cfg.Limits.SpoolBytes),
			"make room, or lower limits.spool_bytes"}
	}
	return good(what, "%s", cfg.Dir)
}

func rootCause(err error) error {
	for errors.Unwrap(err) != nil {
		err = errors.Unwrap(err)
	}
	return err
}

// diagnosePorts binds each port as the sensor would.
func diagnosePorts(cfg *config.Sensor) Finding {
	const what = "ports"
	addresses := cfg.Listen.Addresses
	if len(addresses) == 0 {
		addresses = []string{""}
	}
	var taken, forbidden []string
	ports := cfg.Configuration().Ports
	for _, p := range ports {
		for _, a := range addresses {
			err := bindOnce(p, net.JoinHostPort(a, fmt.Sprint(p.Port)))
			switch {
			case errors.Is(err, fs.ErrPermission):
				forbidden = append(forbidden, p.String())
			case err != nil:
				taken = append(taken, fmt.Sprintf("%s (%v)", p, rootCause(err)))
			}
		}
	}
	switch {
	case len(taken) > 0:
		return Finding{Bad, what, strings.Join(taken, ", "), "ss -lntup shows who has a port; or take it out of listen.ports"}
	case len(forbidden) > 0:
		return Finding{Bad, what, "not permitted: " + strings.Join(forbidden, ", "), setcap("cap_net_bind_service")}
	}
	return good(what, "all %d can be bound", len(ports))
}

// setcap is the command that gives this program the capabilities.
func setcap(capabilities string) string {
	exe, err := os.Executable()
	if err != nil {
		exe = "terroir-sensor"
	}
	return "setcap " + capabilities + "+ep " + exe
}

func bindOnce(p terroir.ServedPort, at string) error {
	if p.Transport == terroir.UDP {
		c, err := net.ListenPacket("udp", at)
		if err != nil {
			return err
		}
		return c.Close()
	}
	l, err := net.Listen("tcp", at)
	if err != nil {
		return err
	}
	return l.Close()
}

func diagnoseHub(cfg *config.Sensor) Finding {
	const what = "hub"
	hosts, err := hubHosts(cfg.Hub)
	if err != nil {
		return Finding{Bad, what, err.Error(), "correct the key hub"}
	}
	var lacking []string
	for _, host := range hosts {
		c, err := net.DialTimeout("tcp", host, 5*time.Second)
		if err == nil {
			_ = c.Close()
			return good(what, "%s answers", host)
		}
		lacking = append(lacking, fmt.Sprintf("%s: %v", host, rootCause(err)))
	}
	return Finding{Less, what, strings.Join(lacking, ", ") + "; events wait in the spool", "terroir hub run, or correct the key hub"}
}
