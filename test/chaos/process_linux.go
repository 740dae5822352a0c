package main

import "syscall"

// childAttributes puts the child into its own process group, so that Ctrl-C reaches only this program, which stops its
// children in order. The kernel kills the child when the thread that started it exits, however this program ends.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
