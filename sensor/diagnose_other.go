//go:build !linux

package sensor

import "terroir/config"

func diagnoseSystem(*config.Sensor) []Finding {
	return []Finding{{Less, "system", "unserved ports are not observed, and the sensor is not confined", "run it on Linux"}}
}

func freeBytes(string) (uint64, bool) { return 0, false }

func descriptorLimit() (uint64, bool) { return 0, false }
