// Package timeline shows what happened to a customer, in Stripe's order: the events and what became of them, the e-mails,
// the override, and what the operator decided as far as Kubernetes still has its events.
//
// It is pure.
package timeline

import (
	"cmp"
	"slices"
	"strings"
	"time"

	eventsv1 "k8s.io/api/events/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/cli/say"
	"github.com/tollkeeper/tollkeeper/internal/cli/show"
	"github.com/tollkeeper/tollkeeper/internal/projection"
)

// Input is what is known of one customer.
type Input struct {
	Customer *v1alpha1.Customer
	// Events about the customer, in any order.
	Events []v1alpha1.BillingEvent
	// Archived are the ids of those events that have left the cluster.
	Archived map[string]bool
	// Subscriptions and Emails of the customer.
	Subscriptions []v1alpha1.Subscription
	Emails        []v1alpha1.Email
	// Decisions are the Kubernetes events about the Customer.
	Decisions []eventsv1.Event
}

// Kind is what an entry is about.
type Kind string

// The kinds.
const (
	Event    Kind = "Event"
	Email    Kind = "Email"
	Override Kind = "Override"
	Decision Kind = "Decision"
)

// Entry is one thing that happened.
type Entry struct {
	At   metav1.Time `json:"at"`
	Kind Kind        `json:"kind"`
	// What is the event's type, or the purpose of the e-mail.
	What string `json:"what"`
	// Change says what it reports or did.
	Change string `json:"change,omitempty"`
	// Outcome is what became of it: of an event its outcome, or Pending; of an e-mail the reason of its condition.
	Outcome string `json:"outcome,omitempty"`
	// Message explains the outcome if it is not the usual one.
	Message string `json:"message,omitempty"`
	// ID is Stripe's id of the event, or the name of the object.
	ID string `json:"id"`
	// Shown are the parts of the customer's or a subscription's status that show this event now.
	Shown []string `json:"shown,omitempty"`
	// Archived is true of an event that has left the cluster.
	Archived bool `json:"archived,omitempty"`
}

// Pending is the outcome of an event that was not handled yet.
const Pending = "Pending"

// Of lists what happened, the earliest first. Events of one second are in the order of their ids, as the operator has them.
func Of(in Input) []Entry {
	entries := []Entry{}
	shown := shownParts(in)
	for i := range in.Events {
		entry := ofEvent(&in.Events[i], shown)
		entry.Archived = in.Archived[entry.ID]
		entries = append(entries, entry)
	}
	for i := range in.Emails {
		entries = append(entries, ofEmail(&in.Emails[i]))
	}
	if entry := ofOverride(in.Customer); entry != nil {
		entries = append(entries, *entry)
	}
	for i := range in.Decisions {
		entries = append(entries, ofDecision(&in.Decisions[i]))
	}
	slices.SortStableFunc(entries, func(a, b Entry) int {
		return cmp.Or(a.At.Compare(b.At.Time), cmp.Compare(kindOrder(a.Kind), kindOrder(b.Kind)), cmp.Compare(a.ID, b.ID))
	})
	return entries
}

// kindOrder puts the cause before the effect where both are of one second.
func kindOrder(k Kind) int { return slices.Index([]Kind{Override, Event, Decision, Email}, k) }

// shownParts maps the ids of events to the parts of the statuses that show them.
func shownParts(in Input) map[string][]string {
	shown := map[string][]string{}
	add := func(object string, positions map[string]v1alpha1.Position) {
		for part, position := range positions {
			shown[position.EventID] = append(shown[position.EventID], object+part)
		}
	}
	add("", in.Customer.Status.Positions)
	for i := range in.Subscriptions {
		add(in.Subscriptions[i].Spec.SubscriptionID+" ", in.Subscriptions[i].Status.Positions)
	}
	for id := range shown {
		slices.Sort(shown[id])
	}
	return shown
}

