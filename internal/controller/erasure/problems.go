package erasure

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// maxProblems is how many errors of a customer's events are reported.
const maxProblems = 5

// problems are the errors of several events, of which none holds up the others. They are an error themselves, which those of more events
// take over: however many they are, the first ones are reported.
type problems struct {
	failed []error // the first ones
	more   int
	waits  error // errNotYet, if an event is to be waited for
}

func (p *problems) add(err error) {
	others, areProblems := err.(*problems) //nolint:errorlint // one that wraps problems is one error
	switch {
	case err == nil:
	case areProblems:
		for _, each := range others.Unwrap() {
			p.add(each)
		}
		p.more += others.more
	case !isFailure(err):
		p.waits = err
	case len(p.failed) < maxProblems:
		p.failed = append(p.failed, err)
	default:
		p.more++
	}
}

// with returns them and the last one, which may be nil, as an error; nil if there are none.
func (p *problems) with(last error) error {
	all := &problems{failed: slices.Clone(p.failed), more: p.more, waits: p.waits}
	if last != nil {
		all.failed = append(all.failed, last)
	}
	if len(all.Unwrap()) == 0 {
		return nil
	}
	return all
}

func (p *problems) Error() string {
	var lines []string
	for _, err := range p.Unwrap() {
		lines = append(lines, err.Error())
	}
	if p.more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more errors", p.more))
	}
	return strings.Join(lines, "\n")
}

// Unwrap returns those that are reported.
func (p *problems) Unwrap() []error {
	if p.waits == nil {
		return p.failed
	}
	return append(slices.Clone(p.failed), p.waits)
}

// isFailure reports whether one of the joined errors is another one than errNotYet.
func isFailure(err error) bool {
	if joined, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // each level is looked at
		return slices.ContainsFunc(joined.Unwrap(), isFailure)
	}
	return !errors.Is(err, errNotYet)
}
