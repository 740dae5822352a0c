package lists

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/duration"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/cli/say"
	"github.com/tollkeeper/tollkeeper/internal/cli/show"
)

// Reason counts the customers with one reason.
type Reason struct {
	Entitled  string `json:"entitled"`
	Reason    string `json:"reason"`
	Customers int    `json:"customers"`
}

// Top is an installation at a glance.
type Top struct {
	Namespace string      `json:"namespace"`
	At        metav1.Time `json:"at"`
	// Customers counts all, and Entitled those by the condition's status; NotDecided those without it.
	Customers int            `json:"customers"`
	Entitled  map[string]int `json:"entitled"`
	Reasons   []Reason       `json:"reasons"`
	// NotReady and NotInSync count customers by the reason for which the condition Ready or InSync is not True.
	NotReady  map[string]int `json:"notReady"`
	NotInSync map[string]int `json:"notInSync"`
	// Pending and Failed count events; OldestPending is when the oldest pending one was created. Dismissed counts the failed
	// events that a person has dealt with, which Failed leaves out.
	Pending       int          `json:"pending"`
	OldestPending *metav1.Time `json:"oldestPending,omitempty"`
	Failed        int          `json:"failed"`
	Dismissed     int          `json:"dismissed"`
	Lag           *Lag         `json:"lag,omitempty"`
	// Emails counts e-mails by the reason of their condition.
	Emails map[string]int `json:"emails"`
}

// Lag is how long the newest events took from Stripe's created to their outcome. Both have whole seconds.
type Lag struct {
	Events         int    `json:"events"`
	Median         string `json:"median"`
	Longest        string `json:"longest"`
	LongestEventID string `json:"longestEventID"`
}

// NotDecided stands for customers without the condition Entitled.
const NotDecided = "NotDecided"

// CountCustomers adds customers to the counts.
func (t *Top) CountCustomers(customers []v1alpha1.Customer) {
	if t.Entitled == nil {
		t.Entitled, t.NotReady, t.NotInSync = map[string]int{}, map[string]int{}, map[string]int{}
	}
	for i := range customers {
		reason := Reason{Entitled: NotDecided}
		if c := meta.FindStatusCondition(customers[i].Status.Conditions, v1alpha1.ConditionEntitled); c != nil {
			reason.Entitled, reason.Reason = string(c.Status), c.Reason
		}
		t.Customers++
		t.Entitled[reason.Entitled]++
		at := slices.IndexFunc(t.Reasons, func(r Reason) bool { return r.Entitled == reason.Entitled && r.Reason == reason.Reason })
		if at < 0 {
			t.Reasons, at = append(t.Reasons, reason), len(t.Reasons)
		}
		t.Reasons[at].Customers++
		countUnlessTrue(t.NotReady, customers[i].Status.Conditions, v1alpha1.ConditionReady)
		countUnlessTrue(t.NotInSync, customers[i].Status.Conditions, v1alpha1.ConditionInSync)
	}
	slices.SortFunc(t.Reasons, func(a, b Reason) int {
		return cmp.Or(-cmp.Compare(a.Customers, b.Customers), cmp.Compare(a.Entitled, b.Entitled), cmp.Compare(a.Reason, b.Reason))
	})
}

func countUnlessTrue(counts map[string]int, conditions []metav1.Condition, kind string) {
	if c := meta.FindStatusCondition(conditions, kind); c != nil && c.Status != metav1.ConditionTrue {
		counts[c.Reason]++
	}
}

// CountPending adds pending events to the counts.
func (t *Top) CountPending(events []v1alpha1.BillingEvent) {
	for i := range events {
		t.Pending++
		if created := &events[i].Spec.Created; t.OldestPending == nil || created.Before(t.OldestPending) {
			t.OldestPending = created.DeepCopy()
		}
	}
}

// CountFailed adds failed events to the counts.
func (t *Top) CountFailed(events []v1alpha1.BillingEvent) {
	for i := range events {
		if events[i].IsDismissed() {
			t.Dismissed++
		} else {
			t.Failed++
		}
	}
}

// CountEmails adds e-mails to the counts.
func (t *Top) CountEmails(emails []v1alpha1.Email) {
	if t.Emails == nil {
		t.Emails = map[string]int{}
	}
	for i := range emails {
		reason := "Planned"
		if sent := meta.FindStatusCondition(emails[i].Status.Conditions, v1alpha1.ConditionSent); sent != nil {
			reason = sent.Reason
		}
		t.Emails[reason]++
	}
}

