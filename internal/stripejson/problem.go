package stripejson

import (
	"errors"
	"slices"
	"strings"
)

// Problem is a value that cannot be read. It never holds the value, which may be personal data.
type Problem struct {
	// Path is where the value is in the object: "items.data[].quantity".
	Path string
	// What says what is wrong with it: "want an integer, got a number".
	What string
}

func (p Problem) String() string { return p.Path + ": " + p.What }

// Problems lists the values read so far, of the whole object that o is a part of, that cannot be read.
func (o Object) Problems() []Problem {
	if o.problems == nil {
		return nil
	}
	return slices.Clone(*o.problems)
}

// Err is the Problems as an error; nil if there are none.
func (o Object) Err() error {
	problems := o.Problems()
	if len(problems) == 0 {
		return nil
	}
	texts := make([]string, len(problems))
	for i, p := range problems {
		texts[i] = p.String()
	}
	return errors.New(strings.Join(texts, "; "))
}

// Whole is the object as one of its own: its paths begin at it, and it has no problems yet.
func (o Object) Whole() Object { return Object{fields: o.fields, problems: &[]Problem{}} }

const (
	maxUnreadable     = 16
	maxUnreadablePath = 128
)

// unreadableFields lists the paths of those values of the object, read so far, that cannot be read, sorted and at most
// maxUnreadable of them; nil if there are none. A state that lacks a value says so with them: it is not known to be absent.
func (o Object) unreadableFields() []string {
	var paths []string
	for _, p := range o.Problems() {
		if path, ok := strings.CutPrefix(p.Path, o.at); ok {
			paths = append(paths, clean(path, maxUnreadablePath))
		}
	}
	slices.Sort(paths)
	paths = slices.Compact(paths)
	return paths[:min(len(paths), maxUnreadable)]
}

// noteProblem adds a problem, once.
func (o Object) noteProblem(path, what string) {
	if p := (Problem{Path: o.at + path, What: what}); !slices.Contains(*o.problems, p) {
		*o.problems = append(*o.problems, p)
	}
}
