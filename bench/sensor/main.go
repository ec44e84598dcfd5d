// Command sensor measures the sensor beside what it is compared with. It is called by bench/sessions.sh, bench/idle.sh
// and bench/syns.sh, within a network namespace that they made.
//
//	sensor sessions PROGRAM  short sessions per second, against a minimal accept loop (sensor loop)
//	sensor idle PROGRAM      memory with no session, and with 20,000 silent ones
//	sensor syns PROGRAM      SYNs to unserved ports, against tcpdump -w /dev/null
//
// PROGRAM is a terroir-sensor.
package main

import (
	"fmt"
	"os"
)

func main() {
	commands := map[string]func(args []string) error{"sessions": sessions, "idle": idle, "syns": syns, "loop": loop, "bus": runBus}
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: sensor sessions|idle|syns PROGRAM")
		os.Exit(2)
	}
	if err := commands[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}
