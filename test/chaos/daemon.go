package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// restartPause is how long a process that ended stays away, as a kubelet leaves it at first.
const restartPause = 500 * time.Millisecond

// daemon is a child process that is started again whenever it ends.
type daemon struct {
	name string
	path string
	args []string
	env  []string
	log  *os.File
	// ended is told of every end that nobody ordered. It may be nil.
	ended func(d *daemon, err error)

	mutex   sync.Mutex
	process *os.Process
	ordered bool          // its end was ordered
	away    time.Duration // how long it stays away
	over    chan struct{} // closed when run has returned
	cancel  context.CancelFunc
}

func newDaemon(folder, name, path string, args ...string) (*daemon, error) {
	log, err := os.Create(filepath.Join(folder, name+".log"))
	return &daemon{name: name, path: path, args: args, log: log}, err
}

// start runs it until close.
func (d *daemon) start() {
	ctx, cancel := context.WithCancel(context.Background())
	d.cancel, d.over = cancel, make(chan struct{})
	go func() {
		defer close(d.over)
		for ctx.Err() == nil {
			err := d.once(ctx)
			d.mutex.Lock()
			ordered, away := d.ordered, max(d.away, restartPause)
			d.process, d.ordered, d.away = nil, false, 0
			d.mutex.Unlock()
			if ctx.Err() == nil && !ordered && d.ended != nil {
				d.ended(d, err)
			}
			pause(ctx, away)
		}
	}()
}

// once runs it until it ends.
func (d *daemon) once(ctx context.Context) error {
	cmd := exec.Command(d.path, d.args...)
	cmd.Env = append(os.Environ(), d.env...)
	cmd.Stdout, cmd.Stderr = d.log, d.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for the test, which stops it in order
	d.mutex.Lock()
	err := cmd.Start()
	if err == nil {
		d.process = cmd.Process
	}
	d.mutex.Unlock()
	if err != nil {
		return fmt.Errorf("start %s: %w", d.name, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
	defer stop()
	return cmd.Wait()
}

// kill ends it at once. It stays away for so long.
func (d *daemon) kill(away time.Duration) bool {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.process == nil || d.ordered {
		return false
	}
	d.ordered, d.away = true, away
	return d.process.Kill() == nil
}

// terminate asks it to end.
func (d *daemon) terminate() {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.process != nil {
		d.ordered = true
		_ = d.process.Signal(syscall.SIGTERM)
	}
}

// stop makes it stand still until what is returned is called.
func (d *daemon) stop() (resume func()) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	process := d.process
	if process == nil {
		return func() {}
	}
	_ = process.Signal(syscall.SIGSTOP)
	return func() { _ = process.Signal(syscall.SIGCONT) }
}

// close ends it for good.
func (d *daemon) close() error {
	if d.cancel != nil {
		d.cancel()
		<-d.over
	}
	return d.log.Close()
}

// pause waits, and says whether it waited to the end.
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

// exitCode is the code that a process ended with; -1 for a signal.
func exitCode(err error) int {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	if err != nil {
		return -1
	}
	return 0
}
