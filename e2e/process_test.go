package e2e

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"terroir/sensor"
)

// runSensorProcess is the main function of a sensor's process.
func runSensorProcess() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	err := sensor.Program{File: os.Getenv("TERROIR_E2E_SENSOR"), Version: "test", AnyPort: true}.Run(ctx)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}
