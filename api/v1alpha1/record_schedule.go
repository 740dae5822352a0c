package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ScheduleRecord is what a subscription_schedule.* event reports.
type ScheduleRecord struct {
	SubscriptionSchedule `json:",inline"`
	Trace                `json:",inline"`
}

// SubscriptionSchedule is what is planned for a subscription. See https://docs.stripe.com/api/subscription_schedules/object.
type SubscriptionSchedule struct {
	// id is Stripe's id of the schedule (sub_sched_…).
	// +optional
	// +kubebuilder:validation:MaxLength=255
	ID string `json:"id,omitempty"`
	// status is Stripe's status: not_started, active, completed, released or canceled. The last three are final: nothing is
	// planned any more.
	// +optional
	// +kubebuilder:validation:MaxLength=64
	Status string `json:"status,omitempty"`
	// created is when the schedule was created.
	// +optional
	Created *metav1.Time `json:"created,omitempty"`
	// nextPhase is what the subscription changes to next. Absent if no further phase is planned.
	// +optional
	NextPhase *SchedulePhase `json:"nextPhase,omitempty"`
	// endsAt is when the last phase ends. Absent if its end is not set, or if nothing is planned any more.
	// +optional
	EndsAt *metav1.Time `json:"endsAt,omitempty"`
	// endBehavior is what happens at endsAt: cancel (the subscription ends) or release (it goes on without the schedule).
	// +optional
	// +kubebuilder:validation:MaxLength=64
	EndBehavior string `json:"endBehavior,omitempty"`
}

// SchedulePhase is a phase of a subscription schedule that has not started.
type SchedulePhase struct {
	// startsAt is when the phase starts.
	// +optional
	StartsAt *metav1.Time `json:"startsAt,omitempty"`
	// endsAt is when the phase ends. Absent if its end is not set.
	// +optional
	EndsAt *metav1.Time `json:"endsAt,omitempty"`
	// trialEnd is when a trial in the phase ends. Absent if it has none.
	// +optional
	TrialEnd *metav1.Time `json:"trialEnd,omitempty"`
	// items are the prices that the subscription will bill, in Stripe's order.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=20
	Items []ScheduledItem `json:"items,omitempty"`
}

// ScheduledItem is one price that a phase bills.
type ScheduledItem struct {
	// price is Stripe's id of the price (price_…) or of the legacy plan.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	Price string `json:"price,omitempty"`
	// quantity is how many units are billed. Absent for metered prices.
	// +optional
	Quantity *int64 `json:"quantity,omitempty"`
}
