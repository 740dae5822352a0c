// Package situations holds short lives of customers, and for each the decision that tenant authors and support can rely on.
// The table in docs/access.md is generated from them, and a test of the decision holds the code to them.
//
// One file holds one group. To add a row, add a Situation to a group; to add a group, add a file and name it in All.
package situations

import (
	"flag"
	"fmt"
	"regexp"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/config"
	"github.com/tollkeeper/tollkeeper/internal/entitlement"
)

// Begin is day 0 of every life.
var Begin = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// Day is the time from the beginning to a day of the life.
const Day = 24 * time.Hour

// Group is a heading of the table with its situations.
type Group struct {
	// Name is the heading.
	Name string
	// Intro is a sentence or two below the heading; empty if it needs none.
	Intro string
	// Situations are the rows.
	Situations []Situation
}

// Situation is a life up to a moment, and what is decided at that moment.
type Situation struct {
	// Name tells the life in plain words.
	Name string
	// Life plays the life: it makes the events in the order in which they happen.
	Life func(*Life)
	// Flags are the operator's flags that differ from the defaults, such as "--on-refund=Suspend".
	Flags []string
	// Spec is what a person set on the Customer.
	Spec v1alpha1.CustomerSpec
	// HasKey is true if the operator has a Stripe key.
	HasKey bool
	// Asked is the moment of the decision, from the beginning.
	Asked time.Duration
	// Want is the decision.
	Want Want
}

// Want is a decision as tenant authors and support see it.
type Want struct {
	// Entitled and Reason are those of the condition.
	Entitled metav1.ConditionStatus
	Reason   string
	// Until is status.accessUntil, from the beginning; 0 if there is none.
	Until time.Duration
	// Message is the condition's message, with its moments as days of the life: see Relative.
	Message string
}

// yes, no and notKnown are wanted decisions; until and message are added to them.
func yes(reason, message string) Want {
	return Want{Entitled: metav1.ConditionTrue, Reason: reason, Message: message}
}

func no(reason, message string) Want {
	return Want{Entitled: metav1.ConditionFalse, Reason: reason, Message: message}
}

func notKnown(message string) Want {
	return Want{Entitled: metav1.ConditionUnknown, Reason: v1alpha1.ReasonStateNotKnown, Message: message}
}

// until is the decision with the moment at which Entitled turns False.
func (w Want) until(d time.Duration) Want { w.Until = d; return w }

// Policy is what the situation's flags lead to.
func (s *Situation) Policy() (entitlement.Policy, error) {
	var c config.Config
	flags := flag.NewFlagSet("manager", flag.ContinueOnError)
	c.Flags(flags)
	if err := flags.Parse(s.Flags); err != nil {
		return entitlement.Policy{}, err
	}
	return c.Policy, nil
}

// Got is a decision in the form of Want.
func Got(d entitlement.Decision) Want {
	got := Want{Entitled: metav1.ConditionFalse, Reason: d.Reason, Message: Relative(d.Message)}
	switch {
	case d.Unknown:
		got.Entitled = metav1.ConditionUnknown
	case d.Entitled:
		got.Entitled = metav1.ConditionTrue
	}
	if d.Until != nil {
		got.Until = d.Until.Sub(Begin)
	}
	return got
}

// moment is how messages write a moment.
const moment = "2 January 2006 at 15:04 UTC"

var moments = regexp.MustCompile(`\d{1,2} [A-Z][a-z]+ \d{4} at \d\d:\d\d UTC`)

// Relative is a message with its moments as days of the life: "on 8 March 2026 at 00:00 UTC" is "on day 7".
func Relative(message string) string {
	return moments.ReplaceAllStringFunc(message, func(text string) string {
		t, err := time.Parse(moment, text)
		if err != nil {
			return text
		}
		return FormatDay(t.Sub(Begin))
	})
}

// FormatDay is a moment of the life in words: "day 7", or "day 7 at 01:00".
func FormatDay(d time.Duration) string {
	text := fmt.Sprintf("day %d", d/Day)
	if clock := d % Day; clock != 0 {
		text += fmt.Sprintf(" at %02d:%02d", clock/time.Hour, clock%time.Hour/time.Minute)
	}
	return text
}
