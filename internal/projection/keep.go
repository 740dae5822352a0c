package projection

import (
	"cmp"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// upsert replaces the element with the same id, or appends it.
func upsert[T any](list []T, element T, id func(*T) string) []T {
	for i := range list {
		if id(&list[i]) == id(&element) {
			list[i] = element
			return list
		}
	}
	return append(list, element)
}

// keepNewest sorts a list by the positions of its elements' parts ("<prefix><id>"), the latest first, and keeps at most
// limit elements. It drops the others' positions too. An element's position only grows, so the result does not depend
// on the order of events.
func keepNewest[T any](list []T, parts positions, prefix string, limit int, id func(*T) string) []T {
	ids := idsByPosition(parts, prefix)
	for _, dropped := range ids[min(limit, len(ids)):] {
		delete(parts, prefix+dropped)
	}
	index := map[string]int{}
	for i, id := range ids[:min(limit, len(ids))] {
		index[id] = i
	}
	list = slices.DeleteFunc(list, func(element T) bool { _, kept := index[id(&element)]; return !kept })
	if len(list) == 0 {
		return nil // as if nothing had ever been listed, whatever the order of events
	}
	slices.SortFunc(list, func(a, b T) int { return cmp.Compare(index[id(&a)], index[id(&b)]) })
	return list
}

// idsByPosition lists the ids of the parts "<prefix><id>", the latest position first.
func idsByPosition(parts positions, prefix string) []string {
	var ids []string
	for part := range parts {
		if id, ok := strings.CutPrefix(part, prefix); ok {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b string) int { return comparePositions(parts[prefix+b], parts[prefix+a]) })
	return ids
}

// firstOfEach keeps the first of the elements with the same id.
func firstOfEach[T any](list []T, id func(*T) string) []T {
	listed := map[string]bool{}
	return slices.DeleteFunc(list, func(element T) bool {
		isListed := listed[id(&element)]
		listed[id(&element)] = true
		return isListed
	})
}

// keepEarliest keeps the earlier of the two times; either may be nil.
func keepEarliest(kept **metav1.Time, t *metav1.Time) {
	if t != nil && (*kept == nil || t.Before(*kept)) {
		*kept = t.DeepCopy()
	}
}

// keepLatest keeps the later of the two times, and reports whether that is t; either may be nil.
func keepLatest(kept **metav1.Time, t *metav1.Time) bool {
	if t == nil || *kept != nil && t.Before(*kept) {
		return false
	}
	*kept = t.DeepCopy()
	return true
}

// compareCreation orders two objects by when they were created, then by id. An unknown time comes before any other.
func compareCreation(a *metav1.Time, idA string, b *metav1.Time, idB string) int {
	switch {
	case a == nil && b != nil:
		return -1
	case a != nil && b == nil:
		return 1
	case a != nil && !a.Equal(b):
		return a.Compare(b.Time)
	default:
		return cmp.Compare(idA, idB)
	}
}
