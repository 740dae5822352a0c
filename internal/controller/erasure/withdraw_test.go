package erasure

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	testingclock "k8s.io/utils/clock/testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// A request can be withdrawn until its erasure begins: docs/security.md says so. What has begun goes on without the annotation, and a
// customer that is erased by itself is erased all the same.
func TestWithdrawing(t *testing.T) {
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	deleted := v1alpha1.CustomerStatus{DeletedAt: new(metav1.NewTime(now.Add(-time.Hour)))}
	begun := *deleted.DeepCopy()
	begun.Erasure = &v1alpha1.Erasure{StartedAt: metav1.NewTime(now)}
	for name, tc := range map[string]struct {
		status    v1alpha1.CustomerStatus
		delay     time.Duration
		requested bool // as long as the annotation is there
		withdrawn bool // once it is removed
	}{
		"it waits for the deletion": {v1alpha1.CustomerStatus{}, Never, true, false},
		"it is about to begin":      {deleted, Never, true, false},
		"it has begun":              {begun, Never, true, true},
		"by itself, later":          {deleted, 2 * time.Hour, true, false},
		"by itself, now":            {deleted, time.Hour, true, true},
	} {
		r := &Reconciler{Clock: testingclock.NewFakeClock(now), Delay: tc.delay}
		c := &v1alpha1.Customer{Status: tc.status}
		c.Annotations = map[string]string{v1alpha1.AnnotationErase: "grace@example.com: Ticket 4711"}
		requested, _ := r.isWanted(c)
		delete(c.Annotations, v1alpha1.AnnotationErase)
		withdrawn, _ := r.isWanted(c)
		if requested != tc.requested || withdrawn != tc.withdrawn {
			t.Errorf("%s: erased if requested: %t, if withdrawn: %t", name, requested, withdrawn)
		}
	}
}
