// Package panics turns a panic into an error, so that one event that makes the code panic does not stop the process.
package panics

import (
	"runtime"
	"runtime/debug"
)

// Error is a panic.
type Error struct {
	// What is the runtime's message, or "a panic" for other panics: their values may hold personal data.
	What string
	// Stack is the stack at the panic, as debug.Stack prints it.
	Stack string
}

func (e *Error) Error() string { return "the operator panicked on it, which is a bug: " + e.What }

// Catch calls do and returns its error, or an *Error if do panics.
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
