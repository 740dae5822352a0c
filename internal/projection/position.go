package projection

import (
	"cmp"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// Compare orders positions: authority, then Stripe's created, then rank, then event id. No two events are equal.
func Compare(a, b v1alpha1.Position) int {
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

// positions are a status's map from part to position.
type positions = map[string]v1alpha1.Position

// position is the place of the event among all that speak of the same thing.
func position(e *Event, authority v1alpha1.Authority, rank int32) v1alpha1.Position {
	return v1alpha1.Position{Authority: authority, Created: e.Created, Rank: rank, EventID: e.EventID}
}

// claim says whether the part now belongs to the event at p: it does unless a later one has it.
func claim(parts *positions, part string, p v1alpha1.Position) bool {
	if have, ok := (*parts)[part]; ok && Compare(p, have) < 0 {
		return false
	}
	put(parts, part, p)
	return true
}

// claimFirst is claim for parts that the earliest event keeps.
func claimFirst(parts *positions, part string, p v1alpha1.Position) bool {
	if have, ok := (*parts)[part]; ok && Compare(p, have) > 0 {
		return false
	}
	put(parts, part, p)
	return true
}

func put(parts *positions, part string, p v1alpha1.Position) {
	if *parts == nil {
		*parts = positions{}
	}
	(*parts)[part] = p
}

// newest are the ids of the parts "<prefix><id>", the latest position first.
func newest(parts positions, prefix string) []string {
	var ids []string
	for part := range parts {
		if id, ok := strings.CutPrefix(part, prefix); ok {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b string) int { return Compare(parts[prefix+b], parts[prefix+a]) })
	return ids
}

// arrange orders a list by the latest position of its elements and keeps at most limit of them. What is cut off is forgotten
// with its position. As an element's position only grows, the result does not depend on the order of events.
func arrange[T any](list []T, parts positions, prefix string, limit int, id func(*T) string) []T {
	ids := newest(parts, prefix)
	for _, cut := range ids[min(limit, len(ids)):] {
		delete(parts, prefix+cut)
	}
	rank := map[string]int{}
	for i, id := range ids[:min(limit, len(ids))] {
		rank[id] = i
	}
	list = slices.DeleteFunc(list, func(element T) bool { _, kept := rank[id(&element)]; return !kept })
	slices.SortFunc(list, func(a, b T) int { return cmp.Compare(rank[id(&a)], rank[id(&b)]) })
	return list
}

// upsert replaces the element with the same id, or adds it.
func upsert[T any](list []T, element T, id func(*T) string) []T {
	for i := range list {
		if id(&list[i]) == id(&element) {
			list[i] = element
			return list
		}
	}
	return append(list, element)
}

// stage ranks the events of one second by what they are called. One that only gives notice of something (invoice.finalized) does
// not win over the state's own update. What was read from Stripe has seen all events before it.
func stage(eventType string) int32 {
	switch eventType[strings.LastIndex(eventType, ".")+1:] {
	case "created":
		return 0
	case "updated":
		return 2
	case "deleted":
		return 3
	case "read":
		return 4
	default:
		return 1
	}
}

// earlier keeps the earliest time, later the latest.
func earlier(have **metav1.Time, t *metav1.Time) {
	if t != nil && (*have == nil || t.Before(*have)) {
		*have = t.DeepCopy()
	}
}

// later keeps the latest time, and reports whether t is it.
func later(have **metav1.Time, t *metav1.Time) bool {
	if t == nil || *have != nil && t.Before(*have) {
		return false
	}
	*have = t.DeepCopy()
	return true
}
