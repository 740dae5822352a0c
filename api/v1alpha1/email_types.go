package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// EmailPurpose is why an e-mail is sent.
//
// +kubebuilder:validation:Enum=Welcome;PasswordReset
type EmailPurpose string

const (
	// EmailWelcome greets a new customer.
	EmailWelcome EmailPurpose = "Welcome"
	// EmailPasswordReset lets a new customer choose a password.
	EmailPasswordReset EmailPurpose = "PasswordReset"
)

// EmailSpec says to whom and why. The address is read from the customer when the message is sent.
type EmailSpec struct {
	// customerRef names the Customer to write to.
	CustomerRef ObjectReference `json:"customerRef"`
	// purpose of the message.
	Purpose EmailPurpose `json:"purpose"`
}

// AttemptOutcome is what is known of an attempt to hand the message to Mailgun.
//
// +kubebuilder:validation:Enum="";NotAccepted;Unknown;Rejected
type AttemptOutcome string

const (
	// AttemptOpen: the attempt was claimed, and nothing is known of it yet.
	AttemptOpen AttemptOutcome = ""
	// AttemptNotAccepted: Mailgun did not take the message, and may take it later.
	AttemptNotAccepted AttemptOutcome = "NotAccepted"
	// AttemptUnknown: no answer came, or one that leaves it open (5xx). Mailgun's log is asked before the message is sent again.
	AttemptUnknown AttemptOutcome = "Unknown"
	// AttemptRejected: Mailgun refused the message for good.
	AttemptRejected AttemptOutcome = "Rejected"
)

// EmailAttempt is the latest attempt to hand the message to Mailgun. It is written before the message is sent.
type EmailAttempt struct {
	// number of the attempt, from 1.
	// +kubebuilder:validation:Minimum=1
	Number int32 `json:"number"`
	// messageID is the Message-Id header, without angle brackets. It is the same for every attempt.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	MessageID string `json:"messageID"`
	// claimedAt is when the attempt began.
	ClaimedAt metav1.Time `json:"claimedAt"`
	// inDoubtSince is when the first of the earlier attempts began of which it is not known whether Mailgun took the message. Its log is
	// looked into from then on before the message is sent again.
	// +optional
	InDoubtSince *metav1.Time `json:"inDoubtSince,omitempty"`
	// outcome of the attempt; empty while it is under way, or if whoever made it was stopped.
	// +optional
	Outcome AttemptOutcome `json:"outcome,omitempty"`
	// retryAt is when the next attempt is due, after one that was not accepted.
	// +optional
	RetryAt *metav1.Time `json:"retryAt,omitempty"`
}

// EmailStatus says where the message stands.
type EmailStatus struct {
	// attempt is the latest attempt.
	// +optional
	Attempt *EmailAttempt `json:"attempt,omitempty"`
	// sentAt is when Mailgun was known to have accepted the message.
	// +optional
	SentAt *metav1.Time `json:"sentAt,omitempty"`
	// mailgunID is Mailgun's id of the message.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	MailgunID string `json:"mailgunID,omitempty"`
	// observedGeneration is the generation of the spec that this status was made for.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// conditions: Sent.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// Email is one message to one person for one purpose. It is created before anything is sent, and its name, made of
// customer and purpose, makes a second one impossible.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=bmail,categories=billing
// +kubebuilder:printcolumn:name="Customer",type=string,JSONPath=`.spec.customerRef.name`
// +kubebuilder:printcolumn:name="Purpose",type=string,JSONPath=`.spec.purpose`
// +kubebuilder:printcolumn:name="Sent",type=string,JSONPath=`.status.conditions[?(@.type=="Sent")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Sent")].reason`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type Email struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec says to whom and why. It never changes.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="an e-mail never changes"
	Spec EmailSpec `json:"spec"`
	// status says where the message stands.
	// +optional
	Status EmailStatus `json:"status,omitzero"`
}

// EmailList is a list of Emails.
//
// +kubebuilder:object:root=true
type EmailList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Email `json:"items"`
}