func ofEvent(e *v1alpha1.BillingEvent, shown map[string][]string) Entry {
	entry := Entry{
		At: projection.EventOf(e).Created, Kind: Event, What: e.Spec.Type, Change: Describe(&e.Spec),
		Outcome: cmp.Or(string(e.Status.Outcome), Pending), ID: e.Spec.EventID, Shown: shown[e.Spec.EventID],
	}
	switch e.Status.Outcome {
	case v1alpha1.OutcomeFailed:
		entry.Message = e.Status.Message
		if e.IsDismissed() {
			entry.Outcome, entry.Message = "Dismissed", say.Dismissed(e)
		}
	case v1alpha1.OutcomePending:
		processed := meta.FindStatusCondition(e.Status.Conditions, v1alpha1.ConditionProcessed)
		if entry.Message = e.Status.Message; entry.Message == "" && processed != nil {
			entry.Message = processed.Message
		}
	case v1alpha1.OutcomeSuperseded:
		entry.Message = "newer events had reported everything in it"
	}
	return entry
}

func ofEmail(e *v1alpha1.Email) Entry {
	entry := Entry{At: e.CreationTimestamp, Kind: Email, What: string(e.Spec.Purpose), Change: "planned", ID: e.Name, Outcome: "Waiting"}
	if sent := meta.FindStatusCondition(e.Status.Conditions, v1alpha1.ConditionSent); sent != nil {
		entry.Outcome = sent.Reason
		if sent.Status != metav1.ConditionTrue {
			entry.Change, entry.Message = "not sent", sent.Message
		}
	}
	if e.Status.SentAt != nil {
		entry.At, entry.Change = *e.Status.SentAt, "sent"
	}
	return entry
}

// ofOverride is the override of the spec. When it was set is read from the managed fields.
func ofOverride(c *v1alpha1.Customer) *Entry {
	o := c.Spec.Override
	if o == nil {
		return nil
	}
	entry := &Entry{At: c.CreationTimestamp, Kind: Override, What: string(o.Access), ID: c.Name, Change: "until it is removed"}
	for _, fields := range c.ManagedFields {
		if fields.Subresource == "" && fields.Time != nil && fields.FieldsV1 != nil && strings.Contains(string(fields.FieldsV1.GetRawBytes()), `"f:override"`) {
			entry.At = *fields.Time
		}
	}
	if o.Until != nil {
		entry.Change = "until " + say.Moment(o.Until.Time)
	}
	if o.Author != "" {
		entry.Change += ", by " + o.Author
	}
	entry.Message = o.Reason
	return entry
}

func ofDecision(e *eventsv1.Event) Entry {
	at := e.EventTime.Time
	if e.Series != nil {
		at = e.Series.LastObservedTime.Time
	}
	if at.IsZero() {
		at = e.DeprecatedLastTimestamp.Time
	}
	return Entry{At: metav1.NewTime(at.Truncate(time.Second)), Kind: Decision, What: e.Reason, Change: e.Note, ID: e.Name}
}

var columns = []show.Column{
	{Name: "TIME (UTC)"}, {Name: "WHAT"}, {Name: "OUTCOME"}, {Name: "ID"}, {Name: "SHOWN IN", Wide: true}, {Name: "CHANGE"},
}

var tones = map[string]show.Tone{
	string(v1alpha1.OutcomeFailed): show.Bad, Pending: show.Warn, string(v1alpha1.OutcomeSuperseded): show.Dim, string(v1alpha1.OutcomeRecorded): show.Dim,
	v1alpha1.ReasonRejected: show.Bad, v1alpha1.ReasonExpired: show.Bad,
}

// Print prints the entries as a table.
func Print(p show.Printer, entries []Entry) error {
	var rows [][]show.Cell
	for _, e := range entries {
		what, id := e.What, e.ID
		change := e.Change
		switch e.Kind {
		case Email:
			what = "e-mail " + e.What
		case Override:
			what = "override " + e.What
		case Decision:
			what, id = "decision "+e.What, ""
		}
		if e.Message != "" {
			change = strings.TrimPrefix(change+" ("+strings.TrimSuffix(e.Message, ".")+")", " ")
		}
		shown := strings.Join(e.Shown, ", ")
		if e.Archived {
			id += " (archived)"
		}
		rows = append(rows, []show.Cell{
			{Text: say.Second(e.At.Time), Tone: show.Dim}, {Text: what}, {Text: e.Outcome, Tone: tones[e.Outcome]},
			{Text: id, Tone: show.Dim}, {Text: shown}, {Text: change},
		})
	}
	return p.Rows(columns, rows)
}
