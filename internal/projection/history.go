package projection

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// maxRecent is how many of its latest transitions a part keeps. So many of one second are in doubt: some may be lost.
const maxRecent = 8

// takeStatePart is takePart for parts whose events carry the whole state and may say which state they changed. It
// reports whether the part shows the event's state now.
//
// Within a second, history decides (lastOfSecond). It needs all events of that second, so the part keeps its latest
// transitions, and each new event decides anew. The event that wins may be one that lost before. Example, all of one
// second:
//
//	evt_1  A → B  arrives first and shows.
//	evt_2  C → D  arrives: nothing links it to evt_1, and it shows by its higher id, in doubt.
//	evt_3  D → A  arrives: the walk is C → D → A → B, so evt_1 is the last one after all.
//
// The state of evt_1 is no longer at hand. The part keeps showing evt_2, in doubt, and Fold asks for evt_1 (toRecall).
func takeStatePart(parts *positions, part string, p v1alpha1.Position, trace v1alpha1.Trace) bool {
	current, taken := (*parts)[part]
	if p.Authority != v1alpha1.AuthorityState {
		return takePart(parts, part, p)
	}
	transition := v1alpha1.Transition{EventID: p.EventID, Created: p.Created, Rank: p.Rank, Trace: trace}
	if taken && current.Authority == v1alpha1.AuthorityFinal { // only a reading takes it, and later events must know of it
		p.Recent = addTransition(nil, transition)
		return takePart(parts, part, p)
	}
	var recent []v1alpha1.Transition
	if current.Authority == v1alpha1.AuthorityState {
		recent = current.Recent
	}
	p.Recent = addTransition(recent, transition)
	last, doubt := lastTransition(p.Recent)
	p.Doubt = doubt
	if last.EventID == p.EventID {
		setPosition(parts, part, p)
		return true
	}
	current.Recent, current.Doubt = p.Recent, doubt
	if last.EventID != current.EventID {
		current.Doubt = v1alpha1.DoubtTie
	}
	setPosition(parts, part, current)
	return false
}

// clearGap says that a gap in the part's history is no doubt: an endpoint may receive only some events about it.
func clearGap(parts *positions, part string) {
	if p := (*parts)[part]; p.Doubt == v1alpha1.DoubtGap {
		p.Doubt = ""
		setPosition(parts, part, p)
	}
}

// idsToRecall lists the events whose states the parts should show, but no longer have at hand.
func idsToRecall(parts positions) []string {
	var ids []string
	for _, p := range parts {
		if len(p.Recent) == 0 {
			continue
		}
		if last, _ := lastTransition(p.Recent); last.EventID != p.EventID {
			ids = append(ids, last.EventID)
		}
	}
	return ids
}

// addTransition adds a transition in the order of events, and drops the oldest beyond maxRecent. All that it drops is
// older than all that it keeps, so the result does not depend on the order of arrival.
func addTransition(recent []v1alpha1.Transition, added v1alpha1.Transition) []v1alpha1.Transition {
	recent = slices.DeleteFunc(slices.Clone(recent), func(t v1alpha1.Transition) bool { return t.EventID == added.EventID })
	recent = append(recent, added)
	slices.SortFunc(recent, compareTransitions)
	return recent[max(0, len(recent)-maxRecent):]
}

func compareTransitions(a, b v1alpha1.Transition) int {
	return cmp.Or(a.Created.Compare(b.Created.Time), cmp.Compare(a.EventID, b.EventID))
}

// lastTransition finds the last of the recent transitions, second by second: each second starts in the state in which
// the one before it ended. A full list may lack events of its oldest second, so the end of that second is in doubt.
func lastTransition(recent []v1alpha1.Transition) (last v1alpha1.Transition, doubt v1alpha1.Doubt) {
	incomplete := len(recent) == maxRecent
	start := startState{hash: v1alpha1.StateNone, known: !incomplete}
	for len(recent) > 0 {
		n := slices.IndexFunc(recent, func(t v1alpha1.Transition) bool { return !t.Created.Equal(&recent[0].Created) })
		if n < 0 {
			n = len(recent)
		}
		last, doubt = lastOfSecond(recent[:n], start)
		if incomplete {
			doubt = v1alpha1.DoubtTie
		}
		start = startState{hash: last.StateAfter, known: doubt != v1alpha1.DoubtTie && areComparable(recent[:n])}
		recent, incomplete = recent[n:], false
	}
	return last, doubt
}

// startState is the state in which a second starts: StateNone if no earlier event is known.
type startState struct {
	hash  string
	known bool
}

