// Package notice is what a tenant's application is notified of: the state of a customer that a tenant acts on, when it
// changed last, and its encoding as a CloudEvent.
package notice

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

// Type is the CloudEvents type of every notification.
const Type = "dev.tollkeeper.billing.entitlement.changed"

// State is what a tenant acts on: the data of a notification. It holds no name and no address of the customer.
type State struct {
	CustomerID        string                    `json:"customerID"`
	Account           string                    `json:"account,omitempty"`
	Name              string                    `json:"name"`
	Livemode          *bool                     `json:"livemode,omitempty"`
	Entitled          metav1.ConditionStatus    `json:"entitled"`
	Reason            string                    `json:"reason"`
	Since             metav1.Time               `json:"since"`
	ChangedAt         metav1.MicroTime          `json:"changedAt"`
	AccessUntil       *metav1.Time              `json:"accessUntil,omitempty"`
	TrialEnd          *metav1.Time              `json:"trialEnd,omitempty"`
	Plan              string                    `json:"plan,omitempty"`
	Plans             []string                  `json:"plans,omitempty"`
	Entitlements      map[string]v1alpha1.Value `json:"entitlements,omitempty"`
	Features          []string                  `json:"features,omitempty"`
	ClientReferenceID string                    `json:"clientReferenceID,omitempty"`
	Metadata          map[string]v1alpha1.Value `json:"metadata,omitempty"`
}

// Of is the customer's state; false before anything is decided.
func Of(c *v1alpha1.Customer) (State, bool) {
	entitled := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionEntitled)
	if entitled == nil {
		return State{}, false
	}
	s := State{
		CustomerID: c.Spec.CustomerID, Account: c.Spec.Account, Name: c.Name, Livemode: c.Status.Livemode,
		Entitled: entitled.Status, Reason: entitled.Reason, Since: metav1.NewTime(entitled.LastTransitionTime.UTC()),
		ChangedAt: metav1.NewMicroTime(ChangedAt(c)), AccessUntil: c.Status.AccessUntil, TrialEnd: c.Status.TrialEnd,
		Plan: c.Status.Plan, Plans: c.Status.Plans, Entitlements: c.Status.Entitlements, Features: c.Status.Features,
		Metadata: c.Status.Metadata,
	}
	if c.Status.Signup != nil {
		s.ClientReferenceID = c.Status.Signup.ClientReferenceID
	}
	return s, true
}

// ChangedAt is when the customer's state changed last. A version without status.changedAt has noted no more than the time
// at which the status of Entitled changed. It is zero before anything is decided.
func ChangedAt(c *v1alpha1.Customer) time.Time {
	if c.Status.ChangedAt != nil {
		return c.Status.ChangedAt.UTC()
	}
	if entitled := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionEntitled); entitled != nil {
		return entitled.LastTransitionTime.UTC().Truncate(time.Second) // as it is stored
	}
	return time.Time{}
}

// Stamp sets status.changedAt of planned, the customer as it is to be written, if its state is not that of stored. Each
// time is later than the one before, even if the clock was set back: so two states never have the same.
func Stamp(stored, planned *v1alpha1.Customer, now time.Time) {
	before, _ := Of(stored)
	after, decided := Of(planned)
	before.ChangedAt, after.ChangedAt = metav1.MicroTime{}, metav1.MicroTime{}
	if !decided || equality.Semantic.DeepEqual(before, after) {
		return
	}
	at := now.UTC().Truncate(time.Microsecond)
	if next := ChangedAt(stored).Add(time.Microsecond); at.Before(next) {
		at = next
	}
	planned.Status.ChangedAt = new(metav1.NewMicroTime(at))
}

// IsPending reports whether the sink has not accepted the customer's present state yet. sink is its ID.
func IsPending(c *v1alpha1.Customer, sink string) bool {
	accepted := c.Status.Notified
	at := ChangedAt(c)
	return !at.IsZero() && (accepted == nil || accepted.Sink != sink || accepted.ChangedAt.Time.Before(at))
}

// Accepted is what to note once the sink has accepted the customer's state at the time now.
func Accepted(c *v1alpha1.Customer, sink string, now time.Time) *v1alpha1.Notified {
	return &v1alpha1.Notified{
		ChangedAt: metav1.NewMicroTime(ChangedAt(c)), At: metav1.NewTime(now.UTC().Truncate(time.Second)), Sink: sink,
	}
}

// SinkID identifies a sink by its URL.
func SinkID(url string) string {
	digest := sha256.Sum256([]byte(url))
	return hex.EncodeToString(digest[:8])
}

// ID is the CloudEvent's id of the customer's state: the same each time it is sent, and no other state's.
func ID(c *v1alpha1.Customer) string { return fmt.Sprintf("%s-%s", c.UID, sequence(ChangedAt(c))) }

// sequence orders the states of a customer as text: microseconds since 1970, with 16 digits until the year 2286.
func sequence(changedAt time.Time) string { return fmt.Sprintf("%016d", changedAt.UnixMicro()) }

// cloudEvent is a CloudEvent in the JSON format.
// See https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md.
type cloudEvent struct {
	SpecVersion     string           `json:"specversion"`
	ID              string           `json:"id"`
	Source          string           `json:"source"`
	Type            string           `json:"type"`
	Subject         string           `json:"subject"`
	Time            metav1.MicroTime `json:"time"`
	DataContentType string           `json:"datacontenttype"`
	// Sequence is the extension of https://github.com/cloudevents/spec/blob/main/cloudevents/extensions/sequence.md.
	Sequence string `json:"sequence"`
	Data     State  `json:"data"`
}

// Encode encodes the customer's state as a CloudEvent in the structured mode. The same state gives the same bytes.
func Encode(c *v1alpha1.Customer) ([]byte, error) {
	state, decided := Of(c)
	if !decided {
		return nil, fmt.Errorf("customer %s has no decision yet", c.Name)
	}
	body, err := json.Marshal(cloudEvent{
		SpecVersion: "1.0", ID: ID(c), Source: "/apis/" + v1alpha1.GroupVersion.String() + "/namespaces/" + c.Namespace + "/customers",
		Type: Type, Subject: c.Spec.CustomerID, Time: state.ChangedAt, DataContentType: "application/json",
		Sequence: sequence(state.ChangedAt.Time), Data: state,
	})
	if err != nil {
		return nil, fmt.Errorf("encode the state of customer %s: %w", c.Name, err)
	}
	return body, nil
}
