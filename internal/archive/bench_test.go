package archive

import (
	"fmt"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/uuid"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/events"
	"github.com/tollkeeper/tollkeeper/internal/naming"
	. "github.com/tollkeeper/tollkeeper/internal/testutil/stripetest" //nolint:revive,staticcheck // the vocabulary of the stories
)

// lives are the settled events of customers who sign up, renew each month, and do this and that, as the cluster has them.
func lives(tb testing.TB, customers int) []v1alpha1.BillingEvent {
	tb.Helper()
	var all []v1alpha1.BillingEvent
	for n := range customers {
		world := NewWorld(day.AddDate(0, -4, n%28), []Shape{Old, New}[n%2], uint64(n))
		world.Name = fmt.Sprintf("K%05d", n)
		world.Do(SignUp)
		for _, op := range []Op{Renew, []Op{ChangeQuantity, UpdateCard, FailRenewal, ChangeEmail}[n%4], Renew, Recover, Renew} {
			world.Advance(15 * 24 * time.Hour)
			world.Do(op)
		}
		for _, e := range world.Events() {
			all = append(all, settled(tb, e))
		}
	}
	return all
}

func settled(tb testing.TB, e Event) v1alpha1.BillingEvent {
	tb.Helper()
	e.Livemode = true
	spec, err := events.Decoder{MetadataPrefix: "tollkeeper_"}.Decode(e.JSON())
	if err != nil {
		tb.Fatal(err)
	}
	at := metav1.NewTime(spec.Created.Add(2 * time.Second))
	return v1alpha1.BillingEvent{
		TypeMeta: metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "BillingEvent"},
		ObjectMeta: metav1.ObjectMeta{
			Name: naming.Object(spec.Account, spec.EventID), UID: uuid.NewUUID(), CreationTimestamp: at,
			Labels: naming.Labels(spec.Type, spec.CustomerID, spec.SubscriptionID),
		},
		Spec: *spec,
		Status: v1alpha1.BillingEventStatus{
			Outcome: v1alpha1.OutcomeApplied, ProcessedAt: &at, Attempts: 1,
			Conditions: []metav1.Condition{{
				Type: v1alpha1.ConditionProcessed, Status: metav1.ConditionTrue, Reason: string(v1alpha1.OutcomeApplied),
				Message: "A status shows this event.", LastTransitionTime: at,
			}},
		},
	}
}

// BenchmarkAppend measures what an event costs in the archive: docs/scaling.md has the figures.
func BenchmarkAppend(b *testing.B) {
	all := lives(b, 100)[:2000]
	var stored, hidden, plain int
	for b.Loop() {
		s := inMemory()
		if _, err := newArchive(s).Append(b.Context(), Head{}, all); err != nil {
			b.Fatal(err)
		}
		stored, hidden, plain = 0, 0, 0
		for path, err := range s.list(b.Context(), "") {
			content, readErr := s.read(b.Context(), path)
			if err != nil || readErr != nil {
				b.Fatal(err, readErr)
			}
			if strings.HasPrefix(path, personalFolder) {
				hidden += len(content)
			} else {
				stored += len(content)
			}
			if err := eachLine(content, func(line []byte) error { plain += len(line) + 1; return nil }); strings.HasSuffix(path, ".zst") && err != nil {
				b.Fatal(err)
			}
		}
	}
	count := float64(len(all))
	b.ReportMetric(float64(stored)/count, "B/event")
	b.ReportMetric(float64(hidden)/count, "personal-B/event")
	b.ReportMetric(float64(plain)/count, "uncompressed-B/event")
	b.ReportMetric(float64(b.Elapsed().Microseconds())/count/float64(b.N), "µs/event")
}

// What the operator really records comes back as it was: Append compares every event.
func TestLivesComeBack(t *testing.T) {
	all := lives(t, 10)
	a := newArchive(inMemory())
	appended(t, a, Head{}, all...)
	if found := whole(t, a, Filter{}); len(found) != len(all) {
		t.Errorf("%d events came back of %d", len(found), len(all))
	}
}
