//go:build !linux

package main

import "syscall"

// childAttributes: a process group of its own, as Ctrl-C is for the test, which stops its children in order. If the test itself is
// killed they go on here: only Linux ends them with it.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
