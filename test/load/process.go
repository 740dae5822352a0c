package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// process is a process of this machine, by its id.
type process int

// clockTick is the unit of times in /proc: USER_HZ, which is 100 on every architecture that Go runs on.
const clockTick = 10 * time.Millisecond

// cpu is the processor time that the process has used. It fails where there is no /proc.
func (p process) cpu() (time.Duration, error) {
	fields, err := p.stat()
	if err != nil {
		return 0, err
	}
	user, err := strconv.ParseInt(fields[11], 10, 64)
	if err != nil {
		return 0, err
	}
	system, err := strconv.ParseInt(fields[12], 10, 64)
	return time.Duration(user+system) * clockTick, err
}

// stat returns the fields of /proc/<pid>/stat after the name of the program, from the state on. See proc(5).
func (p process) stat() ([]string, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p))
	if err != nil {
		return nil, err
	}
	_, rest, found := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if !found || len(fields) < 22 {
		return nil, fmt.Errorf("/proc/%d/stat has another form: %q", p, text)
	}
	return fields, nil
}

// memory is the peak of the memory that the process has held (VmHWM), in bytes.
func (p process) memory() (float64, error) { return p.memoryOf("VmHWM:") }

// resident is the memory that the process holds now (VmRSS), in bytes.
func (p process) resident() (float64, error) { return p.memoryOf("VmRSS:") }

func (p process) memoryOf(field string) (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if value, found := strings.CutPrefix(line, field); found {
			kib, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 64)
			return kib * 1024, err
		}
	}
	return 0, fmt.Errorf("/proc/%d/status has no VmHWM", p)
}

// childNamed finds the child of this process that runs the program.
func childNamed(program string) (process, error) {
	folders, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return 0, err
	}
	for _, folder := range folders {
		pid, err := strconv.Atoi(filepath.Base(folder))
		if err != nil {
			continue
		}
		fields, err := process(pid).stat()
		if err != nil || fields[1] != strconv.Itoa(os.Getpid()) {
			continue // it has ended, or is another's
		}
		if path, err := os.Readlink(filepath.Join(folder, "exe")); err == nil && filepath.Base(path) == program {
			return process(pid), nil
		}
	}
	return 0, fmt.Errorf("no %s runs", program)
}
