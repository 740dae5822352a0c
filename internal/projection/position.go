package projection

import (
	"cmp"
	"time"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// clockSkew is how far Stripe's clock may be ahead of the API server's. The receiver accepts signatures of the same span.
const clockSkew = 5 * time.Minute

// EventOf is a recorded event as it is folded: as it was read again, if it was. One that is dated later than the API server
// stored it, by more than a difference of clocks, counts as created when it was stored: an event that is dated tomorrow must
// not win over what Stripe reports until then.
func EventOf(recorded *v1alpha1.BillingEvent) *Event {
	stored, content := recorded.CreationTimestamp, recorded.Content()
	if stored.IsZero() || content.Created.Sub(stored.Time) <= clockSkew {
		return content
	}
	e := *content // a shallow copy: the fold changes no event
	e.Created = stored
	return &e
}

// CompareEvents orders events by Stripe's created, then by id.
func CompareEvents(a, b *Event) int {
	return cmp.Or(a.Created.Compare(b.Created.Time), cmp.Compare(a.EventID, b.EventID))
}

// comparePositions orders positions by authority, then Stripe's created, then rank, then event id. No two events
// compare equal.
//
// A reading wins over every event of an earlier second, final ones included: Stripe, when asked, had another state. For
// example, a forged customer.subscription.deleted of 12:00 loses to a reading of 12:01 that says active.
func comparePositions(a, b v1alpha1.Position) int {
	if byTime := a.Created.Compare(b.Created.Time); byTime > 0 && isReading(a) || byTime < 0 && isReading(b) {
		return byTime
	}
	return cmp.Or(
		cmp.Compare(authorityRank(a.Authority), authorityRank(b.Authority)),
		a.Created.Compare(b.Created.Time),
		cmp.Compare(a.Rank, b.Rank),
		cmp.Compare(a.EventID, b.EventID),
	)
}

func isReading(p v1alpha1.Position) bool { return p.EventID == EventRead }

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
type positions = v1alpha1.Positions

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

// StatePosition is the position of the subscription's state; zero if nothing reported it.
func StatePosition(s *v1alpha1.SubscriptionStatus) v1alpha1.Position { return s.Positions[partState] }
