package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Authority is how much an event knows about the object that it describes. More wins over less, whatever the times.
//
// +kubebuilder:validation:Enum=Mention;Hint;State;Final
type Authority string

const (
	// AuthorityMention: the event only names the object, as a setup intent names its payment method.
	AuthorityMention Authority = "Mention"
	// AuthorityHint: the event is about another object and carries some fields of this one, as a checkout does.
	AuthorityHint Authority = "Hint"
	// AuthorityState: the event carries the object's whole state.
	AuthorityState Authority = "State"
	// AuthorityFinal: the event carries a state that Stripe never leaves, such as canceled.
	AuthorityFinal Authority = "Final"
)

// Doubt is why the known events cannot settle which state is current.
//
// +kubebuilder:validation:Enum=Tie;Gap;Refuted
type Doubt string

const (
	// DoubtTie: events created in the same second disagree about the last state. The highest event id shows.
	DoubtTie Doubt = "Tie"
	// DoubtGap: an event changed a state that no known event led to. An event is missing, or has not arrived yet.
	DoubtGap Doubt = "Gap"
	// DoubtRefuted: Stripe, when read, did not have the final state that an event had reported. Events about the object
	// that are newer than the reading lost against that state, so the object is read once more.
	DoubtRefuted Doubt = "Refuted"
)

// Position is the place of an event in the order of all events about one object. The order does not depend on arrival:
// authority comes first, then Stripe's created, then the chain of changes (see recent), then rank, then event id. A state
// that was read from Stripe wins over every event of an earlier second, whatever its authority.
type Position struct {
	// authority is how much the event knows about the object. It is compared first.
	Authority Authority `json:"authority"`
	// created is when Stripe created the event, in whole seconds; of an event that is dated more than five minutes
	// after it was recorded, when it was recorded.
	Created metav1.Time `json:"created"`
	// rank orders the events of one second by the object's life cycle: later stages have higher ranks.
	// +optional
	Rank int32 `json:"rank,omitempty"`
	// eventID is Stripe's id of the event (evt_…), or "read" if the state was read from Stripe's API.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	EventID string `json:"eventID"`
	// recent lists the object's latest changes, the oldest first. Among the events of one second, the change that no
	// other change follows is the latest.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=8
	Recent []Transition `json:"recent,omitempty"`
	// doubt is set while the events cannot settle which state is current.
	// +optional
	Doubt Doubt `json:"doubt,omitempty"`
}

// Transition is one change of an object's state, as one event reports it. Hashes distinguish the states.
type Transition struct {
	// eventID is Stripe's id of the event (evt_…), or "read" if the state was read from Stripe's API.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	EventID string `json:"eventID"`
	// created is when Stripe created the event, in whole seconds.
	Created metav1.Time `json:"created"`
	// rank is the event's rank among the events of the same second.
	// +optional
	Rank  int32 `json:"rank,omitempty"`
	Trace `json:",inline"`
}

// Trace is the change that an event reports: the hash of the state before and the hash of the state after. A hash begins
// with the version of what is hashed, such as "1f6a20:": hashes of different versions cannot be compared.
//
// If evt_1 leads from "none" to A and evt_2 leads from A to B, then evt_2 follows evt_1, whichever arrives first.
type Trace struct {
	// stateBefore is the hash of the state before the event, from Stripe's previous_attributes; "none" if the event
	// created the object; absent if the event does not say.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	StateBefore string `json:"stateBefore,omitempty"`
	// stateAfter is the hash of the state that the event reports.
	// +optional
	// +kubebuilder:validation:MaxLength=32
	StateAfter string `json:"stateAfter,omitempty"`
}

// StateNone is the state before an event that created its object.
const StateNone = "none"

// StateVersionEnd ends the version of a state's hash. Hashes of the first version have none.
const StateVersionEnd = ":"
