//go:build !linux

package main

import "syscall"

// childAttributes puts the child into its own process group, so that Ctrl-C reaches only this program, which stops its
// children in order. If this program is killed, the children continue: only Linux kills them with it.
func childAttributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
