// Package bug turns panics into errors, so that what brings a bug to light is that one's trouble only.
package panics

import (
	"runtime"
	"runtime/debug"
)

// Error is a bug that has come to light.
type Error struct {
	// What the runtime said of it. Another panic's reason may hold what is personal, and is not repeated.
	What string
	// Stack is where it was, as debug.Stack prints it.
	Stack string
}

func (e *Error) Error() string { return "the operator failed over it, which is a bug: " + e.What }

// Catch does something, and returns its error, or an Error if it panics.
func Catch(do func() error) (err error) {
	defer func() {
		reason := recover()
		if reason == nil {
			return
		}
		what := "a panic"
		if known, ok := reason.(runtime.Error); ok {
			what = known.Error()
		}
		err = &Error{What: what, Stack: string(debug.Stack())}
	}()
	return do()
}
