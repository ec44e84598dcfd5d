// Command terroir-sensor is a sensor and nothing else: one static binary without cgo. It is the same as
// terroir sensor run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"terroir"
	"terroir/config"
	"terroir/sensor"
	"terroir/sensor/monitor"
)

// version is set by the linker in releases.
var version = "dev"

func main() {
	monitor.Main()
	file := flag.String("c", "", "configuration file (default: built-in values)")
	anyPort := flag.Bool("any-port", false, "listen on another port where one is taken or forbidden")
	doctor := flag.Bool("doctor", false, "say what is missing here, and the command that gives it, and exit")
	join := flag.String("join", "", "join a hub's fleet with the token, and exit")
	show := flag.Bool("version", false, "print the version and exit")
	flag.Parse()
	if *show {
		fmt.Println("terroir-sensor", version)
		return
	}
	if flag.NArg() > 0 {
		end(terroir.Errorf(terroir.EUSAGE, "unexpected argument %q; see -help", flag.Arg(0)))
	}
	if *join != "" {
		if err := joinFleet(*file, *join); err != nil {
			end(err)
		}
		return
	}
	if *doctor {
		if err := diagnose(*file); err != nil {
			end(err)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := sensor.Program{File: *file, Version: version, AnyPort: *anyPort}.Run(ctx)
	if err != nil && !errors.Is(err, context.Canceled) {
		end(err)
	}
}

func joinFleet(file, token string) error {
	cfg, err := config.LoadSensor(file)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), sensor.JoinWithin)
	defer cancel()
	_, err = sensor.Join(ctx, cfg.Dir, token)
	return err
}

func diagnose(file string) error {
	cfg, err := config.LoadSensor(file)
	if err != nil {
		return err
	}
	return sensor.WriteFindings(os.Stdout, sensor.Diagnose(&cfg))
}

// end says what is wrong in one line, and leaves with the documented exit code.
func end(err error) {
	fmt.Fprintf(os.Stderr, "terroir-sensor: %v\n", err)
	os.Exit(terroir.ErrorCode(err).ExitCode())
}
