package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// excuses are the reasons for which a manager is to end by itself and be restarted, as it prints them last. Nothing else is one: that a
// part of it did not stop in time, for example, is a fault of its own.
//
// What keeps it from starting while the API server is away, or is back and does not serve everything yet, has many wordings. What is wrong
// with the start itself shows in the undisturbed run, and as a manager that does not get ready in the end.
var excuses = []excuse{
	{"lost its lease", regexp.MustCompile(`^leader election lost$`)},
	{"found no API server as it started", regexp.MustCompile(
		`^(?:make the manager|make the cache of failed events|index the caches|set up the \w+ controller|failed to start caches): `)},
}

type excuse struct {
	reason string
	words  *regexp.Regexp
}

// excused is the reason that the last words give; empty if they give none, or anything beside it.
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

// lastWordsPrefix begins what cmd/main.go prints before it ends with 1.
const lastWordsPrefix = "tollkeeper: "

// lastWords are the lines of the error that a manager ended with, from the log of that process alone: one line for each error that was
// joined. What is logged as JSON may have come between them. There are none if it did not say why it ended.
func lastWords(log string) []string {
	all := lines(log)
	from := -1
	for i, line := range all {
		if strings.HasPrefix(line, lastWordsPrefix) {
			from = i
		}
	}
	if from < 0 {
		return nil
	}
	words := []string{strings.TrimPrefix(all[from], lastWordsPrefix)}
	for _, line := range all[from+1:] {
		if !strings.HasPrefix(line, "{") {
			words = append(words, line)
		}
	}
	return words
}

// trouble is the time in which a manager may have reason to end by itself.
type trouble struct {
	mutex    sync.Mutex
	underWay int
	ended    time.Time
}

// begin says that what managers need is spoilt from now on, until what is returned is called.
func (t *trouble) begin() (end func()) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.underWay++
	return sync.OnceFunc(func() {
		t.mutex.Lock()
		defer t.mutex.Unlock()
		t.underWay--
		t.ended = time.Now()
	})
}

// near says whether it is under way, or ended so shortly before that it may still show: a lease is given up 10 s after it could be renewed
// last, and a client waits before it tries again.
func (t *trouble) near(at time.Time) bool {
	const after = 30 * time.Second
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.underWay > 0 || !t.ended.IsZero() && at.Sub(t.ended) < after
}

// ends keeps how managers ended by themselves.
type ends struct {
	trouble trouble

	mutex   sync.Mutex
	excused map[string]int // by reason
	crashes []string
}

// judge looks at an end that no kill brought about. One that was told to end has nothing to say.
func (e *ends) judge(d *daemon, err error, told bool) {
	if told && err == nil {
		return
	}
	words := lastWords(d.present())
	reason := excused(words)
	e.mutex.Lock()
	defer e.mutex.Unlock()
	if exitCode(err) == 1 && reason != "" && e.trouble.near(time.Now()) {
		e.excused[reason]++
		return
	}
	how := "by itself"
	if told {
		how = "as it was told to, but"
	}
	e.crashes = append(e.crashes, fmt.Sprintf("%s ended %s with %v at %s; its last words: %q",
		d.name, how, endOf(err), time.Now().UTC().Format(time.RFC3339Nano), strings.Join(words, "\n")))
}

func endOf(err error) error {
	if err == nil {
		return errors.New("exit status 0")
	}
	return err
}

func (e *ends) crashed(format string, arguments ...any) {
	e.mutex.Lock()
	defer e.mutex.Unlock()
	e.crashes = append(e.crashes, fmt.Sprintf(format, arguments...))
}

// excuses says how often a manager ended by itself with reason, and for which.
func (e *ends) excuses() string {
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

var panics = regexp.MustCompile(`^panic:|^fatal error:|Observed a panic|"panic":|DATA RACE`)

// allCrashes lists the crashes, and the panics that were caught, of all managers. They must have been closed.
func (o *operator) allCrashes() []string {
	o.mutex.Lock()
	crashes := slices.Clone(o.crashes)
	o.mutex.Unlock()
	for _, m := range o.managers {
		text, err := os.ReadFile(m.log.Name())
		if err != nil {
			crashes = append(crashes, err.Error())
		}
		for _, line := range lines(string(text)) {
			if panics.MatchString(line) {
				crashes = append(crashes, m.name+": "+line)
			}
		}
	}
	return crashes
}

// present is the log of the process that runs, or ran last.
func (d *daemon) present() string {
	d.mutex.Lock()
	from := d.logged
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

func lines(text string) []string { return strings.Split(strings.TrimSuffix(text, "\n"), "\n") }
