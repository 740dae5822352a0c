package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// ResetToken is the token of one link that was sent. The token itself is in the message and nowhere else.
type ResetToken struct {
	// sha256 of this object's UID and the token, in hexadecimal. A restored object has another UID, so that a link that
	// was used before a backup was restored does not work again.
	// +kubebuilder:validation:Pattern=`^[0-9a-f]{64}$`
	// +kubebuilder:validation:MaxLength=64
	SHA256 string `json:"sha256"`
	// addressSHA256 is the SHA-256 of this object's UID and the address that the link was sent to, in hexadecimal. The
	// address is in lower case.
	// +kubebuilder:validation:Pattern=`^[0-9a-f]{64}$`
	// +kubebuilder:validation:MaxLength=64
	AddressSHA256 string `json:"addressSHA256"`
	// sealedAddress is the address that the link was sent to, encrypted so that only the token opens it, in base64. Absent
	// in links of earlier versions.
	// +optional
	// +kubebuilder:validation:Pattern=`^[A-Za-z0-9+/]+=*$`
	// +kubebuilder:validation:MaxLength=512
	SealedAddress string `json:"sealedAddress,omitempty"`
	// expiresAt is when the link stops working.
	ExpiresAt metav1.Time `json:"expiresAt"`
	// attempt is the attempt that was to send the link. If Mailgun did not accept it, the link goes. Absent in links of earlier
	// versions, which stay.
	// +optional
	Attempt *SendingAttempt `json:"attempt,omitempty"`
}

// SendingAttempt names an attempt to send an e-mail.
type SendingAttempt struct {
	// emailUID is the UID of the Email. An Email that is made again counts its attempts anew.
	// +kubebuilder:validation:MaxLength=64
	EmailUID string `json:"emailUID"`
	// number is that of the attempt in the Email's status.
	// +kubebuilder:validation:Minimum=1
	Number int32 `json:"number"`
}

// PasswordResetSpec is whose password may be set, and with which links.
//
// +kubebuilder:validation:XValidation:rule="has(self.account) == has(oldSelf.account) && (!has(self.account) || self.account == oldSelf.account)",message="account is immutable"
type PasswordResetSpec struct {
	// customerRef names the Customer whose password may be set.
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="customerRef is immutable"
	CustomerRef ObjectReference `json:"customerRef"`
	// customerID is Stripe's id of the customer (cus_…).
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=255
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="customerID is immutable"
	CustomerID string `json:"customerID"`
	// account is the connected account (acct_…) of the customer; absent for the platform's own account.
	// +optional
	// +kubebuilder:validation:MaxLength=255
	Account string `json:"account,omitempty"`
	// addressSHA256 is the SHA-256 of this object's UID and the address that the customer has now, in hexadecimal. Only
	// links that were sent to this address work. The address is in lower case; it is empty while the customer has none.
	// Absent in an object of an earlier version: then every link works.
	// +optional
	// +kubebuilder:validation:Pattern=`^[0-9a-f]{64}$`
	// +kubebuilder:validation:MaxLength=64
	AddressSHA256 string `json:"addressSHA256,omitempty"`
	// tokens of the links that were sent, the newest first. There is more than one if it was not known whether Mailgun
	// accepted a message, so that the message was sent again. The first one that is used ends all of them.
	// +optional
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=8
	Tokens []ResetToken `json:"tokens,omitempty"`
}

// PasswordResetStatus is whether a link was used.
type PasswordResetStatus struct {
	// consumedAt is when a link was used. After that, nothing changes any more. Absent before.
	// +optional
	ConsumedAt *metav1.Time `json:"consumedAt,omitempty"`
}

// PasswordReset lets one customer set a password once, by a link in an e-mail. The application that sets the password
// checks and consumes the link with the package api/passwordreset.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=breset,categories=billing
// +kubebuilder:validation:XValidation:rule="!has(oldSelf.status) || !has(oldSelf.status.consumedAt) || (has(self.status) && self.status == oldSelf.status && self.spec == oldSelf.spec)",message="a used password reset never changes"
// +kubebuilder:printcolumn:name="Customer",type=string,JSONPath=`.spec.customerRef.name`
// +kubebuilder:printcolumn:name="Expires",type=string,JSONPath=`.spec.tokens[0].expiresAt`
// +kubebuilder:printcolumn:name="Consumed",type=string,JSONPath=`.status.consumedAt`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type PasswordReset struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec is whose password may be set, and with which links.
	// +required
	Spec PasswordResetSpec `json:"spec"`
	// status is whether a link was used.
	// +optional
	// +structType=atomic
	Status PasswordResetStatus `json:"status,omitzero"`
}

// SettledAt returns from when on no link of the password reset works: when one was used, else when the last one
// expires.
func (r *PasswordReset) SettledAt() metav1.Time {
	if r.Status.ConsumedAt != nil {
		return *r.Status.ConsumedAt
	}
	at := r.CreationTimestamp
	for _, token := range r.Spec.Tokens {
		if at.Before(&token.ExpiresAt) {
			at = token.ExpiresAt
		}
	}
	return at
}

// PasswordResetList is a list of PasswordResets.
//
// +kubebuilder:object:root=true
type PasswordResetList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []PasswordReset `json:"items"`
}
