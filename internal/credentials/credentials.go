// Package credentials reads the operator's secrets from environment variables and files, holds those in use, and takes up a
// changed file without a restart. What uses a secret asks for it each time: it never keeps one.
package credentials

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"

	"github.com/tollkeeper/tollkeeper/internal/metrics"
)

// Fingerprint distinguishes one secret from another in logs and metrics: the first 8 hexadecimal digits of its SHA-256. It is what
// `printf %s "$SECRET" | sha256sum | cut -c1-8` prints.
func Fingerprint(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:4])
}

// Value is a value that may be replaced while others read it. It is safe for concurrent use.
type Value[T any] struct{ current atomic.Pointer[T] }

// Get returns the value in use.
func (v *Value[T]) Get() T { return *v.current.Load() }

// Group is about variables whose values are taken up together or not at all.
type Group[T any] struct {
	// Names are those of the variables.
	Names []string
	// Parse makes the value of the variables' texts, or says what is wrong without repeating a text.
	Parse func(get func(name string) string) (T, error)
	// Judge refuses a change of a valid value to another; nil refuses none. An error that NeedsRestart or NotYet made is not the
	// value's fault.
	Judge func(ctx context.Context, from, to T) error
	// Secrets are the single secrets in a value, by the variable's name.
	Secrets func(T) map[string][]string
	// Changed is called after a change; nil for no call.
	Changed func()
}

// The reasons for which a changed value is not in use, as metric labels.
const (
	reasonInvalid    = "invalid"    // it cannot be right
	reasonRestart    = "restart"    // a new process would use it
	reasonUnreadable = "unreadable" // its file is gone or cannot be read
	reasonUnverified = "unverified" // whether it is right is not known yet
)

// notUsedError is why a changed value is not in use.
type notUsedError struct{ reason, text string }

func (e *notUsedError) Error() string { return e.text }

// NeedsRestart is the error of a value that a new process would use, and this one cannot.
func NeedsRestart(why string) error { return &notUsedError{reasonRestart, why} }

// NotYet is the error of a value that cannot be judged now. It is judged again at the next look.
func NotYet(why string) error { return &notUsedError{reasonUnverified, why} }

func reasonOf(err error) string {
	if e, ok := errors.AsType[*notUsedError](err); ok {
		return e.reason
	}
	return reasonInvalid
}

// Store looks for changes of the files on every replica, as every one uses them.
type Store struct {
	sources *Sources // nil if no value comes from a file
	log     logr.Logger
	groups  []group

	// Interval is the time between two looks that no change of a file causes.
	Interval time.Duration

	looking sync.Mutex // one look at a time
	// refused is why the newest values of the variables are not in use, by name.
	refused map[string]refusal
	shown   map[[2]string]bool // the labels of CredentialInfo
}

type refusal struct{ reason, text string }

// group is a Group with its value in use.
type group interface {
	look(ctx context.Context, r reading) (refused map[string]refusal)
	inUse() map[string][]string
}

// New makes a Store without groups. sources may be nil: then nothing changes.
func New(sources *Sources, log logr.Logger) *Store {
	return &Store{sources: sources, log: log, Interval: defaultInterval, refused: map[string]refusal{}, shown: map[[2]string]bool{}}
}

// Add adds a group, whose value in use is initial: what its Parse made of the texts when the process started. Call it before
// Start.
func Add[T any](s *Store, about Group[T], initial T) *Value[T] {
	g := &live[T]{Group: about, log: s.log, texts: map[string]string{}, value: &Value[T]{}}
	g.value.current.Store(&initial)
	if s.sources != nil {
		for _, name := range about.Names {
			g.texts[name] = s.sources.Get(name)
		}
	}
	s.groups = append(s.groups, g)
	return g.value
}

// live is a Group with its value in use.
type live[T any] struct {
	Group[T]
	log   logr.Logger
	texts map[string]string // what the value was made of
	value *Value[T]
}

func (g *live[T]) inUse() map[string][]string { return g.Secrets(g.value.Get()) }

