package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
)

// restartPause is the time between an exit and the restart. A kubelet's first restart takes about as long.
const restartPause = 500 * time.Millisecond

// daemon is a child process that is restarted whenever it exits.
type daemon struct {
	name string
	path string
	args []string
	env  []string
	log  *os.File
	// onExit is called after every exit except those by kill. terminated is true if the process had received SIGTERM.
	// It may be nil.
	onExit func(d *daemon, err error, terminated bool)
	// lock is held by one fault at a time: the end of one fault would undo another.
	lock lock

	mutex      sync.Mutex
	process    *os.Process
	starts     int           // number of starts
	logStart   int64         // offset in the log at which the current process starts
	killed     bool          // kill was called
	terminated bool          // terminate was called
	downtime   time.Duration // time until the restart
	stopped    chan struct{} // closed when the goroutine of start has returned
	cancel     context.CancelFunc
}

func newDaemon(folder, name, path string, args ...string) (*daemon, error) {
	log, err := os.Create(filepath.Join(folder, name+".log"))
	return &daemon{name: name, path: path, args: args, log: log, lock: newLock()}, err
}

// start runs the process, and restarts it after each exit, until close.
func (d *daemon) start() {
	ctx, cancel := context.WithCancel(context.Background())
	d.cancel, d.stopped = cancel, make(chan struct{})
	go func() {
		defer close(d.stopped)
		// The kernel kills the child when the thread that started it exits (Pdeathsig): keep the thread.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		for ctx.Err() == nil {
			err := d.runOnce(ctx)
			d.mutex.Lock()
			// A process that exited by itself just before the kill has another exit status.
			killed, terminated, downtime := d.killed && signalOf(err) == syscall.SIGKILL, d.terminated, max(d.downtime, restartPause)
			d.process, d.killed, d.terminated, d.downtime = nil, false, false, 0
			d.mutex.Unlock()
			if ctx.Err() == nil && !killed && d.onExit != nil {
				d.onExit(d, err, terminated)
			}
			pause(ctx, downtime)
		}
	}()
}

// runOnce runs the process until it exits.
func (d *daemon) runOnce(ctx context.Context) error {
	cmd := exec.Command(d.path, d.args...)
	cmd.Env = append(os.Environ(), d.env...)
	cmd.Stdout, cmd.Stderr = d.log, d.log
	cmd.SysProcAttr = childAttributes()
	logged, err := d.log.Stat()
	if err != nil {
		return fmt.Errorf("start %s: %w", d.name, err)
	}
	d.mutex.Lock()
	if err = cmd.Start(); err == nil {
		d.process, d.logStart = cmd.Process, logged.Size()
		d.starts++
	}
	d.mutex.Unlock()
	if err != nil {
		return fmt.Errorf("start %s: %w", d.name, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
	defer stop()
	return cmd.Wait()
}

// kill sends SIGKILL, and reports whether a process was running. The restart follows after the downtime.
func (d *daemon) kill(downtime time.Duration) bool {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.process == nil || d.killed || d.process.Kill() != nil {
		return false
	}
	d.killed, d.downtime = true, downtime
	return true
}

// terminate sends SIGTERM, and reports whether a process was running.
func (d *daemon) terminate() bool {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.process == nil || d.killed || d.process.Signal(syscall.SIGTERM) != nil {
		return false
	}
	d.terminated = true
	return true
}

// suspend sends SIGSTOP, and reports whether a process was running. resume lets the process continue.
func (d *daemon) suspend() (resume func(), suspended bool) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	process := d.process
	if process == nil || d.killed || process.Signal(syscall.SIGSTOP) != nil {
		return func() {}, false
	}
	return sync.OnceFunc(func() { _ = process.Signal(syscall.SIGCONT) }), true
}

// started returns the number of starts, and whether the process runs.
func (d *daemon) started() (times int, runs bool) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return d.starts, d.process != nil && !d.killed
}

// awaitRestart waits until the process has been started more than that many times.
func (d *daemon) awaitRestart(ctx context.Context, times int, patience time.Duration) error {
	return eventually(ctx, patience, d.name+" is restarted", func(context.Context) error {
		if now, _ := d.started(); now <= times {
			return errors.New("it is not restarted")
		}
		return nil
	})
}

// currentLog returns the log of the current process, or of the last one if none runs.
func (d *daemon) currentLog() string {
	d.mutex.Lock()
	from := d.logStart
	d.mutex.Unlock()
	file, err := os.Open(d.log.Name())
	if err != nil {
		return err.Error()
	}
	defer func() { _ = file.Close() }()
	text, err := io.ReadAll(io.NewSectionReader(file, from, 1<<40))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// close kills the process and ends the restarts.
func (d *daemon) close() error {
	if d.cancel != nil {
		d.cancel()
		<-d.stopped
	}
	return d.log.Close()
}

// lock is a mutex whose acquire can be cancelled.
type lock chan struct{}

func newLock() lock { return make(lock, 1) }

// acquire waits for the lock, and reports whether it got it before ctx was done.
func (l lock) acquire(ctx context.Context) bool {
	select {
	case l <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// tryAcquire takes the lock if it is free, and reports whether it did.
func (l lock) tryAcquire() bool {
	select {
	case l <- struct{}{}:
		return true
	default:
		return false
	}
}

func (l lock) release() { <-l }

// pause waits for d, and reports whether the time passed before ctx was done.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// exitCode returns the exit code of a process; -1 after a signal.
func exitCode(err error) int {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	if err != nil {
		return -1
	}
	return 0
}

// signalOf returns the signal that ended a process; 0 if it exited by itself.
func signalOf(err error) syscall.Signal {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return status.Signal()
		}
	}
	return 0
}

func lines(text string) []string { return strings.Split(strings.TrimSuffix(text, "\n"), "\n") }
