package customer

import (
	"fmt"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/metrics"
)

// shownSince returns what was measured since the last call: how many events, and the sum of their seconds.
func shownSince(t *testing.T) func() (events uint64, seconds float64) {
	t.Helper()
	read := func() *dto.Histogram {
		var m dto.Metric
		if err := prometheus.Metric(metrics.ShownLag).Write(&m); err != nil {
			t.Fatal(err)
		}
		return m.GetHistogram()
	}
	last := read()
	return func() (uint64, float64) {
		before := last
		last = read()
		return last.GetSampleCount() - before.GetSampleCount(), last.GetSampleSum() - before.GetSampleSum()
	}
}

func TestAnEventThatIsFoldedAgainIsMeasuredOnce(t *testing.T) {
	noon := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	event := func(id int, outcome v1alpha1.Outcome) *pendingEvent {
		return &pendingEvent{outcome: outcome, BillingEvent: &v1alpha1.BillingEvent{
			ObjectMeta: metav1.ObjectMeta{UID: types.UID(fmt.Sprint(id)), CreationTimestamp: metav1.NewTime(noon)},
		}}
	}
	var lag shownLag
	measured := shownSince(t)
	step := func(what string, after time.Duration, wantEvents uint64, wantSeconds float64, events ...*pendingEvent) {
		t.Helper()
		lag.observe(events, noon.Add(after))
		if n, sum := measured(); n != wantEvents || sum != wantSeconds {
			t.Errorf("%s: %d events of %g seconds, want %d of %g", what, n, sum, wantEvents, wantSeconds)
		}
	}
	step("two are applied, one is not", 2*time.Second, 2, 4,
		event(1, v1alpha1.OutcomeApplied), event(2, v1alpha1.OutcomeApplied), event(3, v1alpha1.OutcomeSuperseded))
	step("both again, and a new one", 3*time.Second, 1, 3,
		event(1, v1alpha1.OutcomeApplied), event(2, v1alpha1.OutcomeApplied), event(4, v1alpha1.OutcomeApplied))
	step("the API server's clock is ahead", -time.Second, 1, 0, event(5, v1alpha1.OutcomeApplied))
	var many []*pendingEvent
	for id := range remembered + 10 {
		many = append(many, event(1000+id, v1alpha1.OutcomeApplied))
	}
	step("a crowd", time.Second, remembered+10, remembered+10, many...)
	if m := &lag.measured; len(m.known) != remembered || len(m.ordered) != remembered {
		t.Errorf("%d events are remembered, and %d in their order", len(m.known), len(m.ordered))
	}
	step("the last of the crowd again", time.Second, 0, 0, many[len(many)-remembered:]...)
}
