package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
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
	// ended is told of every end but those by kill. It may be nil.
	ended func(d *daemon, err error, told bool)
	// turn is had by one fault at a time: two at once would end each other early.
	turn turn

	mutex   sync.Mutex
	process *os.Process
	starts  int           // how often it was started
	logged  int64         // where in the log the present process begins
	killed  bool          // it was killed by kill
	told    bool          // it was told to end
	away    time.Duration // how long it stays away
	over    chan struct{} // closed when run has returned
	cancel  context.CancelFunc
}

func newDaemon(folder, name, path string, args ...string) (*daemon, error) {
	log, err := os.Create(filepath.Join(folder, name+".log"))
	return &daemon{name: name, path: path, args: args, log: log, turn: newTurn()}, err
}

// start runs it until close.
func (d *daemon) start() {
	ctx, cancel := context.WithCancel(context.Background())
	d.cancel, d.over = cancel, make(chan struct{})
	go func() {
		defer close(d.over)
		// Its death signal is bound to the thread that starts it, which must therefore stay.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		for ctx.Err() == nil {
			err := d.once(ctx)
			d.mutex.Lock()
			// A process that had ended by itself before it was killed shows that in its state.
			killed, told, away := d.killed && signalOf(err) == syscall.SIGKILL, d.told, max(d.away, restartPause)
			d.process, d.killed, d.told, d.away = nil, false, false, 0
			d.mutex.Unlock()
			if ctx.Err() == nil && !killed && d.ended != nil {
				d.ended(d, err, told)
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
	cmd.SysProcAttr = childAttributes()
	logged, err := d.log.Stat()
	if err != nil {
		return fmt.Errorf("start %s: %w", d.name, err)
	}
	d.mutex.Lock()
	if err = cmd.Start(); err == nil {
		d.process, d.logged = cmd.Process, logged.Size()
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

// kill ends it at once, and says whether there was anything to end. It stays away for so long.
func (d *daemon) kill(away time.Duration) bool {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.process == nil || d.killed || d.process.Kill() != nil {
		return false
	}
	d.killed, d.away = true, away
	return true
}

// terminate asks it to end, and says whether there was anything to ask.
func (d *daemon) terminate() bool {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.process == nil || d.killed || d.process.Signal(syscall.SIGTERM) != nil {
		return false
	}
	d.told = true
	return true
}

// stop makes it stand still until what is returned is called, and says whether there was anything to stop.
func (d *daemon) stop() (resume func(), stopped bool) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	process := d.process
	if process == nil || d.killed || process.Signal(syscall.SIGSTOP) != nil {
		return func() {}, false
	}
	return sync.OnceFunc(func() { _ = process.Signal(syscall.SIGCONT) }), true
}

// started is how often it was started, and whether it runs.
func (d *daemon) started() (times int, runs bool) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	return d.starts, d.process != nil && !d.killed
}

// startedAfter waits until it has been started more often than that.
func (d *daemon) startedAfter(ctx context.Context, times int, patience time.Duration) error {
	return eventually(ctx, patience, d.name+" is started again", func(context.Context) error {
		if now, _ := d.started(); now <= times {
			return errors.New("it is not")
		}
		return nil
	})
}

// close ends it for good.
func (d *daemon) close() error {
	if d.cancel != nil {
		d.cancel()
		<-d.over
	}
	return d.log.Close()
}

// turn is had by one at a time.
type turn chan struct{}

func newTurn() turn { return make(turn, 1) }

// take waits for the turn, and says whether it came.
func (t turn) take(ctx context.Context) bool {
	select {
	case t <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// tryTake says whether the turn was free, and is taken now.
func (t turn) tryTake() bool {
	select {
	case t <- struct{}{}:
		return true
	default:
		return false
	}
}

func (t turn) giveBack() { <-t }

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

// signalOf is the signal that ended a process; 0 if none did.
func signalOf(err error) syscall.Signal {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
			return status.Signal()
		}
	}
	return 0
}
