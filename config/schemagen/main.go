// Command schemagen writes the JSON Schemas of the configuration files beside package config.
package main

import (
	"log"
	"os"

	"terroir/config"
)

func main() {
	for file, v := range map[string]any{"sensor.schema.json": config.DefaultSensor(), "hub.schema.json": config.DefaultHub(),
		"overlay.schema.json": config.Overlay{}} {
		b, err := config.Schema(file, v)
		if err == nil {
			err = os.WriteFile(file, b, 0o644)
		}
		if err != nil {
			log.Fatal(err)
		}
	}
}
