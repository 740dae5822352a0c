package erasure

import (
	"errors"
	"fmt"
	"slices"
)

// maxProblems is how many errors of a customer's events are reported.
const maxProblems = 5

// problems are the errors of several events, of which none holds up the others.
type problems struct {
	failed []error // the first ones
	more   int
	waits  error // errNotYet, if an event is to be waited for
}

func (p *problems) add(err error) {
	switch {
	case err == nil:
	case !isFailure(err):
		p.waits = err
	case len(p.failed) < maxProblems:
		p.failed = append(p.failed, err)
	default:
		p.more++
	}
}

// with joins the errors with the last one, which may be nil.
func (p *problems) with(last error) error {
	all := slices.Clone(p.failed)
	if p.more > 0 {
		all = append(all, fmt.Errorf("and %d more errors", p.more))
	}
	return errors.Join(append(all, p.waits, last)...)
}

// isFailure reports whether one of the joined errors is another one than errNotYet.
func isFailure(err error) bool {
	if joined, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // each level is looked at
		return slices.ContainsFunc(joined.Unwrap(), isFailure)
	}
	return !errors.Is(err, errNotYet)
}
