package panics

import (
	"errors"
	"strings"
	"testing"
)

func TestCatch(t *testing.T) {
	own := errors.New("its own")
	var nothing *struct{ field string }
	for name, tc := range map[string]struct {
		do   func() error
		want string
	}{
		"no panic":       {func() error { return nil }, ""},
		"its own error":  {func() error { return own }, "its own"},
		"of the runtime": {func() error { return errors.New(nothing.field) }, "the operator panicked on it, which is a bug: runtime error: invalid memory address or nil pointer dereference"},
		"of ours":        {func() error { panic("ada@example.com") }, "the operator panicked on it, which is a bug: a panic"},
	} {
		t.Run(name, func(t *testing.T) {
			err := Catch(tc.do)
			text := ""
			if err != nil {
				text = err.Error()
			}
			if text != tc.want {
				t.Errorf("got %q, want %q", text, tc.want)
			}
			if found, ok := errors.AsType[*Error](err); ok && !strings.Contains(found.Stack, "TestCatch") {
				t.Errorf("the stack does not show the place of the panic:\n%s", found.Stack)
			}
		})
	}
}
