package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// excuses are the errors with which a manager may exit by itself, to be restarted, matched against its last words.
// Every other exit is a crash. A component that does not stop in time, for example, is a bug.
//
// A start that fails because the API server is down, or does not serve every API yet, fails with one of many errors.
// The second excuse accepts all errors of these steps. A bug in the steps themselves still shows: the undisturbed run
// fails, or a manager never gets ready.
var excuses = []excuse{
	{"lost its lease", regexp.MustCompile(`^leader election lost$`)},
	{"found no API server as it started", regexp.MustCompile(
		`^(?:make the manager|make the cache of failed events|index the caches|set up the \w+ controller|failed to start caches): `)},
}

type excuse struct {
	reason string
	words  *regexp.Regexp
}

// excused returns the reason if every line of the last words matches an excuse; else empty.
func excused(words []string) string {
	reason := ""
	for _, line := range words {
		i := slices.IndexFunc(excuses, func(e excuse) bool { return e.words.MatchString(line) })
		if i < 0 {
			return ""
		}
		reason = excuses[i].reason
	}
	return reason
}

// exitMessage is the message of the line that cmd/main.go logs before it exits with an error.
const exitMessage = "Tollkeeper exits"

// lastWords returns the lines of the error with which a manager exited: one line per joined error, and what the Go runtime
// wrote behind them. The log must be that of one process. The result is empty if the manager logged no such error.
func lastWords(log string) []string {
	var words []string
	for _, line := range lines(log) {
		var logged struct{ Msg, Error string }
		switch err := json.Unmarshal([]byte(line), &logged); {
		case err == nil && logged.Msg == exitMessage:
			words = strings.Split(logged.Error, "\n")
		case err != nil && words != nil:
			words = append(words, line)
		}
	}
	return words
}

// disturbance records when faults are active that may make a manager exit by itself.
type disturbance struct {
	mutex  sync.Mutex
	active int
	ended  time.Time // the end of the last one
}

// begin starts a disturbance. It lasts until end is called.
func (t *disturbance) begin() (end func()) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.active++
	return sync.OnceFunc(func() {
		t.mutex.Lock()
		defer t.mutex.Unlock()
		t.active--
		t.ended = time.Now()
	})
}

// activeNear reports whether a disturbance is active at that time or ended less than 30 s before. The effect may come
// late: a leader gives its lease up 10 s after the last renewal, and a client waits before it retries.
func (t *disturbance) activeNear(at time.Time) bool {
	const after = 30 * time.Second
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.active > 0 || !t.ended.IsZero() && at.Sub(t.ended) < after
}

// exits collects the exits of managers that the test did not kill.
type exits struct {
	disturbance disturbance

	mutex   sync.Mutex
	excused map[string]int // by reason
	crashes []string
}

// recordExit records an exit without a kill as excused or as a crash. An exit with code 0 after SIGTERM is normal and
// not recorded.
func (e *exits) recordExit(d *daemon, err error, terminated bool) {
	if terminated && err == nil {
		return
	}
	words := lastWords(d.currentLog())
	reason := excused(words)
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if exitCode(err) == 1 && reason != "" && e.disturbance.activeNear(time.Now()) {
		e.excused[reason]++
		return
	}
	how := "by itself"
	if terminated {
		how = "after SIGTERM, but"
	}
	e.crashes = append(e.crashes, fmt.Sprintf("%s exited %s with %v at %s; its last words: %q",
		d.name, how, exitStatus(err), time.Now().UTC().Format(time.RFC3339Nano), strings.Join(words, "\n")))
}

func exitStatus(err error) error {
	if err == nil {
		return errors.New("exit status 0")
	}
	return err
}

func (e *exits) crashf(format string, arguments ...any) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	e.crashes = append(e.crashes, fmt.Sprintf(format, arguments...))
}

// summary returns the number of excused exits and their reasons: "excused=4 (4 × lost its lease)".
func (e *exits) summary() string {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	total := 0
	var reasons []string
	for reason, n := range e.excused {
		total += n
		reasons = append(reasons, fmt.Sprintf("%d × %s", n, reason))
	}
	if total == 0 {
		return "excused=0"
	}
	slices.Sort(reasons)
	return fmt.Sprintf("excused=%d (%s)", total, strings.Join(reasons, ", "))
}
