package projection

import (
	"cmp"
	"slices"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// maxRecent changes of a part are remembered. More than these in one second are in doubt.
const maxRecent = 8

// contest is claim for a part whose whole state events tell, and of which they say what it was before. It says whether the
// event's state is the one that shows.
//
// What counts among the events of one second is what followed on what. It needs all of them: the part remembers its latest
// changes, and the winner is told from them anew. Should that be an event that has been here before and lost, its state is not at
// hand: the part stays in doubt, and Fold reports the event as missing.
func contest(parts *positions, part string, p v1alpha1.Position, trace v1alpha1.Trace) bool {
	have, known := (*parts)[part]
	if p.Authority != v1alpha1.AuthorityState || known && authorityRank(have.Authority) > authorityRank(p.Authority) {
		return claim(parts, part, p)
	}
	var recent []v1alpha1.Transition
	if have.Authority == v1alpha1.AuthorityState {
		recent = have.Recent
	}
	p.Recent = remember(recent, v1alpha1.Transition{EventID: p.EventID, Created: p.Created, Rank: p.Rank, Trace: trace})
	latest, doubt := resolve(p.Recent)
	p.Doubt = doubt
	if latest.EventID == p.EventID {
		put(parts, part, p)
		return true
	}
	have.Recent, have.Doubt = p.Recent, doubt
	if latest.EventID != have.EventID {
		have.Doubt = v1alpha1.DoubtTie
	}
	put(parts, part, have)
	return false
}

// missing are the events whose states should show, but are not at hand.
func missing(parts positions) []string {
	var ids []string
	for _, p := range parts {
		if len(p.Recent) == 0 {
			continue
		}
		if latest, _ := resolve(p.Recent); latest.EventID != p.EventID {
			ids = append(ids, latest.EventID)
		}
	}
	return ids
}

// remember adds a change to the recent ones, in the order of their events, and forgets the oldest. What is forgotten is older
// than all that is kept, so that what is kept does not depend on the order of arrival.
func remember(recent []v1alpha1.Transition, t v1alpha1.Transition) []v1alpha1.Transition {
	recent = slices.DeleteFunc(slices.Clone(recent), func(known v1alpha1.Transition) bool { return known.EventID == t.EventID })
	recent = append(recent, t)
	slices.SortFunc(recent, func(a, b v1alpha1.Transition) int {
		return cmp.Or(a.Created.Compare(b.Created.Time), cmp.Compare(a.EventID, b.EventID))
	})
	return recent[max(0, len(recent)-maxRecent):]
}

// resolve tells which of the recent changes is the latest, second by second: where one second's changes end the next one's begin.
// Of the oldest second some may be forgotten: then where it ends is not known.
func resolve(recent []v1alpha1.Transition) (latest v1alpha1.Transition, doubt v1alpha1.Doubt) {
	forgotten := len(recent) == maxRecent
	from := origin{known: !forgotten}
	for len(recent) > 0 {
		n := slices.IndexFunc(recent, func(t v1alpha1.Transition) bool { return !t.Created.Equal(&recent[0].Created) })
		if n < 0 {
			n = len(recent)
		}
		latest, doubt = last(recent[:n], from)
		if forgotten {
			doubt = v1alpha1.DoubtTie
		}
		from = origin{state: latest.StateAfter, known: doubt != v1alpha1.DoubtTie}
		recent, forgotten = recent[n:], false
	}
	return latest, doubt
}

// origin is the state before the changes of one second: empty if there was none. It may not be known.
type origin struct {
	state string
	known bool
}

// last tells which of the changes of one second came last.
//
// Every change leads from a state to a state. One after the other they make a walk, on which every state is entered as often as it
// is left, but for the last one, which is entered once more. Where the walk ends where it began, that is where the second before it
// ended. An event that does not say what was before it bears witness that its state was entered.
func last(changes []v1alpha1.Transition, from origin) (v1alpha1.Transition, v1alpha1.Doubt) {
	entered, left := map[string]int{}, map[string]int{}
	for _, t := range changes {
		if t.StateBefore != "" && t.StateBefore != t.StateAfter {
			entered[t.StateAfter]++
			left[t.StateBefore]++
		}
	}
	for _, t := range changes {
		entered[t.StateAfter] = max(entered[t.StateAfter], 1)
	}
	isLast := func(t v1alpha1.Transition) bool { return entered[t.StateAfter] > left[t.StateAfter] }
	if !slices.ContainsFunc(changes, isLast) && from.known {
		isLast = func(t v1alpha1.Transition) bool { return t.StateAfter == from.state }
	}
	if !slices.ContainsFunc(changes, isLast) {
		isLast = func(v1alpha1.Transition) bool { return true }
	}
	winner, doubt := highest(changes, isLast)
	if doubt == "" && from.known && gap(changes, entered, left, from.state) {
		doubt = v1alpha1.DoubtGap
	}
	return winner, doubt
}

// highest is the candidate of the highest rank, then event id. It is in doubt if another one of the same rank has another state.
func highest(changes []v1alpha1.Transition, candidate func(v1alpha1.Transition) bool) (v1alpha1.Transition, v1alpha1.Doubt) {
	candidates := slices.DeleteFunc(slices.Clone(changes), func(t v1alpha1.Transition) bool { return !candidate(t) })
	winner := slices.MaxFunc(candidates, func(a, b v1alpha1.Transition) int {
		return cmp.Or(cmp.Compare(a.Rank, b.Rank), cmp.Compare(a.EventID, b.EventID))
	})
	if slices.ContainsFunc(candidates, func(t v1alpha1.Transition) bool {
		return t.Rank == winner.Rank && t.StateAfter != winner.StateAfter
	}) {
		return winner, v1alpha1.DoubtTie
	}
	return winner, ""
}

// gap says whether a change began at a state that none of them, nor the second before, led to.
func gap(changes []v1alpha1.Transition, entered, left map[string]int, from string) bool {
	return slices.ContainsFunc(changes, func(t v1alpha1.Transition) bool {
		return t.StateBefore != "" && t.StateBefore != v1alpha1.StateNone && t.StateBefore != from &&
			left[t.StateBefore] > entered[t.StateBefore]
	})
}
