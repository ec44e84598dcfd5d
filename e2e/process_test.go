package e2e

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"terroir/config"
	"terroir/sensor"
)

// runSensorProcess is the main function of a sensor's process.
func runSensorProcess() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	cfg, err := config.LoadSensor(os.Getenv("TERROIR_E2E_SENSOR"))
	if err == nil {
		err = sensor.RunConfigured(ctx, cfg, "test", true)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}
