package projection

import (
	"cmp"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// CompareEvents orders events by Stripe's created, then by id.
func CompareEvents(a, b *Event) int {
	return cmp.Or(a.Created.Compare(b.Created.Time), cmp.Compare(a.EventID, b.EventID))
}

// comparePositions orders positions by authority, then Stripe's created, then rank, then event id. No two events
// compare equal.
func comparePositions(a, b v1alpha1.Position) int {
	return cmp.Or(
		cmp.Compare(authorityRank(a.Authority), authorityRank(b.Authority)),
		a.Created.Compare(b.Created.Time),
		cmp.Compare(a.Rank, b.Rank),
		cmp.Compare(a.EventID, b.EventID),
	)
}

func authorityRank(authority v1alpha1.Authority) int {
	switch authority {
	case v1alpha1.AuthorityFinal:
		return 3
	case v1alpha1.AuthorityState:
		return 2
	case v1alpha1.AuthorityHint:
		return 1
	default:
		return 0
	}
}

// positions maps the parts of a status to their positions.
type positions = map[string]v1alpha1.Position

// positionOf is the event's place in the order of all events about one part.
func positionOf(e *Event, authority v1alpha1.Authority, rank int32) v1alpha1.Position {
	return v1alpha1.Position{Authority: authority, Created: e.Created, Rank: rank, EventID: e.EventID}
}

// takePart gives the part to the event at p unless a later event has it. It reports whether the event has the part now.
func takePart(parts *positions, part string, p v1alpha1.Position) bool {
	if current, taken := (*parts)[part]; taken && comparePositions(p, current) < 0 {
		return false
	}
	setPosition(parts, part, p)
	return true
}

func setPosition(parts *positions, part string, p v1alpha1.Position) {
	if *parts == nil {
		*parts = positions{}
	}
	(*parts)[part] = p
}
