package main

import "syscall"

// childAttributes: a process group of its own, as Ctrl-C is for the test, which stops its children in order; and the end of the thread
// that started it ends it, however the test ends.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
