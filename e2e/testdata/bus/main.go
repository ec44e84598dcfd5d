// Command bus is a bus in a process of its own, which a test may kill: bus ADDRESS FOLDER.
package main

import (
	"fmt"
	"os"

	"terroir/bus/server"
)

func main() {
	s, err := server.Start(os.Args[1], os.Args[2], nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Fprintln(os.Stderr, "bus:", s.URL())
	select {}
}