// look takes up what the group's variables have, if it is another value than the one in use and can be right. Otherwise it returns
// why each variable's newest value is not used.
func (g *live[T]) look(ctx context.Context, r reading) map[string]refusal {
	refused, changed := map[string]refusal{}, []string{}
	texts := map[string]string{}
	for _, name := range g.Names {
		texts[name] = r.texts[name]
		if err := r.problems[name]; err != nil {
			refused[name] = refusal{reasonUnreadable, err.Error()}
		} else if texts[name] == "" && g.texts[name] != "" {
			refused[name] = refusal{reasonUnreadable, name + " has no value any more. A new process would run without it"}
		}
		if texts[name] != g.texts[name] {
			changed = append(changed, name)
		}
	}
	if len(refused) > 0 {
		for _, name := range changed {
			if _, isNoted := refused[name]; !isNoted {
				refused[name] = refusal{reasonUnreadable, name + " is taken up together with others, of which one is gone or cannot be read"}
			}
		}
		return refused
	}
	if len(changed) == 0 {
		return nil
	}
	next, err := g.Parse(func(name string) string { return texts[name] })
	if err == nil && g.Judge != nil {
		err = g.Judge(ctx, g.value.Get(), next)
	}
	if err != nil {
		for _, name := range changed {
			refused[name] = refusal{reasonOf(err), err.Error()}
		}
		return refused
	}
	g.value.current.Store(&next)
	g.texts = texts
	secrets := g.Secrets(next)
	for _, name := range changed {
		g.log.Info("A changed credential is in use", "variable", name, "sha256", fingerprints(secrets[name]), "from", r.from[name])
	}
	if g.Changed != nil {
		g.Changed()
	}
	return nil
}

// Look reads the files once, and takes up what changed and can be right.
func (s *Store) Look(ctx context.Context) {
	s.looking.Lock()
	defer s.looking.Unlock()
	if s.sources == nil {
		return
	}
	r, isWhole := s.sources.read()
	if !isWhole {
		return
	}
	found := map[string]refusal{}
	for _, g := range s.groups {
		maps.Copy(found, g.look(ctx, r))
	}
	if ctx.Err() != nil {
		return // what was not judged to the end says nothing
	}
	for name, is := range found {
		if s.refused[name] != is {
			s.log.Error(errors.New(is.text), "A changed credential is not used, the one before stays in use", "variable", name, "reason", is.reason)
		}
	}
	for name, was := range s.refused {
		if found[name].reason != was.reason {
			metrics.CredentialNotUsed.DeleteLabelValues(name, was.reason)
		}
		if _, still := found[name]; !still {
			s.log.Info("The credential that is in use is the one of its source again", "variable", name)
		}
	}
	s.refused = found
	s.publish()
}

// publish sets the metrics.
func (s *Store) publish() {
	for name, is := range s.refused {
		metrics.CredentialNotUsed.WithLabelValues(name, is.reason).Set(1)
	}
	shown := map[[2]string]bool{}
	for _, g := range s.groups {
		for name, secrets := range g.inUse() {
			for _, fingerprint := range fingerprints(secrets) {
				shown[[2]string{name, fingerprint}] = true
				metrics.CredentialInfo.WithLabelValues(name, fingerprint).Set(1)
			}
		}
	}
	for labels := range s.shown {
		if !shown[labels] {
			metrics.CredentialInfo.DeleteLabelValues(labels[0], labels[1])
		}
	}
	s.shown = shown
}

// announce logs what is in use, and where it comes from.
func (s *Store) announce() {
	s.looking.Lock()
	defer s.looking.Unlock()
	var from map[string]string
	if s.sources != nil {
		r, _ := s.sources.read()
		from = r.from
		if strangers := s.sources.strangers(); len(strangers) > 0 {
			s.log.Info("Files in --credentials-dir are ignored: no variable has their name", "files", strangers)
		}
	}
	var lines []string
	for _, g := range s.groups {
		for name, secrets := range g.inUse() {
			if len(secrets) > 0 {
				lines = append(lines, strings.Join(append([]string{name}, fingerprints(secrets)...), " ")+" from "+cmp.Or(from[name], "the variable"))
			}
		}
	}
	slices.Sort(lines)
	s.log.Info("Credentials are in use, by SHA-256", "credentials", lines)
	s.publish()
}

func fingerprints(secrets []string) []string {
	found := make([]string, 0, len(secrets))
	for _, secret := range secrets {
		found = append(found, Fingerprint(secret))
	}
	return found
}

// Single is the Secrets of variables that have one secret each. An empty one counts as none.
func Single(values map[string]string) map[string][]string {
	secrets := map[string][]string{}
	for name, value := range values {
		if value != "" {
			secrets[name] = []string{value}
		}
	}
	return secrets
}
