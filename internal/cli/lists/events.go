// Package lists counts and lists what an installation has: its events, and its customers by what was decided.
package lists

import (
	"cmp"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/cli/say"
	"github.com/tollkeeper/tollkeeper/internal/cli/show"
)

// SortEvents puts events into Stripe's order.
func SortEvents(events []v1alpha1.BillingEvent) {
	slices.SortFunc(events, func(a, b v1alpha1.BillingEvent) int {
		return cmp.Or(a.Spec.Created.Compare(b.Spec.Created.Time), cmp.Compare(a.Spec.EventID, b.Spec.EventID))
	})
}

// PrintEvents prints events as a table. The message comes last: it is what a Failed event is looked up for.
func PrintEvents(p show.Printer, events []v1alpha1.BillingEvent, now time.Time) error {
	columns := []show.Column{
		{Name: "EVENT"}, {Name: "TYPE"}, {Name: "CUSTOMER"}, {Name: "AGE"}, {Name: "OUTCOME"}, {Name: "ATTEMPTS", Wide: true}, {Name: "ACCOUNT", Wide: true},
		{Name: "NAME", Wide: true}, {Name: "MESSAGE"},
	}
	var rows [][]show.Cell
	for i := range events {
		e := &events[i]
		outcome, tone := cmp.Or(string(e.Status.Outcome), "Pending"), show.Plain
		switch e.Status.Outcome {
		case v1alpha1.OutcomeFailed:
			if tone = show.Bad; e.IsDismissed() {
				outcome, tone = "Dismissed", show.Dim
			}
		case v1alpha1.OutcomePending:
			tone = show.Warn
		}
		rows = append(rows, []show.Cell{
			{Text: e.Spec.EventID}, {Text: e.Spec.Type}, {Text: e.CustomerID()}, {Text: duration.HumanDuration(now.Sub(e.Spec.Created.Time))},
			{Text: outcome, Tone: tone}, {Text: number(int(e.Status.Attempts))}, {Text: e.Spec.Account}, {Text: e.Name}, {Text: message(e)},
		})
	}
	return p.Rows(columns, rows)
}

// message explains the outcome.
func message(e *v1alpha1.BillingEvent) string {
	if e.IsDismissed() {
		return say.Dismissed(e)
	}
	processed := meta.FindStatusCondition(e.Status.Conditions, v1alpha1.ConditionProcessed)
	if e.Status.Message == "" && processed != nil && e.Status.Outcome == v1alpha1.OutcomePending {
		return processed.Message
	}
	return e.Status.Message
}
