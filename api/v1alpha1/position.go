package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Authority says how much an event knows about the thing it speaks of. More authority wins over less, whatever the time.
//
// +kubebuilder:validation:Enum=Mention;Hint;State;Final
type Authority string

const (
	// AuthorityMention: the event names the thing and says no more (a setup intent names its payment method).
	AuthorityMention Authority = "Mention"
	// AuthorityHint: the event says something of a thing that it is not about (a checkout tells its customer's e-mail address).
	AuthorityHint Authority = "Hint"
	// AuthorityState: the event carries the thing's whole state.
	AuthorityState Authority = "State"
	// AuthorityFinal: the event carries a state that Stripe never leaves again (a canceled subscription, a paid invoice).
	AuthorityFinal Authority = "Final"
)

// Doubt says why the events cannot tell a state for certain.
//
// +kubebuilder:validation:Enum=Tie;Gap
type Doubt string

const (
	// DoubtTie: several events of one second tell different states, and nothing in them says which came last. The one of the
	// highest event id shows.
	DoubtTie Doubt = "Tie"
	// DoubtGap: an event says that the state before it was one that no known event has told: one is missing, or not here yet.
	DoubtGap Doubt = "Gap"
)

// Position is the place of an event in the one order of all events about a thing. The order does not depend on arrival:
// authority, then Stripe's created, then what followed on what, then rank, then event id.
type Position struct {
	// authority says how much the event knows about the thing.
	Authority Authority `json:"authority"`
	// created is when Stripe made the event, in whole seconds.
	Created metav1.Time `json:"created"`
	// rank orders the events of one second by the thing's life cycle: later stages have higher ranks.
	// +optional
	Rank int32 `json:"rank,omitempty"`
	// eventID is Stripe's id of the event (evt_…), or "read" where the state was read from Stripe's API.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	EventID string `json:"eventID"`
	// recent are the thing's latest changes, the oldest first: what followed on what is told by them.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=8
	Recent []Transition `json:"recent,omitempty"`
	// doubt is set while the events cannot tell the state for certain.
	// +optional
	Doubt Doubt `json:"doubt,omitempty"`
}

// Transition is one change of a thing's state, told by one event. States are told apart by their hash.
type Transition struct {
	// eventID is Stripe's id of the event (evt_…), or "read" where the state was read from Stripe's API.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	EventID string `json:"eventID"`
	// created is when Stripe made the event, in whole seconds.
	Created metav1.Time `json:"created"`
	// rank is the event's rank among those of its second.
	// +optional
	Rank  int32 `json:"rank,omitempty"`
	Trace `json:",inline"`
}

// Trace says from which state to which an event leads.
type Trace struct {
	// stateBefore is the hash of the state before the event, from its previous_attributes; "none" if the event made the thing;
	// absent if the event does not say.
	// +optional
	// +kubebuilder:validation:MaxLength=16
	StateBefore string `json:"stateBefore,omitempty"`
	// stateAfter is the hash of the state that the event tells.
	// +optional
	// +kubebuilder:validation:MaxLength=16
	StateAfter string `json:"stateAfter,omitempty"`
}

// StateNone is the state before an event that made the thing.
const StateNone = "none"

// EventReference names the newest event that a status has seen.
type EventReference struct {
	// id is Stripe's id of the event (evt_…).
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	ID string `json:"id"`
	// type is Stripe's event type.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	Type string `json:"type"`
	// created is when Stripe made the event.
	Created metav1.Time `json:"created"`
}