// MeasureLag measures the events that have an outcome; nil if none has. Events that were retried or found late by the
// backfill are among them: the median says how it usually is.
func MeasureLag(events []v1alpha1.BillingEvent) *Lag {
	type lag struct {
		id   string
		took time.Duration
	}
	var lags []lag
	for i := range events {
		if done := events[i].Status.ProcessedAt; done != nil {
			lags = append(lags, lag{events[i].Spec.EventID, max(0, done.Sub(events[i].Spec.Created.Time))})
		}
	}
	if len(lags) == 0 {
		return nil
	}
	slices.SortFunc(lags, func(a, b lag) int { return cmp.Or(cmp.Compare(a.took, b.took), cmp.Compare(a.id, b.id)) })
	longest := lags[len(lags)-1]
	return &Lag{
		Events: len(lags), Median: duration.HumanDuration(lags[(len(lags)-1)/2].took), Longest: duration.HumanDuration(longest.took), LongestEventID: longest.id,
	}
}

// NewestEvents are the newest events that the customers' statuses name, at most n, the newest first.
func NewestEvents(customers []v1alpha1.Customer, n int) []EventKey {
	var all []EventKey
	for i := range customers {
		if last := customers[i].Status.LastEvent; last != nil {
			all = append(all, EventKey{Account: customers[i].Spec.Account, ID: last.ID, Created: last.Created})
		}
	}
	return newestOf(all, n)
}

// newestOf are the n newest events, the newest first.
func newestOf(keys []EventKey, n int) []EventKey {
	slices.SortFunc(keys, func(a, b EventKey) int { return cmp.Or(b.Created.Compare(a.Created.Time), cmp.Compare(a.ID, b.ID)) })
	return keys[:min(n, len(keys))]
}

// EventKey names an event.
type EventKey struct {
	Account, ID string
	Created     metav1.Time
}

// Print prints the counts for people.
func (t *Top) Print(p show.Printer, now time.Time) error {
	if _, err := fmt.Fprintf(p.Out, "%s, %s UTC: %s, %d entitled, %d not, %d not known, %d not decided\n\n", p.Paint(show.Strong, t.Namespace),
		say.Second(now), say.Count(t.Customers, "customer"), t.Entitled["True"], t.Entitled["False"], t.Entitled["Unknown"], t.Entitled[NotDecided]); err != nil {
		return err
	}
	rows := [][]show.Cell{}
	for _, r := range t.Reasons {
		tone := map[string]show.Tone{"True": show.Good, "False": show.Bad}[r.Entitled]
		if tone == show.Plain {
			tone = show.Warn
		}
		rows = append(rows, []show.Cell{{Text: r.Entitled, Tone: tone}, {Text: r.Reason}, {Text: number(r.Customers)}})
	}
	if len(rows) > 0 {
		if err := p.Rows([]show.Column{{Name: "ENTITLED"}, {Name: "REASON"}, {Name: "CUSTOMERS"}}, rows); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(p.Out); err != nil {
			return err
		}
	}
	return p.Pairs(t.facts(now))
}

// facts are the lines below the table.
func (t *Top) facts(now time.Time) [][]show.Cell {
	pending, pendingTone := "none", show.Good
	if t.Pending > 0 {
		pending = fmt.Sprintf("%d, the oldest of %s", t.Pending, say.Relative(t.OldestPending.Time, now))
		if pendingTone = show.Warn; now.Sub(t.OldestPending.Time) < time.Minute {
			pendingTone = show.Plain
		}
	}
	failed, failedTone := "none", show.Good
	if t.Failed > 0 {
		failed, failedTone = number(t.Failed)+"; see kubectl tollkeeper events --failed", show.Bad
	}
	if t.Dismissed > 0 {
		failed += fmt.Sprintf(" (%d dismissed)", t.Dismissed)
	}
	lag := "no event has an outcome yet"
	if t.Lag != nil {
		lag = fmt.Sprintf("median %s, longest %s (%s), of the newest %s", t.Lag.Median, t.Lag.Longest, t.Lag.LongestEventID, say.Count(t.Lag.Events, "event"))
	}
	return [][]show.Cell{
		{{Text: "Pending events"}, {Text: pending, Tone: pendingTone}},
		{{Text: "Failed events"}, {Text: failed, Tone: failedTone}},
		{{Text: "Created to shown"}, {Text: lag}},
		{{Text: "E-mails"}, {Text: cmp.Or(ByReason(t.Emails), "none")}},
	}
}

// ByReason words counts by reason: "3 Accepted, 1 Rejected". It is empty if there are none.
func ByReason(counts map[string]int) string {
	var parts []string
	for _, reason := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, number(counts[reason])+" "+reason)
	}
	return strings.Join(parts, ", ")
}

func number(n int) string { return strconv.Itoa(n) }
