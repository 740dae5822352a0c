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

// Position is the place of an event in the one order of all events about a thing. The order does not depend on arrival:
// authority, then Stripe's created, then rank, then event id.
type Position struct {
	// authority says how much the event knows about the thing.
	Authority Authority `json:"authority"`
	// created is when Stripe made the event, in whole seconds.
	Created metav1.Time `json:"created"`
	// rank orders the events of one second by the thing's life cycle: later stages have higher ranks.
	// +optional
	Rank int32 `json:"rank,omitempty"`
	// eventID is Stripe's id of the event (evt_…).
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	EventID string `json:"eventID"`
}

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
