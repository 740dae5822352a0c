package retention

import (
	"container/heap"
	"context"
	"slices"
	"time"

	"github.com/tollkeeper/tollkeeper/internal/controller/paging"
)

const (
	// maxDue bounds the events that one look remembers: the oldest ones. Further ones are found by the next look.
	maxDue = 50_000
	// recent is the time over which the rate of new events is counted.
	recent = 7 * 24 * time.Hour
)

// lister lists settled events: *Rows.
type lister interface {
	Page(ctx context.Context, next string) (rows []row, more string, err error)
}

// look is what a pass over all settled events has found.
type look struct {
	// due are the oldest events that Stripe created before the time, the oldest first.
	due []row
	// left is how many more there are.
	left int
	// settled is how many settled events there are; lately those of the last week, and oldest when Stripe created the oldest of all.
	settled, lately int
	oldest          time.Time
}

// lookAt passes over all settled events. Its memory does not grow with them.
func lookAt(ctx context.Context, l lister, p *paging.Pacer, before, now time.Time) (*look, error) {
	found, oldestDue := &look{}, newest{}
	for next := ""; ; {
		var rows []row
		var err error
		if waitErr := p.Do(ctx, func() { rows, next, err = l.Page(ctx, next) }); waitErr != nil {
			return nil, waitErr
		}
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			found.settled++
			if age := now.Sub(r.Created); age < recent {
				found.lately++
			}
			if found.oldest.IsZero() || r.Created.Before(found.oldest) {
				found.oldest = r.Created
			}
			if r.Created.Before(before) {
				found.left += oldestDue.add(r, maxDue)
			}
		}
		if next == "" {
			break
		}
	}
	found.due = oldestDue
	slices.SortFunc(found.due, func(a, b row) int { return a.Created.Compare(b.Created) })
	return found, nil
}

// newest is a heap with the newest row at its top, which makes room for an older one.
type newest []row

// add keeps the row if it is among the oldest so many, and returns how many rows it gave up: 0 or 1.
func (n *newest) add(r row, most int) (givenUp int) {
	heap.Push(n, r)
	if len(*n) <= most {
		return 0
	}
	heap.Pop(n)
	return 1
}

func (n newest) Len() int           { return len(n) }
func (n newest) Less(i, j int) bool { return n[i].Created.After(n[j].Created) }
func (n newest) Swap(i, j int)      { n[i], n[j] = n[j], n[i] }

// Push is for package heap.
func (n *newest) Push(x any) { *n = append(*n, x.(row)) }

// Pop is for package heap.
func (n *newest) Pop() any {
	last := (*n)[len(*n)-1]
	*n = (*n)[:len(*n)-1]
	return last
}
