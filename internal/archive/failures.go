package archive

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// maxFailures is how many errors of an erasure are reported.
const maxFailures = 5

// failures are the errors of several files: an archive may have very many.
type failures struct {
	mutex sync.Mutex
	first []error // in the order of their texts, so that they are the same at each try
	more  int
	ofAll bool
}

// unreadError is the error of a file that could not be read.
type unreadError struct{ error }

func (u unreadError) Unwrap() error { return u.error }

// add notes an error, if there is one.
func (f *failures) add(err error) {
	if err == nil {
		return
	}
	f.mutex.Lock()
	defer f.mutex.Unlock()
	_, isUnread := errors.AsType[unreadError](err)
	f.ofAll = f.ofAll || isUnread && (errors.Is(err, errDenied) || errors.Is(err, errNoBucket))
	f.first = append(f.first, err)
	slices.SortFunc(f.first, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	if len(f.first) > maxFailures {
		f.first = f.first[:maxFailures]
		f.more++
	}
}

// areOfAll reports whether the other files will fail as well: a right is missing, or the bucket. A deletion that is refused may be
// that of one file, such as by a lock.
func (f *failures) areOfAll() bool {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	return f.ofAll
}

// joined is the errors as one; nil if there are none.
func (f *failures) joined() error {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	all := slices.Clone(f.first)
	if f.more > 0 {
		all = append(all, fmt.Errorf("and %d more errors", f.more))
	}
	return errors.Join(all...)
}