// lastOfSecond finds the last of the transitions of one second.
//
// Each transition leads from one state to another; together they are a walk. A walk enters each state as often as it
// leaves it, but enters its last state once more. So counting finds the last state. Example: a second starts in state
// A, and has
//
//	evt_1  C → B                entered   left
//	evt_2  B → C            A         0      1
//	evt_3  A → B            B         2      1   the last state
//	                        C         1      1
//
// The walk was A → B → C → B. evt_1 and evt_3 both carry state B; evt_3 shows, because its id is higher. Special cases:
//   - A → B and B → A enter each state as often as they leave it: the walk ends where the second started.
//   - B → C alone, in a second that starts in A, is a gap: the event that led to B is missing.
//   - A transition that does not say what was before it counts as one entry, if no other enters its state.
//   - Hashes of different versions never count for each other. So events of one second that different releases have read
//     are ordered as if none of them said what was before it.
func lastOfSecond(second []v1alpha1.Transition, start startState) (v1alpha1.Transition, v1alpha1.Doubt) {
	entered, left := map[string]int{}, map[string]int{}
	for _, t := range second {
		if t.StateBefore != "" && t.StateBefore != t.StateAfter {
			entered[t.StateAfter]++
			left[t.StateBefore]++
		}
	}
	for _, t := range second {
		entered[t.StateAfter] = max(entered[t.StateAfter], 1)
	}
	isLast := func(t v1alpha1.Transition) bool { return entered[t.StateAfter] > left[t.StateAfter] }
	if !slices.ContainsFunc(second, isLast) && start.known {
		isLast = func(t v1alpha1.Transition) bool { return t.StateAfter == start.hash }
	}
	if !slices.ContainsFunc(second, isLast) {
		isLast = func(v1alpha1.Transition) bool { return true }
	}
	last, doubt := highestRanked(second, isLast)
	if doubt == "" && start.known && hasGap(second, entered, left, start.hash) {
		doubt = v1alpha1.DoubtGap
	}
	return last, doubt
}

// highestRanked is the candidate with the highest rank, then event id. It is in doubt if another of the same rank has
// another state.
func highestRanked(second []v1alpha1.Transition, isCandidate func(v1alpha1.Transition) bool) (v1alpha1.Transition, v1alpha1.Doubt) {
	candidates := slices.DeleteFunc(slices.Clone(second), func(t v1alpha1.Transition) bool { return !isCandidate(t) })
	highest := slices.MaxFunc(candidates, func(a, b v1alpha1.Transition) int {
		return cmp.Or(cmp.Compare(a.Rank, b.Rank), cmp.Compare(a.EventID, b.EventID))
	})
	if slices.ContainsFunc(candidates, func(t v1alpha1.Transition) bool {
		return t.Rank == highest.Rank && t.StateAfter != highest.StateAfter
	}) {
		return highest, v1alpha1.DoubtTie
	}
	return highest, ""
}

// hasGap reports whether a transition leaves a state that neither the second before nor another transition led to. A hash
// of another version is no evidence: the event that led there may have been read by another release.
func hasGap(second []v1alpha1.Transition, entered, left map[string]int, startHash string) bool {
	return slices.ContainsFunc(second, func(t v1alpha1.Transition) bool {
		return t.StateBefore != "" && t.StateBefore != v1alpha1.StateNone && t.StateBefore != startHash &&
			left[t.StateBefore] > entered[t.StateBefore] && canCompare(t.StateBefore, startHash) &&
			!slices.ContainsFunc(second, func(other v1alpha1.Transition) bool { return !canCompare(t.StateBefore, other.StateAfter) })
	})
}

// canCompare reports whether two hashes are of one version, so that they are equal if and only if their states are.
func canCompare(a, b string) bool {
	return a == v1alpha1.StateNone || b == v1alpha1.StateNone || versionOf(a) == versionOf(b)
}

// areComparable reports whether all transitions of a second are of one version. Those of several versions are ordered by rank
// alone, so that the state in which the second ended is a guess: it is no evidence of a gap in the next second.
func areComparable(second []v1alpha1.Transition) bool {
	return !slices.ContainsFunc(second, func(a v1alpha1.Transition) bool {
		return slices.ContainsFunc(second, func(b v1alpha1.Transition) bool { return !canCompare(a.StateAfter, b.StateAfter) })
	})
}

// versionOf is the version of a state's hash; empty for the first version, which had none.
func versionOf(hash string) string {
	version, _, found := strings.Cut(hash, v1alpha1.StateVersionEnd)
	if !found {
		return ""
	}
	return version
}
