package main

import (
	"os/exec"
	"syscall"
)

// endWithParent makes the kernel end the process when this one dies, however it dies.
func endWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true}
}
