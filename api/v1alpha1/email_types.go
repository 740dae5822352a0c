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

// EmailSpec is the recipient and the purpose of a message. The address is found when the message is sent.
type EmailSpec struct {
	// customerRef names the Customer that receives the message.
	CustomerRef ObjectReference `json:"customerRef"`
	// purpose of the message: Welcome or PasswordReset.
	Purpose EmailPurpose `json:"purpose"`
	// sessionID is Stripe's id of the checkout session (cs_…) by which the customer signed up. The Message-Id follows from
	// it, so that a message is the same one after a restore.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	SessionID string `json:"sessionID,omitempty"`
	// sendBefore is when the message is too old to be sent: the sign-up plus --mail-max-age. Absent in Emails of earlier
	// versions: for these the sign-up that the Customer shows counts, or the Email's creation if that was before.
	// +optional
	SendBefore *metav1.Time `json:"sendBefore,omitempty"`
}

// AttemptOutcome is what is known about an attempt to hand the message to Mailgun.
//
// +kubebuilder:validation:Enum="";NotAccepted;Unknown;Rejected
type AttemptOutcome string

const (
	// AttemptOpen: the attempt was started and its result is not recorded yet.
	AttemptOpen AttemptOutcome = ""
	// AttemptNotAccepted: Mailgun did not accept the message, and may accept it later.
	AttemptNotAccepted AttemptOutcome = "NotAccepted"
	// AttemptUnknown: the answer is missing or unclear (5xx). Mailgun's log decides whether the message is sent again.
	AttemptUnknown AttemptOutcome = "Unknown"
	// AttemptRejected: Mailgun rejected the message for good.
	AttemptRejected AttemptOutcome = "Rejected"
)

// EmailAttempt is the latest attempt to hand the message to Mailgun. It is recorded before the message is sent.
type EmailAttempt struct {
	// number of the attempt, from 1.
	// +kubebuilder:validation:Minimum=1
	Number int32 `json:"number"`
	// messageID is the Message-Id header, without angle brackets. It is the same for every attempt.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	MessageID string `json:"messageID"`
	// recipientHMAC is the HMAC-SHA256 of the address that the attempt goes to, in hexadecimal, keyed by the Mailgun API
	// key. By it the messages to one address are counted (--mails-per-address). Attempts of earlier versions have none.
	// +optional
	// +kubebuilder:validation:Pattern=`^[0-9a-f]{64}$`
	// +kubebuilder:validation:MaxLength=64
	RecipientHMAC string `json:"recipientHMAC,omitempty"`
	// claimedAt is when the attempt began.
	ClaimedAt metav1.Time `json:"claimedAt"`
	// inDoubtSince is when the first earlier attempt began whose result is unknown. Before the message is sent again,
	// Mailgun's log is searched from this time on. Absent if every earlier attempt was not accepted.
	// +optional
	InDoubtSince *metav1.Time `json:"inDoubtSince,omitempty"`
	// outcome of the attempt. Empty while it is in progress, or if the process stopped during it.
	// +optional
	Outcome AttemptOutcome `json:"outcome,omitempty"`
	// retryAt is when the next attempt is due. Set after an attempt that Mailgun did not accept.
	// +optional
	RetryAt *metav1.Time `json:"retryAt,omitempty"`
}

// EmailStatus is how far the message has come.
type EmailStatus struct {
	// attempt is the latest attempt. Absent before the first one.
	// +optional
	Attempt *EmailAttempt `json:"attempt,omitempty"`
	// sentAt is when Mailgun was first known to have accepted the message. Absent before.
	// +optional
	SentAt *metav1.Time `json:"sentAt,omitempty"`
	// mailgunID is Mailgun's id of the message. Absent until it is known.
	// +optional
	// +kubebuilder:validation:MaxLength=512
	MailgunID string `json:"mailgunID,omitempty"`
	// observedGeneration is metadata.generation of the spec that this status is based on.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// conditions of the e-mail. The type is Sent.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=8
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// Email is one message to one customer for one purpose. It is created before anything is sent. Its name consists of
// customer and purpose, so a second one cannot exist.
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

	// spec is the recipient and the purpose. It never changes.
	// +required
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="an e-mail never changes"
	Spec EmailSpec `json:"spec"`
	// status is how far the message has come.
	// +optional
	// +structType=atomic
	Status EmailStatus `json:"status,omitzero"`
}

// SettledAt returns when the message was sent, rejected for good, or given up: too old, or its customer deleted at
// Stripe. It returns nil while the message may still be sent.
func (e *Email) SettledAt() *metav1.Time {
	attempt := e.Status.Attempt
	switch {
	case e.Status.SentAt != nil:
		return e.Status.SentAt
	case attempt != nil && attempt.Outcome == AttemptRejected:
		return &attempt.ClaimedAt
	}
	for i := range e.Status.Conditions {
		c := &e.Status.Conditions[i]
		if c.Type != ConditionSent || c.Status != metav1.ConditionFalse {
			continue
		}
		switch c.Reason {
		case ReasonCustomerDeleted:
			return &c.LastTransitionTime
		case ReasonExpired:
			if c.LastTransitionTime.Before(e.Spec.SendBefore) {
				return e.Spec.SendBefore
			}
			return &c.LastTransitionTime
		}
	}
	return nil
}

// EmailList is a list of Emails.
//
// +kubebuilder:object:root=true
type EmailList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Email `json:"items"`
}
